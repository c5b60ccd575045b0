import Platform
import Synchronization

/// What the store counts about itself since it was opened.
package final class StoreMetrics: Sendable {
    /// Why an append was not taken.
    package enum Refusal: String, CaseIterable, Sendable {
        case conflict
        case retention
        case refused
        case storageFull = "storage_full"
        case overloaded
        case unavailable
        case invalid
    }

    package let appends = Counter()
    /// Answers with a record that an equal request had made before.
    package let repeats = Counter()
    /// Records that are no evidence.
    package let acts = Counter()
    /// Payloads whose bytes were removed after their erasure, and the bytes on disk.
    package let purgedPayloads = Counter()
    package let purgedBytes = Counter()
    /// Erasures whose bytes could not be removed at the last try.
    package let purgeFailures = Counter()
    /// What the last run of the retention job found due.
    package let dueRecords = Gauge()
    package let retentionRuns = Counter()
    package let retentionFailures = Counter()
    /// Writes of the access log that failed; its lines wait for the next.
    package let accessLogFailures = Counter()
    package let payloadBytes = Counter()
    package let storedPayloadBytes = Counter()
    package let commits = Counter()
    package let sealedSegments = Counter()
    package let sealFailures = Counter()
    package let heartbeatFailures = Counter()
    /// Segments that were sealed, but not taken into the catalog; the next start does it.
    package let catalogFailures = Counter()
    /// Index runs, their bytes, and the sealed segments that none of them covers.
    package let indexRuns = Gauge()
    package let indexRunBytes = Gauge()
    package let unindexedSegments = Gauge()
    package let indexRunsBuilt = Counter()
    /// Runs that could not be made at the last try, and runs that were not as they were written.
    package let indexRunFailures = Counter()
    package let indexRunsDamaged = Counter()
    /// Records in a commit.
    package let batchRecords = Histogram(bounds: [
        1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096,
    ])
    /// Seconds that LMDB's commit takes, both syncs included.
    package let commitSeconds = Histogram(bounds: Histogram.latencies)
    /// Seconds that reading back, hashing again and signing take.
    package let confirmSeconds = Histogram(bounds: Histogram.latencies)
    /// Seconds that a payload file's sync takes.
    package let payloadSyncSeconds = Histogram(bounds: Histogram.latencies)
    /// Seconds from the queue to the completion of an append.
    package let appendSeconds = Histogram(bounds: Histogram.latencies)

    private let refusals = Refusal.allCases.map { _ in Counter() }

    package func refusals(_ reason: Refusal) -> Counter {
        guard let place = Refusal.allCases.firstIndex(of: reason) else {
            preconditionFailure("every reason has a counter")
        }
        return refusals[place]
    }

    /// Counts a refused append under its reason.
    func countRefusal(_ error: StoreError, submissions: Int) {
        let reason: Refusal =
            switch error {
            case .conflict: .conflict
            case .retentionRefused: .retention
            case .refused: .refused
            case .storageFull: .storageFull
            case .overloaded: .overloaded
            case .invalid: .invalid
            default: .unavailable
            }
        refusals(reason).add(UInt64(submissions))
    }
}

/// A number that only grows.
package final class Counter: Sendable {
    private let count = Atomic<UInt64>(0)

    package init() {}
    package var value: UInt64 { count.load(ordering: .relaxed) }
    func add(_ amount: UInt64 = 1) { count.wrappingAdd(amount, ordering: .relaxed) }
}

/// A number that goes up and down.
package final class Gauge: Sendable {
    private let number = Atomic<UInt64>(0)

    package init() {}
    package var value: UInt64 { number.load(ordering: .relaxed) }
    func set(_ value: UInt64) { number.store(value, ordering: .relaxed) }
}

/// How often values fell under given bounds.
package final class Histogram: Sendable {
    /// From 50 microseconds to 10 seconds.
    package static let latencies: [Double] = [
        0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5,
        1, 2.5, 10,
    ]

    package struct Snapshot: Sendable {
        /// Values at or under the bound of the same place, not cumulated; the last: above all
        /// bounds.
        package var counts: [UInt64]
        package var sum: Double
        package var count: UInt64 { counts.reduce(0, +) }
    }

    /// Upper bounds, ascending.
    package let bounds: [Double]
    private let state: Platform.Mutex<Snapshot>

    package init(bounds: [Double]) {
        self.bounds = bounds
        state = Platform.Mutex(
            Snapshot(counts: [UInt64](repeating: 0, count: bounds.count + 1), sum: 0)
        )
    }

    package var snapshot: Snapshot { state.withLock { $0 } }

    func record(_ value: Double) {
        let place = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[place] += 1
            state.sum += value
        }
    }
}
