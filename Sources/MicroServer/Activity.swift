// When a connection has had its time. Pure: times are milliseconds since the server's start.

/// What a connection is doing.
enum Phase: UInt8, Sendable {
    /// Accepted; no request line yet.
    case fresh = 0
    /// Between requests.
    case idle
    /// A request line has come, its header fields have not all come.
    case head
    case body
    /// The request is complete, the reply is not ready.
    case working
    /// The reply is being sent.
    case replying
}

/// A phase and when it began, or last made progress, in one word that threads can share.
struct Activity: Equatable, Sendable {
    let phase: Phase
    let sinceMilliseconds: UInt64

    init(_ phase: Phase, sinceMilliseconds: UInt64) {
        self.phase = phase
        self.sinceMilliseconds = sinceMilliseconds
    }

    init(rawValue: UInt64) {
        phase = Phase(rawValue: UInt8(truncatingIfNeeded: rawValue & 7)) ?? .fresh
        sinceMilliseconds = rawValue >> 3
    }

    /// Whether nothing but the client's next bytes can move the connection on, and none came
    /// lately.
    func isWaiting(nowMilliseconds: UInt64) -> Bool {
        switch phase {
        case .fresh, .idle, .head: nowMilliseconds >= sinceMilliseconds + 100
        case .body, .working, .replying: false
        }
    }

    var rawValue: UInt64 { sinceMilliseconds << 3 | UInt64(phase.rawValue) }
}

/// A stretch of a body's time over which its rate is judged.
struct RateWindow: Equatable, Sendable {
    var activity: Activity
    var startMilliseconds: UInt64
    var startBytes: Int
}

/// The deadlines of all phases.
struct Deadlines: Sendable {
    let headMilliseconds: UInt64
    let idleMilliseconds: UInt64
    let windowMilliseconds: UInt64
    let minimumBytesPerSecond: UInt64

    init(_ configuration: ServerConfiguration) {
        headMilliseconds = UInt64(configuration.headDeadlineSeconds * 1000)
        idleMilliseconds = UInt64(configuration.idleDeadlineSeconds * 1000)
        windowMilliseconds = UInt64(configuration.bodyWindowSeconds * 1000)
        minimumBytesPerSecond = UInt64(max(0, configuration.minimumBodyBytesPerSecond))
    }

    /// Whether a connection's time is over.
    ///
    /// `bytes` are those of the body that have come, or of the reply's piece that is being sent;
    /// `window` is kept for the connection from one call to the next.
    func isOver(
        _ activity: Activity,
        bytes: Int,
        nowMilliseconds: UInt64,
        window: inout RateWindow?
    ) -> Bool {
        let elapsed = nowMilliseconds &- min(activity.sinceMilliseconds, nowMilliseconds)
        switch activity.phase {
        case .fresh, .head: return elapsed > headMilliseconds
        case .idle: return elapsed > idleMilliseconds
        case .working: return false
        case .replying:
            let rate = max(1, minimumBytesPerSecond)
            return elapsed > windowMilliseconds + UInt64(max(0, bytes)) * 1000 / rate
        case .body:
            guard var current = window, current.activity == activity else {
                window = RateWindow(
                    activity: activity,
                    startMilliseconds: activity.sinceMilliseconds,
                    startBytes: 0
                )
                return false
            }
            let inWindow = nowMilliseconds &- min(current.startMilliseconds, nowMilliseconds)
            guard inWindow >= windowMilliseconds else { return false }
            let received = UInt64(max(0, bytes - current.startBytes))
            if received * 1000 < minimumBytesPerSecond * inWindow { return true }
            current.startMilliseconds = nowMilliseconds
            current.startBytes = bytes
            window = current
            return false
        }
    }
}

/// How readily a connection is given up for a new one; the largest goes first.
///
/// First those that have never completed a request, then idle ones, the oldest first; then bodies,
/// the slowest first. A request that is complete is never given up.
struct Dispensability: Comparable {
    private let rank: UInt64
    private let weight: UInt64

    /// Ranks a connection; `bytes` are those of the body that have come.
    init?(_ activity: Activity, servedBefore: Bool, bytes: Int, nowMilliseconds: UInt64) {
        let elapsed = nowMilliseconds &- min(activity.sinceMilliseconds, nowMilliseconds)
        switch activity.phase {
        case .fresh, .head:
            rank = servedBefore ? 2 : 3
            weight = elapsed
        case .idle:
            rank = 2
            weight = elapsed
        case .body:
            // Milliseconds a kilobyte, so that the slowest weighs most; a new one weighs nothing.
            rank = 1
            weight = elapsed < 1000 ? 0 : elapsed * 1024 / UInt64(max(1, bytes))
        case .working, .replying: return nil
        }
    }

    static func < (left: Dispensability, right: Dispensability) -> Bool {
        (left.rank, left.weight) < (right.rank, right.weight)
    }
}
