internal import EvidenceModel

/// `strongroom timestamp` and `renew`: what authorities of time have signed over checkpoints.
enum TimeStampCommands {
    static let family = CommandFamily(
        name: "timestamp",
        summary: "list, fetch and check time-stamps of checkpoints",
        about: [
            "A time-stamping authority (RFC 3161) signs that a checkpoint existed at a time.",
            "The server asks those that its configuration names (timestamps.authorities).",
        ]
    )

    static let list = Command(
        specification: CommandSpecification(
            name: "timestamp list",
            group: .proof,
            summary: "list the time-stamps of the log's checkpoints",
            operands: [],
            options: [
                .value("below", "SIZE", "only of trees smaller than that"),
                .value("limit", "N", "at most so many trees' time-stamps; default 100"),
            ] + OptionSpecification.client,
            about: [
                "",
                "Prints, newest first:  size  authority  time  until  renewals. Until: when the",
                "first certificate of the newest token ends; before that it must be renewed.",
            ],
            example: "strongroom timestamp list"
        )
    ) { (arguments, console) throws(CommandFailure) in
        var path = RequestPath("/v1/timestamps")
        for name in ["below", "limit"] {
            if let number = try arguments.integer(name, in: 1...(1 << 53)) {
                path.add(name, "\(number)")
            }
        }
        let reply = try Server(arguments).connect().getObject(path, what: "time-stamps")
        guard let found = reply.objects("timestamps") else {
            throw JSONReply.malformed("time-stamps")
        }
        for timestamp in found {
            console.result(
                arguments.flag("json") ? timestamp.line : Console.harmless(line(timestamp))
            )
        }
        if let below = reply.number("below") {
            console.message("there are more: --below \(below)")
        }
        return .done
    }

    static let get = Command(
        specification: CommandSpecification(
            name: "timestamp get",
            group: .proof,
            summary: "fetch a time-stamp of a checkpoint",
            operands: [
                OperandSpecification(name: "SIZE", count: .one),
                OperandSpecification(name: "AUTHORITY", count: .one),
            ],
            options: [
                .value("form", "F", "token (default), evidence-record, checkpoint or text"),
                .value("output", short: "o", "FILE", "where it goes; default standard output"),
            ] + OptionSpecification.client,
            about: [
                "",
                "The token is what the authority signed (DER, RFC 3161), over the text of the",
                "checkpoint. The evidence record also has what renewed it (DER, RFC 4998).",
                "'--form checkpoint' is the signed note, '--form text' the bytes of it that are",
                "stamped: openssl ts -verify -token_in -in TOKEN -data TEXT -CAfile CA.pem",
            ],
            example: "strongroom timestamp get 1000 tsa -o 1000.tst"
        )
    ) { (arguments, console) throws(CommandFailure) in
        let (size, authority) = (arguments.operands[0], arguments.operands[1])
        var path = RequestPath("/v1/timestamps")
        path.addSegment(size)
        path.addSegment(authority)
        if let form = arguments.value("form") { path.add("form", form) }
        let reply = try Server(arguments).connect().get(path, what: "time-stamp of \(size)")
        guard let output = arguments.value("output"), output != "-" else {
            console.result(bytes: reply.body.span)
            return .done
        }
        try ReceiptOutput.write(reply.body, to: output, console)
        return .done
    }

    static let now = Command(
        specification: CommandSpecification(
            name: "timestamp now",
            group: .proof,
            summary: "have the newest checkpoint stamped by all authorities",
            operands: [],
            options: OptionSpecification.client,
            about: [
                "",
                "Asks every authority that has not stamped it yet, and prints what they gave as",
                "'timestamp list' does. Ends with 5 if one gave none.",
            ],
            example: "strongroom timestamp now"
        )
    ) { (arguments, console) throws(CommandFailure) in
        let reply = try Server(arguments).connectPatiently().send(
            .post,
            RequestPath("/v1/timestamps"),
            [:],
            what: "time-stamps",
            .actsAgain
        ).object
        guard let stamped = reply.objects("timestamps"), let failed = reply.objects("failed") else {
            throw JSONReply.malformed("time-stamps")
        }
        if arguments.flag("json") {
            console.result(reply.line)
        } else {
            for timestamp in stamped { console.result(Console.harmless(line(timestamp))) }
        }
        tell(failed, console)
        return failed.isEmpty ? .done : .tryAgain
    }

    static let renew = Command(
        specification: CommandSpecification(
            name: "renew",
            group: .log,
            summary: "renew time-stamps before their certificates end",
            operands: [],
            options: [
                .flag("dry-run", "list what is due, and why; nobody is asked"),
                .value("algorithm", "A", "renew all that are not of sha256, sha384 or sha512"),
            ] + OptionSpecification.client,
            about: [
                "",
                "Due is what leans on a certificate that ends within timestamps.renewBeforeDays",
                "(the server does that daily by itself), and with --algorithm everything that",
                "was made with another digest algorithm. Many are renewed with one token. Ends",
                "with 5 if something is left. See ops/runbooks/timestamps.md.",
            ],
            example: "strongroom renew --dry-run"
        ),
        run: renew
    )

    private static func renew(
        _ arguments: ParsedArguments,
        _ console: Console
    ) throws(CommandFailure) -> ExitCode {
        var body: JSONObject = [:]
        if arguments.flag("dry-run") { body["dryRun"] = .bool(true) }
        if let algorithm = arguments.value("algorithm") { body["algorithm"] = .string(algorithm) }
        let reply = try Server(arguments).connectPatiently().send(
            .post,
            RequestPath("/v1/timestamps/renew"),
            body,
            what: "renewal",
            .actsAgain
        ).object
        guard let due = reply.number("due") else { throw JSONReply.malformed("renewal") }
        if arguments.flag("json") { console.result(reply.line) }
        if arguments.flag("dry-run") {
            guard let found = reply.objects("timestamps") else {
                throw JSONReply.malformed("renewal")
            }
            if !arguments.flag("json") {
                for timestamp in found {
                    let reason =
                        timestamp.text("reason") == "algorithm"
                        ? "made with \(timestamp.text("digest") ?? "?")" : "certificate ends"
                    console.result(Console.harmless("\(line(timestamp))  \(reason)"))
                }
            }
            console.message("\(due) due; nothing was renewed")
            return .done
        }
        guard let renewed = reply.number("renewed"), let tokens = reply.number("tokens"),
            let left = reply.number("left"), let failed = reply.objects("failed"),
            let damaged = reply.objects("damaged")
        else { throw JSONReply.malformed("renewal") }
        tell(failed, console)
        for entry in damaged {
            console.message(
                "the time-stamp of \(entry.number("size") ?? 0) by "
                    + "\(Console.harmless(entry.text("authority") ?? "?")) is damaged"
            )
        }
        console.message("\(renewed) of \(due) renewed, with \(tokens) tokens")
        guard damaged.isEmpty else { return .verificationFailed }
        return left == 0 ? .done : .tryAgain
    }

    // MARK: Words

    private static func line(_ timestamp: JSONObject) -> String {
        [
            "\(timestamp.number("size") ?? 0)", timestamp.text("authority") ?? "?",
            timestamp.text("time") ?? "?",
            "until \(timestamp.text("certificateEnd")?.prefix(10) ?? "?")",
            "\(timestamp.number("renewals") ?? 0) renewals",
        ].joined(separator: "  ")
    }

    private static func tell(_ failed: [JSONObject], _ console: Console) {
        for failure in failed {
            console.message(
                Console.harmless(
                    "\(failure.text("authority") ?? "?"): \(failure.text("reason") ?? "?")"
                )
            )
        }
    }
}
