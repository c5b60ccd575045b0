internal import EvidenceModel

/// `strongroom lock`: extends locks.
enum LockCommand {
    static let command = Command(
        specification: CommandSpecification(
            name: "lock",
            group: .retention,
            summary: "extend locks; nothing shortens them",
            operands: [OperandSpecification(name: "INDEX", count: .oneOrMore)],
            options: [
                .value("until", "T", "the new end: 2040-01-01 or 2040-01-01T00:00:00Z"),
                .value("mode", "M", "compliance: GOVERNANCE becomes COMPLIANCE, for good"),
                .reason,
            ] + OptionSpecification.client,
            about: [
                "",
                "Gives records a later end, or the stronger mode, or both; without --until the",
                "end stays. A lock is never shortened or weakened, and the collection's maximum",
                "holds. Prints  index  lock  by record N  a record; goes on after one that is",
                "refused.",
            ],
            example: "strongroom lock 41 42 --until 2040-01-01 --reason audit-2039"
        ),
        run: run
    )

    private static func run(
        _ arguments: ParsedArguments,
        _ console: Console
    )
        throws(CommandFailure) -> ExitCode
    {
        let indexes = try ParsedArguments.recordIndexes(arguments.operands)
        let body = try body(arguments)
        let connection = try Server(arguments).connect()
        var exit = ExitCode.done
        for (place, index) in indexes.enumerated() {
            do throws(CommandFailure) {
                let reply = try connection.send(
                    .post,
                    RequestPath("/v1/records/\(index)/lock"),
                    body,
                    what: "lock of record \(index)",
                    // The same extension again changes nothing.
                    .harmless
                )
                let line = text(index, reply.object)
                console.result(arguments.flag("json") ? reply.object.line : line)
            } catch {
                console.failure(error)
                exit = exit.graver(error.code)
                if error.code == .tryAgain {
                    let rest = indexes.count - place - 1
                    if rest > 0 { console.message("\(Amount.count(rest, "record")) not tried") }
                    break
                }
            }
        }
        return exit
    }

    private static func body(_ arguments: ParsedArguments) throws(CommandFailure) -> JSONObject {
        var body: JSONObject = ["reason": .string(try arguments.required("reason"))]
        if let text = arguments.value("until") { body["until"] = .string(RequestedTime.text(text)) }
        if let text = arguments.value("mode") {
            body["mode"] = .string(try RetentionMode.ofOption(text).rawValue)
        }
        guard body["until"] != nil || body["mode"] != nil else {
            throw .usage("--until is missing", advice: "see 'strongroom lock --help'")
        }
        return body
    }

    /// `41  COMPLIANCE until 2040-01-01T00:00:00Z  by record 57`.
    static func text(_ index: UInt64, _ reply: JSONObject) -> String {
        let lock = LockWords.text(reply["lock"]) ?? "locked"
        let by = reply.number("act").map { "by record \($0)" } ?? "unchanged"
        return Console.harmless("\(index)  \(lock)  \(by)")
    }
}

extension RetentionMode {
    /// The value of `--mode`.
    static func ofOption(_ text: String) throws(CommandFailure) -> RetentionMode {
        do throws(LimitViolation) {
            return try RetentionMode(userInput: text)
        } catch {
            throw .usage("--mode: \(error)")
        }
    }
}
