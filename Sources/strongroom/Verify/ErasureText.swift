internal import EvidenceModel
internal import Observability
internal import TransparencyLog

/// What a verified deletion certificate says of a record.
enum ErasureText {
    /// What was compared, as a step of the verification.
    static func compared(_ proof: ErasureProof) -> String {
        let others = proof.erasure.count - 1
        let digest =
            proof.isDigestCompared
            ? "its digest is that of this record"
            : "its digest covers \(Amount.count(others, "other record")) too"
        return "record \(proof.certificate) of the same log is payload.erased of record "
            + "\(proof.index), its lock fits the record's; \(digest)"
    }

    static func lines(_ proof: ErasureProof) -> [String] {
        let erasure = proof.erasure
        var lines = [
            RecordText.row("erased", "\(proof.received), by \(by(proof))"),
            RecordText.row("ground", ground(proof)),
            RecordText.row("lock", "\(proof.item.lock), \(history(proof.item))"),
            RecordText.row("policy", policy(erasure)),
            RecordText.row("clocks", "\(erasure.clock)"),
        ]
        if let reason = proof.reason { lines.append(RecordText.row("reason", reason.text)) }
        lines.append(RecordText.row("certificate", "record \(proof.certificate)"))
        return lines
    }

    /// The last word: a bypass is lawful, and must not be mistaken for an expired lock.
    static func conclusion(_ proof: ErasureProof) -> String {
        proof.isBypass
            ? "its payload was erased BEFORE its lock was over, by a recorded bypass of GOVERNANCE"
            : "its payload was lawfully erased after its lock was over"
    }

    static func json(_ proof: ErasureProof) -> String {
        let erasure = proof.erasure
        var line = JSONLine()
        line.add("index", proof.index.value)
        line.add("erased", proof.certificate.value)
        line.add("at", proof.received.rfc3339)
        line.add("principal", proof.principal.text)
        if let reason = proof.reason { line.add("reason", reason.text) }
        switch erasure.ground {
        case .expired: line.add("ground", "expired")
        case .bypass(let index):
            line.add("ground", "bypass")
            line.add("bypass", index.value)
        }
        line.add("lock", json: CanonicalJSON.encode(proof.item.lock.json))
        let history = proof.item.history.map { "\($0)" }.joined(separator: ",")
        line.add("history", json: Array("[\(history)]".utf8))
        if let policy = erasure.policy { line.add("policy", policy.value) }
        line.add("compliance", erasure.clock.compliance.rfc3339)
        if let wall = erasure.clock.wall { line.add("wall", wall.rfc3339) }
        line.add("digestCompared", proof.isDigestCompared)
        return line.text
    }

    private static func by(_ proof: ErasureProof) -> String {
        proof.principal.text == "strongroom"
            ? "strongroom (the retention job)" : "\(proof.principal)"
    }

    private static func ground(_ proof: ErasureProof) -> String {
        switch proof.erasure.ground {
        case .expired: "expired: the lock was over and no hold was on it"
        case .bypass(let index): "BYPASS of the GOVERNANCE lock, record \(index)"
        }
    }

    private static func history(_ item: PayloadErased.Item) -> String {
        guard !item.history.isEmpty else { return "as it was granted" }
        let shown = item.history.suffix(8).map { "\($0)" }.joined(separator: ", ")
        let isLong = item.history.count > 8
        return "changed by record\(item.history.count == 1 ? "" : "s") "
            + (isLong ? "…, " : "") + shown
    }

    private static func policy(_ erasure: PayloadErased) -> String {
        let which = erasure.policy.map { "set by record \($0)" } ?? "the standard one"
        return "\(which), of collection \(erasure.collection)"
    }
}
