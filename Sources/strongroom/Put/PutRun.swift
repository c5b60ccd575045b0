internal import Platform

/// Pushes many items over parallel connections, and prints the results in the items' order.
///
/// Each worker has a thread, a connection and one item at a time. A server that does not answer, or
/// has no room, is not asked once for each of ten thousand files: the first such failure that all
/// attempts could not mend ends the run.
final class PutRun: Sendable {
    private struct State {
        var next = 0
        var outcomes: [PutOutcome?]
        var printed = 0
        var stopReason: CommandFailure?
        var hasSaidWhyItEnded = false
        var added = 0
        var unchanged = 0
        var failed = 0
        var exit = ExitCode.done
    }

    private let items: [PutItem]
    private let console: Console
    private let isJSON: Bool
    private let state: Mutex<State>

    /// More do not make a server of two processors faster.
    static let workerLimit = 16

    init(_ items: [PutItem], _ console: Console, isJSON: Bool) {
        self.items = items
        self.console = console
        self.isJSON = isJSON
        state = Mutex(State(outcomes: [PutOutcome?](repeating: nil, count: items.count)))
    }

    /// What came of all items.
    struct Summary: Sendable {
        let added: Int
        let unchanged: Int
        let failed: Int
        let notTried: Int
        let exit: ExitCode
    }

    /// Pushes all items; `makeWorker` is called once for each thread, on it.
    func run(
        _ makeWorker: @escaping @Sendable () -> PutWorker
    ) -> Summary {
        let count = min(Self.workerLimit, items.count)
        let threads = (0..<count).map { number in
            Thread(name: "put-\(number)") { self.work(makeWorker()) }
        }
        for thread in threads { thread.join() }
        return state.withLock { state in
            let notTried = items.count - state.added - state.unchanged - state.failed
            if let reason = state.stopReason {
                state.exit = state.exit.graver(reason.code)
            }
            return Summary(
                added: state.added,
                unchanged: state.unchanged,
                failed: state.failed,
                notTried: notTried,
                exit: state.exit
            )
        }
    }

    private func work(_ worker: PutWorker) {
        while let number = takeNext() {
            let outcome = worker.push(items[number])
            if case .failed(let failure, endsRun: true) = outcome { stop(because: failure) }
            worker.progress.addItem()
            finish(number, outcome)
        }
    }

    private func takeNext() -> Int? {
        state.withLock { state in
            guard state.stopReason == nil, state.next < items.count else { return nil }
            defer { state.next += 1 }
            return state.next
        }
    }

    private func stop(because failure: CommandFailure) {
        state.withLock { state in
            if state.stopReason == nil { state.stopReason = failure }
        }
    }

    /// Notes an outcome and prints all that are now next in order.
    private func finish(_ number: Int, _ outcome: PutOutcome) {
        state.withLock { state in
            state.outcomes[number] = outcome
            while state.printed < items.count, let next = state.outcomes[state.printed] {
                report(next, &state)
                state.outcomes[state.printed] = .reported
                state.printed += 1
            }
        }
    }

    private func report(_ outcome: PutOutcome, _ state: inout State) {
        switch outcome {
        case .kept(let line, let wasThere):
            if wasThere { state.unchanged += 1 } else { state.added += 1 }
            console.result(isJSON ? line.json : line.text)
        case .failed(let failure, let endsRun):
            state.failed += 1
            state.exit = state.exit.graver(failure.code)
            // What ends the run says the same for every item that was under way: once is enough.
            if !endsRun || !state.hasSaidWhyItEnded { console.failure(failure) }
            if endsRun { state.hasSaidWhyItEnded = true }
        case .reported: break
        }
    }
}
