internal import Cryptography
internal import EvidenceModel
internal import Observability
internal import TransparencyLog

/// `strongroom show`: a record and all that is known of it.
enum ShowCommand {
    static let command = Command(
        specification: CommandSpecification(
            name: "show",
            group: .evidence,
            summary: "show a record, its lock and its history",
            operands: [OperandSpecification(name: "INDEX", count: .one)],
            options: [.repeated("key", "VKEY", "check the signature too; else $STRONGROOM_KEY")]
                + OptionSpecification.client,
            about: [
                "",
                "Prints what record INDEX says, its current lock, the matters that hold it,",
                "its copies, whether its payload was erased, and how that came about. The record",
                "is checked against its inclusion proof; the rest is the server's word, and names",
                "the records to prove.",
            ],
            example: "strongroom show 41"
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
        let checker = ReceiptChecker(keys: try TrustedKeys.read(arguments))
        let connection = try Server(arguments).connect()
        let reply = try connection.get(
            RequestPath("/v1/records/\(index)/receipt"),
            what: "record \(index)"
        )
        let checked = try checker.check(reply.body.span)
        guard checked.receipt.index.value == index else {
            throw CommandFailure(
                .verificationFailed,
                "the server gave record \(checked.receipt.index) for record \(index)"
            )
        }
        var lock: JSONObject?
        if checked.record.lock != nil {
            let path = RequestPath("/v1/records/\(index)/lock")
            lock = try connection.getObject(path, what: "lock of record \(index)")
        }
        if arguments.flag("json") {
            console.result(json(checked, lock))
        } else {
            var lines = RecordText.lines(checked, isPinned: checker.isPinned)
            if let lock { lines += LockText.lines(lock) }
            for line in lines { console.result(Console.harmless(line)) }
        }
        return .done
    }

    private static func json(_ checked: CheckedReceipt, _ lock: JSONObject?) -> String {
        var line = JSONLine()
        line.add("index", checked.receipt.index.value)
        line.add("record", json: checked.receipt.record)
        if let opening = checked.receipt.opening {
            line.add("description", json: opening.description)
        }
        line.add("leafHash", checked.receipt.leafHash.base64)
        if let lock { line.add("lock", json: CanonicalJSON.encode(.object(lock))) }
        let copies = (lock?.objects("copies") ?? []).filter { $0.text("state") == "present" }
        line.add("copies", copies.compactMap { $0.text("copy") })
        return line.text
    }
}
