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
    func take(_ number: SegmentNumber) throws(StoreError) -> UnsealedSegment {
        let segment = try state.withLock(
            when: { $0.ready != nil || $0.failure != nil || $0.isStopping },
            on: changed
        ) { state throws(StoreError) -> UnsealedSegment in
            if let failure = state.failure { throw failure }
            guard let segment = state.ready.take() else {
                throw .unavailable("the server is stopping")
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
            let made: Result<UnsealedSegment, StoreError>
            do throws(StoreError) {
                made = .success(try UnsealedSegment(wanted, geometry: geometry, paths: paths))
            } catch {
                made = .failure(error)
            }
            state.withLock { state in
                switch made {
                case .success(let segment): state.ready = segment
                case .failure(let error): state.failure = error
                }
            }
            changed.broadcast()
        }
    }
}
