internal import HTTPMessage
internal import Platform
internal import Synchronization

/// What all parts of a running server share.
final class ServerContext: Sendable {
    let configuration: ServerConfiguration
    let application: any Application
    /// Set when the server stops: replies close their connections from then on.
    let isDraining = Atomic<Bool>(false)
    /// Closed connections whose clients may still be sending.
    let lingering = Lingering()
    private let startNanoseconds: UInt64

    let accepted = Atomic<UInt64>(0)
    let requests = Atomic<UInt64>(0)
    let timedOut = Atomic<UInt64>(0)
    let evicted = Atomic<UInt64>(0)
    let violations = Atomic<UInt64>(0)
    let interruptedReplies = Atomic<UInt64>(0)

    init(configuration: ServerConfiguration, application: any Application) {
        self.configuration = configuration
        self.application = application
        startNanoseconds = Clock.monotonicNanoseconds()
    }

    /// Milliseconds since the server's start.
    var nowMilliseconds: UInt64 {
        (Clock.monotonicNanoseconds() &- startNanoseconds) / 1_000_000
    }
}

extension Atomic<UInt64> {
    /// Adds one to a counter.
    func increment() { add(1, ordering: .relaxed) }
}
