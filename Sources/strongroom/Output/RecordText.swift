internal import Cryptography
internal import EvidenceModel
internal import TransparencyLog

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
            lines += creation.predecessor.map(predecessor) ?? []
        }
        if case .act = checked.record { lines += members(receipt.record) }
        lines.append(row("leaf", receipt.leafHash.base64))
        let proof = "in the tree of \(receipt.treeSize), "
        lines.append(
            row("proof", proof + (isPinned ? "signed" : "signature not checked: no --key"))
        )
        return lines
    }

    /// What an act says, member by member; kind and time stand above.
    private static func members(_ record: [UInt8]) -> [String] {
        guard case .object(let object)? = try? JSONValue(parsing: record.span, form: .canonical)
        else { return [] }
        let known: Set<String> = ["kind", "received", "v"]
        return object.members.filter { !known.contains($0.name) }.map { member in
            guard case .string(let text) = member.value else {
                return row(
                    member.name,
                    String(decoding: CanonicalJSON.encode(member.value), as: UTF8.self)
                )
            }
            return row(member.name, text)
        }
    }

    /// The log that a log goes on for, and what is known to be lost of it.
    static func predecessor(_ predecessor: Predecessor) -> [String] {
        let head = predecessor.head
        var lines = [row("successor of", "\(head.origin)")]
        lines.append(row("from", "\(head.size) records, root \(head.root.hex)"))
        for key in predecessor.keys { lines.append(row("its key", "\(key)")) }
        let lost = predecessor.lost.map { "records \($0.lowerBound) to \($0.upperBound)" }
        lines.append(row("lost", lost ?? "none known"))
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
