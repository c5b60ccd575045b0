internal import EvidenceModel

/// `strongroom key`: the keys with which a log signs.
enum KeyCommands {
    static let family = CommandFamily(
        name: "key",
        summary: "list the keys of a log, or let it sign with a new one",
        about: ["What a log signs its checkpoints with, and has signed them with."]
    )

    static let list = Command(
        specification: CommandSpecification(
            name: "key list",
            group: .log,
            summary: "list the verifier keys of a log",
            operands: [],
            options: OptionSpecification.client,
            about: [
                "",
                "The oldest first, with the record that brought each and until when it signs. A",
                "key that the log itself tells proves nothing: compare it with what you were",
                "given.",
            ],
            example: "strongroom key list"
        )
    ) { (arguments, console) throws(CommandFailure) in
        let path = RequestPath("/v1/keys")
        let reply = try Server(arguments).connect().getObject(path, what: "keys")
        try write(reply, arguments, console)
        return .done
    }

    static let rotate = Command(
        specification: CommandSpecification(
            name: "key rotate",
            group: .log,
            summary: "let the log sign with a new key",
            operands: [],
            options: [
                .value("overlap", "D", "how long earlier keys sign along; default 30d"), .reason,
            ] + OptionSpecification.client,
            about: [
                "",
                "Writes key.rotated, which the old and the new key have signed. The server makes",
                "the new key and adds it to its key file; a key that stands there already and is",
                "not yet the log's is taken instead. Hand out the new verifier key before the",
                "overlap is over: after that only it signs. After a theft give a short overlap;",
                "see the runbook key-rotation.",
            ],
            example: "strongroom key rotate --reason yearly"
        )
    ) { (arguments, console) throws(CommandFailure) in
        var body: JSONObject = ["reason": .string(try arguments.required("reason"))]
        body["overlap"] = arguments.value("overlap").map { .string($0) }
        let reply = try Server(arguments).connect().send(
            .post,
            RequestPath("/v1/keys"),
            body,
            what: "rotation",
            .actsAgain
        )
        try write(reply.object, arguments, console)
        if !arguments.flag("json") {
            let by = reply.object.number("act").map { " by record \($0)" } ?? ""
            console.message(
                "rotated\(by): hand out the new key; the file with the private keys has changed, "
                    + "so back it up"
            )
        }
        return .done
    }

    private static func write(
        _ reply: JSONObject,
        _ arguments: ParsedArguments,
        _ console: Console
    ) throws(CommandFailure) {
        guard !arguments.flag("json") else {
            console.result(reply.line)
            return
        }
        for key in reply.objects("keys") ?? [] {
            let act = key.number("act").map { "record \($0)" } ?? "record 0"
            let until = key.text("until").map { "signs until \($0)" } ?? "signs"
            console.result(Console.harmless("\(key.text("key") ?? "?")  \(act)  \(until)"))
        }
    }
}
