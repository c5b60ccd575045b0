internal import EvidenceModel
internal import Platform
internal import TransparencyLog

/// `strongroom prove`: fetches a fresh receipt.
enum ProveCommand {
    static let command = Command(
        specification: CommandSpecification(
            name: "prove",
            group: .proof,
            summary: "fetch a fresh receipt of a record",
            operands: [OperandSpecification(name: "INDEX", count: .one)],
            options: [
                .value("size", "N", "prove against the tree of this size; default the newest"),
                .value("format", "F", "json (default) or tlog-proof"),
                .value("output", short: "o", "FILE", "where it goes; default standard output"),
                .repeated("key", "VKEY", "check the signature too; else $STRONGROOM_KEY"),
                .server, .tokenFile,
            ],
            about: [
                "",
                "Fetches a receipt of record INDEX: the record, its inclusion proof, a signed",
                "checkpoint. It is checked before it is written.",
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
        let index = try ParsedArguments.recordIndex(arguments.operands[0])
        let size = try arguments.treeSize("size")
        let format = arguments.value("format") ?? "json"
        guard format == "json" || format == "tlog-proof" else {
            throw .usage("--format is '\(format)', not json or tlog-proof")
        }
        let checker = ReceiptChecker(keys: try TrustedKeys.read(arguments))
        let connection = try Server(arguments).connect()
        var path = RequestPath("/v1/records/\(index)/receipt")
        path.add("size", size.map(String.init))
        let reply = try connection.get(
            path,
            what: "receipt of record \(index)",
            fields: format == "json" ? [] : [(name: "Accept", value: "text/plain")]
        )
        try check(reply.body, isJSON: format == "json", index, size, checker)
        try write(reply.body, to: arguments.value("output"), console)
        if !checker.isPinned {
            console.message("the signature is not checked, for no key is pinned: give --key")
        }
        return .done
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

    private static func write(
        _ bytes: [UInt8],
        to path: String?,
        _ console: Console
    )
        throws(CommandFailure)
    {
        guard let path, path != "-" else {
            console.result(bytes: bytes.span)
            if bytes.last != UInt8(ascii: "\n") { console.result("") }
            return
        }
        do throws(SystemError) {
            try FileSystem.writeDurably(bytes.span, to: path, permissions: 0o640)
        } catch {
            throw CommandFailure(error)
        }
    }
}
