import EvidenceModel
import Platform
import TransparencyLog

/// The index runs of a log: which there are, and the thread that makes and merges them behind the
/// seals.
///
/// Nothing waits for a run: where there is none a search looks into the segments themselves. One
/// that is damaged is removed and made anew.
final class IndexRuns: Sendable {
    private struct State {
        var runs: [RunPlace: IndexRun] = [:]
        /// Segments up to here are sealed.
        var sealedSegments: UInt64 = 0
        /// Runs of the lowest level before this one are there, or part of a merged one.
        var firstGap: UInt64 = 0
        /// Runs that cannot be made, as an index of a segment is damaged: `fsck` names it.
        var blocked: Set<RunPlace> = []
        var isPaused = false
        var isStopping = false
        var isIdle = false
        var thread: Thread?
    }

    private let paths: StorePaths
    private let geometry: SegmentGeometry
    private let upper: UpperTree
    private let reserve: DiskReserve
    private let metrics: StoreMetrics
    private let cache: RunBlockCache
    private let baseLevel: UInt8
    private let onDamage: @Sendable (StoreError) -> Void
    private let state = Mutex(State())
    private let changed = Condition()

    private static let cacheBytes = 32 << 20
    private static let retryNanoseconds: UInt64 = 10_000_000_000

    /// Takes in the runs that are there and fit the log; the others are removed.
    ///
    /// `onDamage`: called when a run is found damaged.
    init(
        view: LogView,
        reserve: DiskReserve,
        metrics: StoreMetrics,
        onDamage: @escaping @Sendable (StoreError) -> Void
    ) {
        (paths, geometry, upper) = (view.paths, view.geometry, view.upper)
        (self.reserve, self.metrics, self.onDamage) = (reserve, metrics, onDamage)
        cache = RunBlockCache(limitBytes: Self.cacheBytes)
        baseLevel = RunPlace.baseLevel(view.geometry)
        let sealed = view.sealedCount
        state.withLock { $0.sealedSegments = sealed }
        do throws(StoreError) {
            try load()
        } catch {
            // They are made anew.
            metrics.indexRunFailures.add()
        }
        count()
    }

    // MARK: For searches

    /// The run that covers a record, or nil.
    func run(covering index: UInt64) -> IndexRun? {
        state.withLock { state in
            for level in (baseLevel...RunPlace.highestLevel).reversed() {
                if let run = state.runs[RunPlace.covering(index, level: level)] { return run }
            }
            return nil
        }
    }

    /// Takes a run out that cannot be read as it was written; it is made anew.
    func condemn(_ run: IndexRun, _ error: StoreError) {
        let isKnown = state.withLock { state in
            // One that was merged away meanwhile is nobody's any more.
            guard state.runs[run.place] === run else { return false }
            state.runs[run.place] = nil
            state.firstGap = 0
            state.isIdle = false
            return true
        }
        guard isKnown else { return }
        // If it cannot be removed it is in the way of nothing: the new one takes its name.
        try? FileSystem.unlinkIfPresent(run.path)
        metrics.indexRunsDamaged.add()
        onDamage(error)
        count()
        changed.broadcast()
    }

    // MARK: Life

    func start() {
        let thread = Thread(name: "indexer", priority: .background) { [self] in build() }
        state.withLock { $0.thread = thread }
    }

    /// Ends at the next block; what is half made is left out.
    func stop() {
        let thread = state.withLock { state in
            state.isStopping = true
            return state.thread.take()
        }
        changed.broadcast()
        thread?.join()
    }

    /// Another segment is sealed.
    func segmentSealed(_ number: SegmentNumber) {
        state.withLock { state in
            state.sealedSegments = max(state.sealedSegments, number.value + 1)
            state.isIdle = false
        }
        count()
        changed.broadcast()
    }

    /// Waits until so many segments are known to be sealed and there is nothing to make, or the
    /// time is over; false then.
    func waitUntilIdle(sealedSegments: UInt64, deadlineNanoseconds: UInt64) -> Bool {
        let isIdle = { (state: State) in
            state.isIdle && state.sealedSegments >= sealedSegments
        }
        return state.withLock(
            when: isIdle,
            on: changed,
            deadlineNanoseconds: deadlineNanoseconds,
            { isIdle($0) }
        )
    }

    /// The runs, in the order of their records.
    var places: [RunPlace] { state.withLock { $0.runs.keys.sorted { $0.first < $1.first } } }

    // MARK: Loading

    private func load() throws(StoreError) {
        try makeDirectory()
        let names = try onDisk { () throws(SystemError) in try FileSystem.list(paths.runs) }
        // The largest first: what they cover is not needed from others.
        let known = names.compactMap { RunPlace(fileName: $0) }.sorted { $0.level > $1.level }
        var runs: [RunPlace: IndexRun] = [:]
        var useless = names.filter { RunPlace(fileName: $0) == nil }
        for place in known {
            if place.level >= baseLevel, !Self.covers(runs, place), let run = open(place) {
                runs[place] = run
            } else {
                useless.append(place.fileName)
            }
        }
        state.withLock { $0.runs = runs }
        for name in useless {
            try onDisk { () throws(SystemError) in
                try FileSystem.unlinkIfPresent("\(paths.runs)/\(name)")
            }
        }
    }

    private func makeDirectory() throws(StoreError) {
        try onDisk { () throws(SystemError) in
            try FileSystem.makeDirectoryIfAbsent(paths.catalog)
            try FileSystem.makeDirectoryIfAbsent(paths.runs)
        }
    }

    private static func covers(_ runs: [RunPlace: IndexRun], _ place: RunPlace) -> Bool {
        var above = place.parent
        while let place = above {
            if runs[place] != nil { return true }
            above = place.parent
        }
        return false
    }

    /// A run that is whole and was made from these very segments; nil if it is not.
    private func open(_ place: RunPlace) -> IndexRun? {
        guard let subtree = subtree(place) else { return nil }
        do throws(StoreError) {
            let run = try IndexRun(place, in: paths.runs, cache: cache)
            guard run.footer.subtree == subtree else {
                throw run.damaged("it is not of this log's records")
            }
            return run
        } catch {
            metrics.indexRunsDamaged.add()
            onDamage(error)
            return nil
        }
    }

    /// The tree's node above a run's records, if all of them are in sealed segments.
    private func subtree(_ place: RunPlace) -> MerkleHash? {
        let sealed = state.withLock { $0.sealedSegments }
        guard place.segments(geometry).upperBound <= sealed else { return nil }
        return upper.node(place.node)
    }

    // MARK: Making

    private enum Job {
        case base(RunPlace)
        case merge([IndexRun], RunPlace)
    }

    private func build() {
        while let job = nextJob() {
            do throws(StoreError) {
                try perform(job)
            } catch {
                if state.withLock({ $0.isStopping }) { return }
                metrics.indexRunFailures.add()
                if put(aside: job, after: error) { continue }
                let deadline = Clock.monotonicNanoseconds() + Self.retryNanoseconds
                state.withLock(
                    when: { $0.isStopping },
                    on: changed,
                    deadlineNanoseconds: deadline
                ) { _ in }
            }
        }
    }

    /// Sees to it that damage is not met again and again; false if it is no damage.
    private func put(aside job: Job, after error: StoreError) -> Bool {
        guard case .damaged(let path, _) = error else { return false }
        switch job {
        case .base(let place): state.withLock { _ = $0.blocked.insert(place) }
        case .merge(let runs, _):
            guard let run = runs.first(where: { $0.path == path }) else { return false }
            condemn(run, error)
        }
        return true
    }

    /// What is to be made next; waits while there is nothing.
    private func nextJob() -> Job? {
        while true {
            let (job, isStopping): (Job?, Bool) = state.withLock { state in
                if state.isStopping { return (nil, true) }
                let job = state.isPaused ? nil : merge(of: state) ?? base(of: &state)
                state.isIdle = job == nil
                return (job, false)
            }
            if isStopping { return nil }
            if let job { return job }
            changed.broadcast()
            state.withLock(when: { $0.isStopping || !$0.isIdle }, on: changed) { _ in }
        }
    }

    /// Sixteen neighbours, if there are.
    private func merge(of state: State) -> Job? {
        var counts: [RunPlace: UInt64] = [:]
        for place in state.runs.keys {
            guard let parent = place.parent else { continue }
            counts[parent, default: 0] += 1
        }
        let full = counts.filter { $0.value == RunPlace.fanIn }.keys
        guard let parent = full.min(by: { ($0.level, $0.number) < ($1.level, $1.number) }) else {
            return nil
        }
        let runs = parent.children.compactMap { state.runs[$0] }
        return runs.count == Int(RunPlace.fanIn) ? .merge(runs, parent) : nil
    }

    /// The first run of the lowest level that is missing, if its segments are sealed.
    private func base(of state: inout State) -> Job? {
        while true {
            let place = RunPlace(level: baseLevel, number: state.firstGap)
            guard place.segments(geometry).upperBound <= state.sealedSegments else { return nil }
            let isMissing = state.runs[place] == nil && !Self.covers(state.runs, place)
            if isMissing && !state.blocked.contains(place) { return .base(place) }
            state.firstGap += 1
        }
    }

    private func perform(_ job: Job) throws(StoreError) {
        let builder = RunBuilder(paths: paths, geometry: geometry) { () throws(StoreError) in
            guard !self.state.withLock({ $0.isStopping }) else {
                throw .unavailable("the server is stopping")
            }
        }
        try makeDirectory()
        let place: RunPlace
        var merged: [IndexRun] = []
        switch job {
        case .base(let base):
            place = base
            guard let subtree = subtree(place) else { return }
            try reserve.check(adding: try segmentBytes(place))
            try builder.build(place, subtree: subtree)
        case .merge(let runs, let parent):
            (place, merged) = (parent, runs)
            guard let subtree = subtree(place) else { return }
            try reserve.check(adding: runs.reduce(0) { $0 + $1.footer.fileBytes })
            try builder.merge(runs, into: place, subtree: subtree)
        }
        let run = try IndexRun(place, in: paths.runs, cache: cache)
        state.withLock { state in
            state.runs[place] = run
            for child in merged { state.runs[child.place] = nil }
        }
        metrics.indexRunsBuilt.add()
        count()
        for child in merged {
            try onDisk { () throws(SystemError) in try FileSystem.unlinkIfPresent(child.path) }
        }
    }

    /// More than the run will have.
    private func segmentBytes(_ place: RunPlace) throws(StoreError) -> UInt64 {
        var bytes: UInt64 = 0
        for value in place.segments(geometry) {
            let path = paths.log(SegmentNumber(value))
            bytes += try onDisk { () throws(SystemError) in try FileSystem.allocatedBytes(path) }
        }
        return bytes
    }

    private func count() {
        let (runs, sealed) = state.withLock { (Array($0.runs.values), $0.sealedSegments) }
        let covered = runs.reduce(0) { $0 + UInt64($1.place.segments(geometry).count) }
        metrics.indexRuns.set(UInt64(runs.count))
        metrics.indexRunBytes.set(runs.reduce(0) { $0 + $1.footer.fileBytes })
        metrics.unindexedSegments.set(sealed - min(sealed, covered))
    }
}

extension IndexRuns {
    /// Makes no more runs until it is told to go on; for tests.
    func setPaused(_ isPaused: Bool) {
        state.withLock { state in
            state.isPaused = isPaused
            state.isIdle = false
        }
        changed.broadcast()
    }
}
