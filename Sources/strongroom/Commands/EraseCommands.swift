internal import EvidenceModel
internal import TransparencyLog

/// `strongroom erase`: lawful deletion, and its proof.
enum EraseCommands {
    static let family = CommandFamily(
        name: "erase",
        summary: "list what is due, erase it, fetch deletion certificates",
        about: [
            "Payloads go when their lock is over and no hold is on them. The erasure is a",
            "record of the log first; records and proofs stay for ever, and what was erased",
            "is provable.",
        ]
    )

    static let due = Command(
        specification: CommandSpecification(
            name: "erase due",
            group: .retention,
            summary: "list what is due; erase it with --apply",
            operands: [],
            options: [
                .value("collection", "C", "in this collection; default all"),
                .flag("why-not", "list what is not due too, each with its reason"),
                .flag("apply", "erase what is due, for good"),
                .value("reason", "TEXT", "stands in the certificate beside the ground"),
            ] + OptionSpecification.client,
            about: [
                "",
                "Prints  index  locked-until  collection  name  a payload that is due. Nothing",
                "happens without --apply. With it the certificates are written, then the bytes",
                "go; run it again after an interruption: what is done stays done.",
            ],
            example: "strongroom erase due --collection ci --why-not"
        ),
        run: due
    )

    /// The server gives no more in a page.
    private static let pageLimit = 1000

    private static func due(
        _ arguments: ParsedArguments,
        _ console: Console
    )
        throws(CommandFailure) -> ExitCode
    {
        let applies = arguments.flag("apply")
        if !applies, arguments.value("reason") != nil {
            throw .usage("--reason goes with --apply: without it nothing happens")
        }
        let server = try Server(arguments)
        let count = try list(arguments, server.connect(), console)
        guard count > 0 else {
            console.message("nothing is due")
            return .done
        }
        guard applies else {
            console.message(
                "\(Amount.count(count, "payload")) due; nothing was erased: --apply is not given"
            )
            return .done
        }
        console.flush()
        var body = JSONObject()
        if let name = arguments.value("collection") { body["collection"] = .string(name) }
        if let reason = arguments.value("reason") { body["reason"] = .string(reason) }
        var run = ActRun(
            server.connectPatiently(),
            "/v1/erasures",
            what: "erasure",
            arguments,
            console
        )
        run.run(body, [JSONObject()], text: outcome)
        return run.exit
    }

    /// Prints all pages.
    ///
    /// - Returns: How many are due.
    private static func list(
        _ arguments: ParsedArguments,
        _ connection: APIConnection,
        _ console: Console
    ) throws(CommandFailure) -> Int {
        var cursor: String?
        var count = 0
        repeat {
            var path = RequestPath("/v1/erasures/due")
            path.add("collection", arguments.value("collection"))
            if arguments.flag("why-not") { path.add("whyNot", "true") }
            path.add("limit", String(pageLimit))
            path.add("cursor", cursor)
            let page = try connection.getObject(path, what: "due")
            guard let entries = page.objects("due") else { throw JSONReply.malformed("due") }
            for entry in entries {
                if entry.flag("isDue") == true { count += 1 }
                let line = arguments.flag("json") ? entry.line : dueLine(entry)
                console.result(Console.harmless(line))
            }
            cursor = page.text("cursor")
        } while cursor != nil
        return count
    }

    /// `41  2033-11-22T00:00:00Z  ci  reports/a.xml`, and why not.
    static func dueLine(_ entry: JSONObject) -> String {
        let index = entry.number("index").map(String.init) ?? "?"
        let until = entry.object("lock").flatMap(LockWords.end) ?? "-"
        let collection = entry.text("collection") ?? "-"
        let name = entry.text("name") ?? "-"
        let line = "\(index)  \(until)  \(collection)  \(name)"
        guard entry.flag("isDue") != true else { return line }
        return line + "  not due: " + (entry.text("reason") ?? "the server gave no reason")
    }

    /// `erased 3 payloads  by record 60`.
    static func outcome(_ reply: JSONObject) -> String {
        let count = Amount.count(reply.number("erased") ?? 0, "payload")
        return "erased \(count)\(ActText.by(reply.numbers("acts")))"
    }

    static let bypass = Command(
        specification: CommandSpecification(
            name: "erase bypass",
            group: .retention,
            summary: "erase under a GOVERNANCE lock, with the right and a reason",
            operands: [OperandSpecification(name: "INDEX", count: .oneOrMore)],
            options: [.reason] + OptionSpecification.client,
            about: [
                "",
                "Erases payloads before their time. Only locks in mode GOVERNANCE that no hold",
                "covers, only with a token that has the right bypass, and never unseen: who and",
                "why is a record, and the certificate shows it. COMPLIANCE has no such way.",
            ],
            example: "strongroom erase bypass 41 --reason wrong-customer"
        )
    ) { (arguments, console) throws(CommandFailure) in
        let indexes = try ParsedArguments.recordIndexes(arguments.operands)
        let members: JSONObject = ["reason": .string(try arguments.required("reason"))]
        var run = ActRun(
            try Server(arguments).connectPatiently(),
            "/v1/erasures/bypass",
            what: "erasure",
            arguments,
            console
        )
        run.run(members, RecordChoice.records(indexes).parts, text: outcome)
        return run.exit
    }

    static let proof = Command(
        specification: CommandSpecification(
            name: "erase proof",
            group: .retention,
            summary: "fetch the deletion certificate of a record",
            operands: [OperandSpecification(name: "INDEX", count: .one)],
            options: [
                .value("output", short: "o", "FILE", "where it goes; default standard output"),
                .repeated("key", "VKEY", "check the signature too; else $STRONGROOM_KEY"),
                .server, .tokenFile,
            ],
            about: [
                "",
                "Fetches the receipt of the record that says of INDEX when, why and by whom its",
                "payload was erased, and under which lock. It is checked before it is written.",
                "'strongroom verify --certificate' checks it offline, with an old receipt.",
            ],
            example: "strongroom erase proof 41 -o report.erased.json"
        )
    ) { (arguments, console) throws(CommandFailure) in
        let index = try ParsedArguments.recordIndex(arguments.operands[0])
        let checker = ReceiptChecker(keys: try TrustedKeys.read(arguments))
        let what = "deletion certificate of record \(index)"
        let reply = try Server(arguments).connect().get(
            RequestPath("/v1/records/\(index)/erasure"),
            what: what
        )
        let checked = try checker.check(reply.body.span)
        guard case .act(let act) = checked.record, case .payloadErased(let erasure) = act.act,
            erasure.covers(RecordIndex(index))
        else {
            throw CommandFailure(
                .verificationFailed,
                "the server's \(what) is record \(checked.receipt.index), which is not about it"
            )
        }
        try ReceiptOutput.write(reply.body, to: arguments.value("output"), console)
        if !checker.isPinned { console.message(ReceiptOutput.notPinned) }
        return .done
    }
}
