import Platform

/// Threads that run what is handed to them, in that order.
final class WorkerPool: Sendable {
    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var isStopping = false
    }

    private let state = Mutex(State())
    private let changed = Condition()
    private let threads = Mutex<[Thread]>([])

    init(name: String, count: Int, priority: Thread.Priority) {
        threads.withLock { threads in
            threads = (0..<count).map { number in
                Thread(name: "\(name)-\(number)", priority: priority) { [self] in run() }
            }
        }
    }

    func submit(_ job: @escaping @Sendable () -> Void) {
        state.withLock { $0.jobs.append(job) }
        changed.signal()
    }

    /// Ends after the jobs that run; those that wait are dropped.
    func stop() {
        state.withLock { state in
            state.isStopping = true
            state.jobs = []
        }
        changed.broadcast()
        let running = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in running { thread.join() }
    }

    private func run() {
        while true {
            let job = state.withLock(when: { !$0.jobs.isEmpty || $0.isStopping }, on: changed) {
                state in state.jobs.isEmpty ? nil : state.jobs.removeFirst()
            }
            guard let job else { return }
            job()
        }
    }
}
