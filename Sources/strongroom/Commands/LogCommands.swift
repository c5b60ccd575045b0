internal import EvidenceModel

/// `strongroom log`: the log as a whole.
enum LogCommands {
    static let family = CommandFamily(
        name: "log",
        summary: "close a log for good",
        about: ["What concerns the log as a whole."]
    )

    static let close = Command(
        specification: CommandSpecification(
            name: "log close",
            group: .log,
            summary: "write the last record of a log",
            operands: [],
            options: [.reason] + OptionSpecification.client,
            about: [
                "",
                "Writes log.closed, the last record. FOR EVER AFTER: no evidence is taken, no",
                "lock is extended, no hold placed or released, no event recorded, nothing",
                "erased. What is in the log stays readable and provable. Nothing undoes it, and",
                "nothing is asked: make sure that all that is due is erased, and all that must",
                "be held is.",
            ],
            example: "strongroom log close --reason replaced-by-log-2"
        )
    ) { (arguments, console) throws(CommandFailure) in
        let body: JSONObject = ["reason": .string(try arguments.required("reason"))]
        let connection = try Server(arguments).connect()
        let reply = try connection.send(
            .post,
            RequestPath("/v1/log/close"),
            body,
            what: "close",
            .actsAgain
        )
        if arguments.flag("json") {
            console.result(reply.object.line)
            return .done
        }
        let by = reply.object.number("act").map { " by record \($0), its last" } ?? ""
        console.result("the log is closed\(by)")
        console.message(
            "from here on nothing can be appended, extended, held or erased; reading and proving "
                + "go on"
        )
        return .done
    }
}
