internal import EvidenceModel
internal import TransparencyLog

/// `strongroom prove`: fetches a fresh receipt.
enum ProveCommand {
    static let command = Command(
        specification: CommandSpecification(
            name: "prove",
            group: .proof,
            summary: "fetch a fresh receipt of a record",
            operands: [OperandSpecification(name: "INDEX", count: .optional)],
            options: [
                .value(
                    "census",
                    "COLLECTION",
                    "instead of INDEX: the newest record that counts it"
                ),
                .value("size", "N", "prove against the tree of this size; default the newest"),
                .flag("cosigned", "against the newest tree that witnesses have confirmed"),
                .value("before", "T", "with --cosigned: that they confirmed before this time"),
                .value("format", "F", "json (default) or tlog-proof"),
                .value("output", short: "o", "FILE", "where it goes; default standard output"),
                .repeated("key", "VKEY", "check the signature too; else $STRONGROOM_KEY"),
                .server, .tokenFile,
            ],
            about: [
                "",
                "Fetches a receipt of record INDEX: the record, its inclusion proof, a signed",
                "checkpoint. It is checked before it is written. With --census it is that of the",
                "newest record that says how many the collection has; 'verify --complete' takes",
                "it. With --cosigned the checkpoint has what the server's witness policy asks",
                "for; 'verify --policy' checks that. --before T is for after a theft of the key.",
            ],
            example: "strongroom prove 41 -o report.receipt.json"
        ),
        run: run
    )

    private static func run(
        _ arguments: ParsedArguments,
        _ console: Console
    )
        throws(CommandFailure) -> ExitCode
    {
        let size = try arguments.treeSize("size")
        let isCosigned = arguments.flag("cosigned")
        guard size == nil || !isCosigned else {
            throw .usage("--cosigned chooses the tree itself: it does not go with --size")
        }
        guard isCosigned || arguments.value("before") == nil else {
            throw .usage("--before goes with --cosigned")
        }
        let format = arguments.value("format") ?? "json"
        guard format == "json" || format == "tlog-proof" else {
            throw .usage("--format is '\(format)', not json or tlog-proof")
        }
        let checker = ReceiptChecker(keys: try TrustedKeys.read(arguments))
        let connection = try Server(arguments).connect()
        let reply: APIReply
        switch (arguments.operands.first, arguments.value("census")) {
        case (let text?, nil):
            let index = try ParsedArguments.recordIndex(text)
            var path = RequestPath("/v1/records/\(index)/receipt")
            path.add("size", size.map(String.init))
            path.add("cosigned", isCosigned ? "true" : nil)
            path.add("before", arguments.value("before"))
            reply = try connection.get(
                path,
                what: "receipt of record \(index)",
                fields: format == "json" ? [] : [(name: "Accept", value: "text/plain")]
            )
            try check(reply.body, isJSON: format == "json", index, size, checker)
        case (nil, let collection?):
            guard size == nil, !isCosigned, format == "json" else {
                throw .usage("--census gives the newest receipt as JSON: INDEX's options do not go")
            }
            reply = try census(collection, connection, checker)
        case (nil, nil): throw .usage("INDEX is missing", advice: "see 'strongroom prove --help'")
        case (.some, .some): throw .usage("give INDEX or --census, not both")
        }
        try ReceiptOutput.write(reply.body, to: arguments.value("output"), console)
        if !checker.isPinned { console.message(ReceiptOutput.notPinned) }
        return .done
    }

    /// The receipt of the newest census record that counts a collection.
    private static func census(
        _ collection: String,
        _ connection: APIConnection,
        _ checker: ReceiptChecker
    ) throws(CommandFailure) -> APIReply {
        var path = RequestPath("/v1/collections")
        path.addSegment(collection)
        path.addSegment("census")
        let reply = try connection.get(path, what: "census of \(collection)")
        let checked = try checker.check(reply.body.span)
        guard case .act(let act) = checked.record,
            case .census(_, _, _, let collections) = act.act,
            collections.contains(where: { $0.key.text == collection })
        else {
            throw CommandFailure(
                .verificationFailed,
                "the server gave record \(checked.receipt.index), no census of \(collection)"
            )
        }
        return reply
    }

    private static func check(
        _ bytes: [UInt8],
        isJSON: Bool,
        _ index: UInt64,
        _ size: UInt64?,
        _ checker: ReceiptChecker
    ) throws(CommandFailure) {
        var encoded = bytes
        if !isJSON {
            do throws(ReceiptTextError) {
                encoded = try ReceiptText.parse(bytes).encodedJSON
            } catch {
                throw CommandFailure(
                    .verificationFailed,
                    "the server's proof does not verify: \(error.detail)"
                )
            }
        }
        let checked = try checker.check(encoded.span)
        guard checked.receipt.index.value == index,
            size == nil || checked.receipt.treeSize.value == size
        else {
            throw CommandFailure(
                .verificationFailed,
                "the server's receipt is of record \(checked.receipt.index) in a tree of "
                    + "\(checked.receipt.treeSize), which is not what was asked for"
            )
        }
    }
}
