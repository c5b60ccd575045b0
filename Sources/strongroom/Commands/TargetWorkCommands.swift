internal import EvidenceModel
internal import Platform

/// What takes long with a target: probing, comparing, waiting.
enum TargetWorkCommands {
    static let probe = Command(
        specification: CommandSpecification(
            name: "target probe",
            group: .copies,
            summary: "try whether a target enforces locks",
            operands: [OperandSpecification(name: "NAME", count: .one)],
            options: OptionSpecification.client,
            about: [
                "",
                "Writes objects under locks of some seconds and tries to delete them, and to",
                "shorten and weaken the locks. The outcome is a record of the log. Ends with 1 if",
                "a rule is not enforced, or could not be tried.",
            ],
            example: "strongroom target probe frankfurt"
        )
    ) { (arguments, console) throws(CommandFailure) in
        let name = arguments.operands[0]
        let reply = try Server(arguments).connectPatiently().send(
            .post,
            TargetCommands.path(name, "probe"),
            [:],
            what: "probe of \(name)",
            .actsAgain
        )
        guard let report = reply.object.object("report"), let isCompliant = report.flag("compliant")
        else { throw JSONReply.malformed("probe of \(name)") }
        if arguments.flag("json") {
            console.result(reply.object.line)
        } else {
            for line in TargetText.probe(name, report, reply.object) {
                console.result(Console.harmless(line))
            }
        }
        return isCompliant ? .done : .verificationFailed
    }

    static let reconcile = Command(
        specification: CommandSpecification(
            name: "target reconcile",
            group: .copies,
            summary: "compare both copies, and repair the damaged one",
            operands: [OperandSpecification(name: "NAME", count: .one)],
            options: [.flag("repair", "repair what is damaged on one side from the other")]
                + OptionSpecification.client,
            about: [
                "",
                "Reads all of both copies and prints each difference:  side  what  problem. With",
                "--repair the damaged side is repaired; what is damaged on both is left alone.",
                "Ends with 1 if a difference is left. May take hours; the server goes on with it",
                "if this command is ended. See ops/runbooks/target-reconcile.md.",
            ],
            example: "strongroom target reconcile frankfurt --repair"
        ),
        run: reconcile
    )

    private static func reconcile(
        _ arguments: ParsedArguments,
        _ console: Console
    ) throws(CommandFailure) -> ExitCode {
        let name = arguments.operands[0]
        let isRepairing = arguments.flag("repair")
        let reply = try reconciled(name, isRepairing, try Server(arguments), console)
        guard let findings = reply.objects("findings"), let strays = reply.objects("strays"),
            let differences = reply.number("differences"),
            let repaired = reply.number("repaired")
        else { throw JSONReply.malformed("comparison with \(name)") }
        if arguments.flag("json") {
            console.result(reply.line)
        } else {
            for finding in findings {
                console.result(Console.harmless(TargetText.finding(finding)))
            }
            for stray in strays { console.result(Console.harmless(TargetText.stray(stray))) }
            for line in TargetText.outcome(name, reply, repairing: isRepairing) {
                console.message(line)
            }
        }
        return differences == repaired ? .done : .verificationFailed
    }

    /// Begins a comparison, and comes back for it until it is done: no request is long.
    private static func reconciled(
        _ name: String,
        _ isRepairing: Bool,
        _ server: Server,
        _ console: Console
    ) throws(CommandFailure) -> JSONObject {
        let connection = server.connectPatiently()
        let what = "comparison with \(name)"
        let path = TargetCommands.path(name, "reconcile")
        let started = Clock.monotonicNanoseconds()
        var body: JSONObject = ["seconds": .integer(0)]
        if isRepairing { body["repair"] = .bool(true) }
        // The first begins it; to ask for it again does no harm.
        var repetition = Retry.Repetition.actsAgain
        while true {
            let reply = try connection.send(.post, path, body, what: what, repetition).object
            guard let isDone = reply.flag("done"), let run = reply.text("run") else {
                throw JSONReply.malformed(what)
            }
            if isDone { return reply }
            let seconds = Double(Clock.monotonicNanoseconds() - started) / 1e9
            let percent = reply.number("percent") ?? 0
            console.progress(TargetText.progress(percent: percent, seconds: seconds))
            let pause: Int64 = console.errorIsTerminal ? 1 : 30
            body = ["run": .string(run), "seconds": .integer(pause)]
            repetition = .harmless
        }
    }

    static let wait = Command(
        specification: CommandSpecification(
            name: "target wait",
            group: .copies,
            summary: "wait until all that is acknowledged stands in a target",
            operands: [OperandSpecification(name: "NAME", count: .one)],
            options: [.value("seconds", "N", "give up after so long, and end with 5")]
                + OptionSpecification.client,
            about: [
                "",
                "Closes packs, and returns when all records that the log has now are verified in",
                "NAME, in packs and tiles. What is taken meanwhile is not waited for. Ends with 4",
                "if the target is fenced: then nothing more will come there.",
            ],
            example: "strongroom target wait frankfurt --seconds 600"
        ),
        run: wait
    )

    private static func wait(
        _ arguments: ParsedArguments,
        _ console: Console
    ) throws(CommandFailure) -> ExitCode {
        let name = arguments.operands[0]
        let patience = try arguments.integer("seconds", in: 0...31_536_000)
        let connection = try Server(arguments).connectPatiently()
        let started = Clock.monotonicNanoseconds()
        var body: JSONObject = [:]
        var said: String?
        while true {
            let spent = Int((Clock.monotonicNanoseconds() - started) / 1_000_000_000)
            let left = patience.map { max(0, $0 - spent) } ?? 60
            // On a terminal often, to show how far it is.
            body["seconds"] = .integer(Int64(min(left, console.errorIsTerminal ? 1 : 60)))
            let path = TargetCommands.path(name, "wait")
            let reply = try connection.send(
                .post,
                path,
                body,
                what: "waiting for \(name)",
                .harmless
            )
            guard let isDone = reply.object.flag("done"), let size = reply.object.number("size"),
                let target = reply.object.object("target")
            else { throw JSONReply.malformed("waiting for \(name)") }
            if isDone {
                report(reply.object, size, arguments, console)
                return .done
            }
            if target.text("health") == "fenced" {
                throw CommandFailure(
                    .refused,
                    "\(name) is fenced: \(target.text("reason") ?? "the server's log says why")",
                    advice: "see ops/runbooks/target-fenced.md"
                )
            }
            body["size"] = .integer(Int64(clamping: size))
            let seconds = Double(Clock.monotonicNanoseconds() - started) / 1e9
            console.progress(TargetText.progress(target, size: size, seconds: seconds))
            if let reason = target.text("reason"), reason != said {
                console.message("\(name) is failing, and is tried again: \(reason)")
                said = reason
            }
            if let patience, seconds >= Double(patience) {
                throw CommandFailure(
                    .tryAgain,
                    "\(name) has not all of \(Amount.count(size, "record")) after "
                        + "\(Amount.count(patience, "second"))",
                    advice: "'strongroom target show \(name)' tells what is missing"
                )
            }
        }
    }

    private static func report(
        _ reply: JSONObject,
        _ size: UInt64,
        _ arguments: ParsedArguments,
        _ console: Console
    ) {
        if arguments.flag("json") {
            console.result(reply.line)
        } else {
            let name = arguments.operands[0]
            let text = "\(name)  \(Amount.count(size, "record")) verified"
            console.result(Console.harmless(text))
        }
    }
}
