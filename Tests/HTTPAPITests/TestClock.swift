import EvidenceStore
import Platform

/// Clocks that a test moves: both together as time passes, or the wall clock alone.
final class TestClock: Sendable {
    private struct State {
        var passedMilliseconds: Int64 = 0
        var wallOffsetMilliseconds: Int64 = 0
    }

    /// 2026-11-21T00:00:00Z.
    static let start: Int64 = 1_795_219_200_000

    private let state = Mutex(State())

    /// Lets time pass.
    func pass(seconds: Int64) { state.withLock { $0.passedMilliseconds += seconds * 1000 } }

    /// Sets the wall clock alone.
    func moveWall(seconds: Int64) {
        state.withLock { $0.wallOffsetMilliseconds += seconds * 1000 }
    }

    var source: TimeSource {
        TimeSource(
            wallMilliseconds: { [state] in
                state.withLock {
                    Self.start + $0.passedMilliseconds + $0.wallOffsetMilliseconds
                }
            },
            bootNanoseconds: { [state] in
                state.withLock { 1_000_000_000 + UInt64($0.passedMilliseconds) * 1_000_000 }
            }
        )
    }
}
