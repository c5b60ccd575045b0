import Platform

/// Threads for work that would hold up a connection's thread: it waits for the log, or reads much.
///
/// Invariants: at most `limit` threads run; at most `waitingLimit` jobs wait; every job that was
/// taken runs.
final class WorkPool: Sendable {
    /// Works, and returns what is left to do when the place in the pool is free again.
    typealias Job = @Sendable () -> @Sendable () -> Void

    private struct State {
        var waiting: [Job] = []
        var running = 0
        /// Every thread that was started and not joined.
        var threads: [UInt64: Thread] = [:]
        /// Those of them that are at their end.
        var finished: [UInt64] = []
        var started: UInt64 = 0
    }

    private let name: String
    private let limit: Int
    private let waitingLimit: Int
    private let state = Mutex(State())
    private let changed = Condition()

    /// `name`: at most 15 bytes, as `ps -L` shows it.
    init(name: String, limit: Int, waitingLimit: Int) {
        self.name = name
        self.limit = limit
        self.waitingLimit = waitingLimit
    }

    /// Runs a job on a thread of the pool; false, and nothing happens, if too much waits already.
    ///
    /// What the job returns runs on that thread too, but does not count: whoever learns by it that
    /// the job is done finds its place free.
    func run(_ job: @escaping Job) -> Bool {
        let isTaken = state.withLock { state in
            if state.running < limit {
                state.running += 1
                start(job, &state)
                return true
            }
            guard state.waiting.count < waitingLimit else { return false }
            state.waiting.append(job)
            return true
        }
        joinFinished()
        return isTaken
    }

    /// Waits until nothing runs.
    func wait() {
        state.withLock(when: { $0.running == 0 }, on: changed) { _ in }
        joinFinished()
    }

    private func start(_ job: @escaping Job, _ state: inout State) {
        state.started += 1
        let number = state.started
        state.threads[number] = Thread(name: name) { [self] in
            var next: Job? = job
            while let job = next {
                let rest = job()
                next = following(number)
                rest()
            }
        }
    }

    /// The job that waits longest; nil ends the thread.
    private func following(_ number: UInt64) -> Job? {
        let next = state.withLock { state -> Job? in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            state.running -= 1
            state.finished.append(number)
            return nil
        }
        if next == nil { changed.broadcast() }
        return next
    }

    /// Gives back what threads leave behind that have nothing more to do.
    private func joinFinished() {
        let threads = state.withLock { state in
            let ended = state.finished.compactMap { state.threads.removeValue(forKey: $0) }
            state.finished = []
            return ended
        }
        for thread in threads { thread.join() }
    }
}
