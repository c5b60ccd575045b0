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
                "Prints what record INDEX says, its current lock, holds and copies, and how they",
                "came about. The record is checked against its inclusion proof; lock, holds and",
                "copies are the server's word.",
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
        var lock: [UInt8]?
        if checked.record.lock != nil {
            let path = RequestPath("/v1/records/\(index)/lock")
            lock = try connection.get(path, what: "lock of record \(index)").body
        }
        if arguments.flag("json") {
            console.result(json(checked, lock))
        } else {
            for line in RecordText.lines(checked, isPinned: checker.isPinned) + LockText.lines(lock)
            {
                console.result(Console.harmless(line))
            }
        }
        return .done
    }

    private static func json(_ checked: CheckedReceipt, _ lock: [UInt8]?) -> String {
        var line = JSONLine()
        line.add("index", checked.receipt.index.value)
        line.add("record", json: checked.receipt.record)
        if let opening = checked.receipt.opening {
            line.add("description", json: opening.description)
        }
        line.add("leafHash", checked.receipt.leafHash.base64)
        // The server's JSON has been read as such before it is passed on.
        if let lock, let value = try? JSONValue(parsing: lock.span, form: .any) {
            line.add("lock", json: CanonicalJSON.encode(value))
        }
        line.add("copies", ["local"])
        return line.text
    }
}

/// A record as lines of `name  value`.
enum RecordText {
    static func lines(_ checked: CheckedReceipt, isPinned: Bool) -> [String] {
        let receipt = checked.receipt
        var lines = [
            row("record", "\(receipt.index) of \(checked.checkpoint.origin)"),
            row("kind", checked.record.kind.rawValue),
        ]
        if let collection = checked.record.collection, let sequence = checked.record.sequence {
            lines.append(row("collection", "\(collection), number \(sequence)"))
        }
        lines += describe(checked)
        lines.append(row("received", checked.record.received.rfc3339))
        if case .logCreated(let creation) = checked.record {
            for key in creation.verifierKeys { lines.append(row("key", "\(key)")) }
            for founder in creation.founders { lines.append(row("founder", founder)) }
        }
        lines.append(row("leaf", receipt.leafHash.base64))
        let proof = "in the tree of \(receipt.treeSize), "
        lines.append(
            row("proof", proof + (isPinned ? "signed" : "signature not checked: no --key"))
        )
        return lines
    }

    static func row(_ name: String, _ value: String) -> String {
        name + String(repeating: " ", count: max(1, 12 - name.count)) + value
    }

    private static func describe(_ checked: CheckedReceipt) -> [String] {
        var lines: [String] = []
        if case .sealedEvidence(let evidence) = checked.record {
            lines.append(row("sealed", "the leaf holds the commitment \(evidence.commitment.hex)"))
        }
        guard let description = checked.description else { return lines }
        lines.append(row("name", description.name.text))
        lines.append(row("media type", description.mediaType.text))
        if !description.labels.isEmpty {
            let labels = description.labels.sorted.map { "\($0.key)=\($0.value)" }
            lines.append(row("labels", labels.joined(separator: ", ")))
        }
        lines.append(row("payload", "\(description.payloadSize) bytes"))
        lines.append(row("sha256", description.payloadDigest.hex))
        lines.append(row("submitter", description.submitter.text))
        if let key = description.idempotencyKey { lines.append(row("key", key.text)) }
        if let trace = description.traceparent { lines.append(row("trace", trace.text)) }
        return lines
    }
}

/// The server's word on a lock, as lines.
enum LockText {
    static func lines(_ reply: [UInt8]?) -> [String] {
        guard let reply,
            case .object(let object)? = try? JSONValue(parsing: reply.span, form: .any)
        else { return [] }
        var lines: [String] = []
        if let lock = text(object["lock"]) { lines.append(RecordText.row("lock", lock)) }
        if case .array(let holds)? = object["holds"] {
            lines.append(
                RecordText.row("holds", holds.isEmpty ? "none" : "\(holds.count)")
            )
            for hold in holds { lines.append(RecordText.row("", compact(hold))) }
        }
        lines.append(RecordText.row("copies", "1, on the server's disk"))
        if case .array(let history)? = object["history"] {
            for (place, event) in history.enumerated() {
                lines.append(RecordText.row(place == 0 ? "history" : "", eventText(event)))
            }
        }
        return lines
    }

    private static func text(_ lock: JSONValue?) -> String? {
        guard case .object(let object)? = lock, case .string(let mode)? = object["mode"],
            case .string(let until)? = object["until"]
        else { return nil }
        return "\(mode) until \(until)"
    }

    /// `2026-11-21T01:02:03.456Z granted COMPLIANCE until …, by record 41`.
    private static func eventText(_ event: JSONValue) -> String {
        guard case .object(let object) = event, case .string(let time)? = object["at"],
            case .string(let name)? = object["event"], case .integer(let index)? = object["index"]
        else { return compact(event) }
        let lock = text(object["lock"]).map { " \($0)," } ?? ""
        return "\(time) \(name)\(lock) by record \(index)"
    }

    private static func compact(_ value: JSONValue) -> String {
        String(decoding: CanonicalJSON.encode(value), as: UTF8.self)
    }
}
