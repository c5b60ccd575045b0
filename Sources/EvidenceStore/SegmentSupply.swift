import Platform

/// Has the next segment's file ready before the sequencer asks for it.
final class SegmentSupply: Sendable {
    private struct State {
        var wanted: SegmentNumber?
        var ready: UnsealedSegment?
        var growing: UnsealedSegment?
        var failure: StoreError?
        var isStopping = false
        var thread: Thread?
    }

    private static let patienceNanoseconds: UInt64 = 30_000_000_000
    private static let retryNanoseconds: UInt64 = 1_000_000_000

    private let geometry: SegmentGeometry
    private let paths: StorePaths
    private let state = Mutex(State())
    private let changed = Condition()

    init(geometry: SegmentGeometry, paths: StorePaths) {
        self.geometry = geometry
        self.paths = paths
    }

    /// Begins with making `number`.
    func start(with number: SegmentNumber) {
        let thread = Thread(name: "segment-supply") { [self] in run() }
        state.withLock { state in
            state.wanted = number
            state.thread = thread
        }
        changed.broadcast()
    }

    func stop() {
        let thread = state.withLock { state in
            state.isStopping = true
            return state.thread.take()
        }
        changed.broadcast()
        thread?.join()
        state.withLock { $0.ready?.close() }
    }

    /// Waits for the segment that comes next, and begins with the one after it.
    ///
    /// - Throws: Why it cannot be made, if that lasts for half a minute.
    func take(_ number: SegmentNumber) throws(StoreError) -> UnsealedSegment {
        let deadline = Clock.monotonicNanoseconds() + Self.patienceNanoseconds
        let segment = try state.withLock(
            when: { $0.ready != nil || $0.isStopping },
            on: changed,
            deadlineNanoseconds: deadline
        ) { state throws(StoreError) -> UnsealedSegment in
            guard let segment = state.ready.take() else {
                throw state.failure ?? .unavailable("the server is stopping")
            }
            precondition(segment.number == number, "segments are taken in order")
            state.wanted = number.next
            return segment
        }
        changed.broadcast()
        return segment
    }

    /// Has zeros written ahead in the active segment, unless that is under way.
    func grow(_ segment: UnsealedSegment) {
        state.withLock { $0.growing = segment }
        changed.broadcast()
    }

    private enum Job {
        case make(SegmentNumber)
        case grow(UnsealedSegment)
    }

    private func nextJob() -> Job? {
        state.withLock(
            when: {
                $0.isStopping || $0.growing != nil || ($0.wanted != nil && $0.ready == nil)
            },
            on: changed
        ) { state in
            if state.isStopping { return nil }
            if let segment = state.growing.take() { return .grow(segment) }
            return state.wanted.take().map { .make($0) }
        }
    }

    private func run() {
        while let job = nextJob() {
            let wanted: SegmentNumber
            switch job {
            case .grow(let segment):
                segment.grow()
                continue
            case .make(let number): wanted = number
            }
            make(wanted)
        }
    }

    /// Makes a segment; a failure (a full disk) is remembered, and tried again after a second.
    private func make(_ number: SegmentNumber) {
        do throws(StoreError) {
            let segment = try UnsealedSegment(number, geometry: geometry, paths: paths)
            state.withLock { state in
                state.ready = segment
                state.failure = nil
            }
            changed.broadcast()
        } catch {
            let deadline = Clock.monotonicNanoseconds() + Self.retryNanoseconds
            state.withLock { $0.failure = error }
            state.withLock(when: { $0.isStopping }, on: changed, deadlineNanoseconds: deadline) {
                $0.wanted = number
            }
        }
    }
}
