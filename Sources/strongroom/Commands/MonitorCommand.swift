internal import EvidenceModel
internal import Platform
internal import TransparencyLog

/// `strongroom monitor`: follows a log from outside, and says so when it breaks a rule.
enum MonitorCommand {
    static let command = Command(
        specification: CommandSpecification(
            name: "monitor",
            group: .proof,
            summary: "follow a log from outside and catch it breaking its rules",
            operands: [],
            options: [
                .repeated("key", "VKEY", "the log's verifier key; else $STRONGROOM_KEY (required)"),
                .value("state", "FILE", "what was seen so far; made if absent (required)"),
                .flag("once", "look once and end; else as a service, until SIGTERM"),
                .value("interval", "D", "between two looks of a service; default \(standard)"),
                .value("max-age", "D", "how old the last good look may get before it is an error"),
                .value("tiles", "on|off", "compare the hash tiles too; default on"),
                .flag("from-start", "read and judge the whole log anew first"),
            ] + OptionSpecification.client,
            about: [
                "",
                "Reads every record (with an auditor's token), proves it against what the log",
                "signs, and judges it: no fork, no rollback, no gap in a sequence, no lock made",
                "shorter, nothing erased early or under a hold, every census and certificate",
                "right. Run it at another site, by other people. Exits 1 on a violation, writes",
                "the proof to FILE.evidence-<time>…, and goes on saying so until FILE is moved",
                "away; 5 if the server does not answer.",
            ],
            example: "strongroom monitor --once --key log.vkey --state evidence.monitor"
        ),
        run: run
    )

    private static let standard = "60s"

    private static func run(
        _ arguments: ParsedArguments,
        _ console: Console
    )
        throws(CommandFailure) -> ExitCode
    {
        var settings = MonitorSettings()
        settings.statePath = try arguments.required("state")
        settings.isJSON = arguments.flag("json")
        settings.keys = try TrustedKeys.ofOneLog(arguments)
        settings.maximumAgeMilliseconds = try milliseconds(arguments, "max-age")
        switch arguments.value("tiles") ?? "on" {
        case "on": settings.comparesTiles = true
        case "off": settings.comparesTiles = false
        default: throw .usage("--tiles is neither on nor off")
        }
        let isOnce = arguments.flag("once")
        let interval = try milliseconds(arguments, "interval")
        if isOnce, interval != nil {
            throw .usage("--interval does not go with --once")
        }
        let reader = LogReader(try Server(arguments).connect())
        let lock = try MonitorLock(settings.statePath)
        defer { withExtendedLifetime(lock) {} }
        guard isOnce else {
            // Before any thread starts: all inherit the mask.
            Signals.holdTermination()
            let service = try MonitorService(
                settings,
                reader,
                console,
                intervalMilliseconds: UInt64(interval ?? 60_000)
            )
            return service.runUntilStopped(fromStart: arguments.flag("from-start"))
        }
        let run = try MonitorRun(settings, reader, console)
        do throws(CommandFailure) {
            return arguments.flag("from-start") ? try run.passFromStart() : try run.pass()
        } catch {
            throw aged(error, run.lastPass, settings.maximumAgeMilliseconds)
        }
    }

    /// A server that does not answer is no violation, until that lasts too long.
    private static func aged(
        _ failure: CommandFailure,
        _ lastPass: Timestamp?,
        _ maximum: Int64?
    ) -> CommandFailure {
        guard failure.code == .tryAgain else { return failure }
        let seen = lastPass.map { "the last look that ended well was at \($0)" }
        let text = "\(failure.message); \(seen ?? "no look has ended well yet")"
        guard let maximum, let now = MonitorRun.now,
            lastPass.map({ now.milliseconds - $0.milliseconds > maximum }) ?? true
        else { return CommandFailure(failure.code, text, advice: failure.advice) }
        return CommandFailure(
            .verificationFailed,
            "\(text), longer ago than --max-age allows",
            advice: failure.advice
        )
    }

    private static func milliseconds(
        _ arguments: ParsedArguments,
        _ name: String
    ) throws(CommandFailure) -> Int64? {
        guard let text = arguments.value(name) else { return nil }
        do throws(LimitViolation) {
            // Years have no length of their own; counted from 1970 it is near enough.
            let length = try RetentionDuration(parsing: text)
            return length.end(from: .earliest)?.milliseconds ?? Timestamp.latest.milliseconds
        } catch {
            throw .usage("--\(name) is '\(text)', not a duration such as 60s or 12h")
        }
    }
}
