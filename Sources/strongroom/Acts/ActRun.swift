internal import EvidenceModel

/// Sends an act over several records, reports what was done and each record that was refused, and
/// keeps the gravest exit code.
struct ActRun {
    let connection: APIConnection
    let path: RequestPath
    /// What the user wants, for messages: `hold for case-7`.
    let what: String
    let console: Console
    let isJSON: Bool
    private(set) var exit = ExitCode.done

    init(
        _ connection: APIConnection,
        _ path: String,
        what: String,
        _ arguments: ParsedArguments,
        _ console: Console
    ) {
        self.connection = connection
        self.path = RequestPath(path)
        self.what = what
        self.console = console
        isJSON = arguments.flag("json")
    }

    /// Sends `members` with each part of the chosen records.
    ///
    /// `text`: the line for a person, from the server's answer. A part that is refused as a whole
    /// does not keep the next from being sent; a server that does not answer does.
    mutating func run(
        _ members: JSONObject,
        _ parts: [JSONObject],
        text: (JSONObject) -> String
    ) {
        for (place, part) in parts.enumerated() {
            var body = members
            for member in part.members { body[member.name] = member.value }
            do throws(CommandFailure) {
                let reply = try connection.exchange(.post, path, body, .actsAgain)
                try report(reply, text)
            } catch {
                fail(error)
                guard error.code != .tryAgain else {
                    let rest = parts.count - place - 1
                    if rest > 0 { console.message("\(Amount.count(rest, "request")) not sent") }
                    return
                }
            }
        }
    }

    private mutating func report(
        _ reply: APIReply,
        _ text: (JSONObject) -> String
    ) throws(CommandFailure) {
        guard reply.isSuccess else {
            let problem = Problem(reply)
            // All were refused: each for a reason of its own, which says more than the sum.
            guard !problem.refused.isEmpty else { throw problem.failure(what) }
            for refused in problem.refused { fail(refused.failure) }
            return
        }
        let object = try JSONReply(reply, what: what).object
        console.result(isJSON ? object.line : Console.harmless(text(object)))
        for refused in RefusedRecord.all(in: object) { fail(refused.failure) }
    }

    private mutating func fail(_ failure: CommandFailure) {
        console.failure(failure)
        exit = exit.graver(failure.code)
    }
}

/// How a person reads what acts did.
enum ActText {
    /// `by record 57`, `by records 57, 58`; empty where no act was needed.
    static func by(_ acts: [UInt64]?) -> String {
        guard let acts, !acts.isEmpty else { return "" }
        let shown = acts.prefix(8).map(String.init).joined(separator: ", ")
        let rest = acts.count > 8 ? " and \(acts.count - 8) more" : ""
        return "  by record\(acts.count == 1 ? "" : "s") \(shown)\(rest)"
    }

    /// `case-7  3 records held  by record 57`.
    static func outcome(_ subject: String, _ done: String, _ object: JSONObject) -> String {
        let count = Amount.count(object.number("count") ?? 0, "record")
        return "\(subject)  \(count) \(done)\(by(object.numbers("acts")))"
    }
}
