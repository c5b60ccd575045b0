internal import Synchronization

/// Hears that a reply is there.
package protocol ResponseSink: AnyObject, Sendable {
    /// Called once, on the thread that called `Responder.respond`.
    func responseReady()
}

/// Takes the one reply of an exchange, from any thread and at any later time.
///
/// `@unchecked Sendable`: `make` is written once, before `isReady` is stored with releasing order,
/// and read after it was loaded with acquiring order.
package final class Responder: @unchecked Sendable {
    private enum State {
        static let empty: UInt8 = 0
        static let filling: UInt8 = 1
        static let ready: UInt8 = 2
    }

    private let state = Atomic<UInt8>(State.empty)
    private var make: (@Sendable () -> Response)?
    private let sink: any ResponseSink

    package init(sink: any ResponseSink) {
        self.sink = sink
    }

    /// Replies; exactly one `respond` is called, exactly once.
    package func respond(_ response: Response) {
        respond { response }
    }

    /// Replies with what `make` returns.
    ///
    /// Cheap on the calling thread: `make` runs on the server's own.
    package func respond(_ make: @escaping @Sendable () -> Response) {
        let (first, _) = state.compareExchange(
            expected: State.empty,
            desired: State.filling,
            ordering: .relaxed
        )
        precondition(first, "an exchange has one reply")
        self.make = make
        state.store(State.ready, ordering: .releasing)
        sink.responseReady()
    }

    /// Whether `respond` was called.
    package var isReady: Bool { state.load(ordering: .acquiring) == State.ready }

    /// Makes the reply, once, for the server; nil before `respond` was called.
    package func takeResponse() -> Response? {
        guard isReady, let make else { return nil }
        self.make = nil
        return make()
    }
}
