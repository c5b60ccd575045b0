internal import EvidenceModel
internal import Observability
internal import Platform

/// A monitor that looks again and again, until a signal or a violation.
///
/// What cannot be reached is tried again with the next pass, and told of; a violation ends it.
final class MonitorService {
    private let settings: MonitorSettings
    private let intervalMilliseconds: UInt64
    private let events: EventLog
    private let run: MonitorRun
    private let stop: StopFlag
    private var failures: UInt64 = 0
    private let began = MonitorRun.now

    init(
        _ settings: MonitorSettings,
        _ reader: LogReader,
        _ console: Console,
        intervalMilliseconds: UInt64
    ) throws(CommandFailure) {
        let stop = StopFlag()
        self.stop = stop
        self.settings = settings
        self.intervalMilliseconds = intervalMilliseconds
        run = try MonitorRun(settings, reader, console) { stop.isSet }
        events = EventLog(format: .text, minimumLevel: .info)
    }

    /// `fromStart`: the first pass reads the whole log anew.
    func runUntilStopped(fromStart: Bool) -> ExitCode {
        let stop = stop
        // Takes the signals; ends with the process.
        _ = Thread(name: "signals") {
            _ = Signals.waitForTermination()
            // From here on a second signal ends the process at once.
            Signals.releaseTermination()
            stop.set()
        }
        events.record(.info, "monitor.started", [.text("log", settings.origin)])
        ServiceManager.notifyReady(status: "follows \(settings.origin)")
        var isFresh = fromStart
        while !stop.isSet {
            let end = Clock.monotonicNanoseconds() + intervalMilliseconds * 1_000_000
            do throws(CommandFailure) {
                let code = isFresh ? try run.passFromStart() : try run.pass()
                isFresh = false
                failures = 0
                guard code == .done else {
                    events.record(.error, "monitor.violation", [.text("log", settings.origin)])
                    return finish(code)
                }
            } catch {
                if stop.isSet { break }
                tell(error)
                // What is wrong here mends itself only for a server that does not answer.
                guard error.code == .tryAgain || error.code == .verificationFailed else {
                    return finish(error.code)
                }
            }
            stop.wait(untilNanoseconds: end)
        }
        return finish(.done)
    }

    private func finish(_ code: ExitCode) -> ExitCode {
        ServiceManager.notifyStopping()
        events.close()
        return code
    }

    private func tell(_ failure: CommandFailure) {
        failures += 1
        let last = run.lastPass ?? began
        let age = last.flatMap { last in
            MonitorRun.now.map { $0.milliseconds - last.milliseconds }
        }
        let isStale = settings.maximumAgeMilliseconds.flatMap { limit in age.map { $0 > limit } }
        var fields: [EventLog.Field] = [
            .text("reason", failure.text), .number("failures", failures),
        ]
        if let last = run.lastPass { fields.append(.text("lastPass", last.rfc3339)) }
        let isGrave = isStale == true || failure.code == .verificationFailed
        events.record(
            isGrave ? .error : .warning,
            isStale == true ? "monitor.stale" : "monitor.failed",
            fields
        )
    }
}

/// Says once that it is time to end; any thread.
final class StopFlag: Sendable {
    private let state = Mutex(false)
    private let changed = Condition()

    var isSet: Bool { state.withLock { $0 } }

    func set() {
        state.withLock { $0 = true }
        changed.broadcast()
    }

    /// Waits until it is set, or the time on the monotonic clock has come.
    func wait(untilNanoseconds deadline: UInt64) {
        state.withLock(when: { $0 }, on: changed, deadlineNanoseconds: deadline) { _ in }
    }
}
