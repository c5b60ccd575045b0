import Cryptography
public import TransparencyLog

/// What a deletion certificate proves of one record.
public struct ErasureProof: Equatable, Sendable {
    /// The record whose payload was erased.
    public let index: RecordIndex
    /// The `payload.erased` record.
    public let certificate: RecordIndex
    /// All that it says.
    public let erasure: PayloadErased
    /// What it says of this record: the lock in force and the acts that had changed it.
    public let item: PayloadErased.Item
    /// Who erased; `strongroom` is the retention job.
    public let principal: PrincipalName
    /// Why, in the words of who erased.
    public let reason: Reason?
    /// When.
    public let received: Timestamp
    /// Whether the certificate's digest was compared: it can be if this is the only record that it
    /// covers, else it takes the other leaves.
    public let isDigestCompared: Bool

    /// Whether the payload went before its lock was over.
    public var isBypass: Bool {
        if case .bypass = erasure.ground { true } else { false }
    }
}

/// Why a certificate does not prove that a payload was lawfully erased.
public enum CertificateFailure: Error, Equatable, Sendable {
    /// The receipt of the record itself does not verify.
    case receipt(VerificationFailure)
    /// The certificate's own receipt does not verify.
    case certificate(VerificationFailure)
    /// They are of different logs, or of two versions of one.
    case otherLog(record: String, certificate: String)
    /// The record is no evidence: it has no payload.
    case notEvidence(RecordIndex, RecordKind)
    /// The certificate is a record of another kind.
    case notACertificate(RecordIndex, RecordKind)
    /// The certificate is about other records.
    case notCovered(RecordIndex)
    /// What the certificate says cannot be true of this record; in words.
    case contradiction(String)
    /// By what it says itself the erasure was not allowed; in words.
    case unlawful(String)
}

extension CertificateFailure: CustomStringConvertible {
    /// What is wrong, for a person.
    public var description: String {
        switch self {
        case .receipt(let failure): "the record's receipt: \(failure)"
        case .certificate(let failure): "the certificate's receipt: \(failure)"
        case .otherLog(let record, let certificate):
            "the record is of \(record), the certificate of \(certificate)"
        case .notEvidence(let index, let kind):
            "record \(index) is \(kind.rawValue): it never had a payload"
        case .notACertificate(let index, let kind):
            "record \(index) is \(kind.rawValue), not payload.erased"
        case .notCovered(let index): "the certificate is not about record \(index)"
        case .contradiction(let detail): "the certificate contradicts the record: \(detail)"
        case .unlawful(let detail): "by the certificate's own words: \(detail)"
        }
    }
}

/// Checks a deletion certificate offline against the receipt of the record that it is about.
///
/// Trust comes from the keys alone, as in `ReceiptVerification`. Beyond that both are in the log,
/// what the certificate says must fit the record's own words, and must allow the erasure.
public enum CertificateVerification {
    /// Verifies both receipts, and that the certificate proves the erasure of the record's payload.
    ///
    /// - Throws: `CertificateFailure` of the first thing that does not hold.
    public static func verify(
        _ certificate: Receipt,
        of receipt: Receipt,
        keys: [VerifierKey]
    ) throws(CertificateFailure) -> ErasureProof {
        let record: ProvenRecord
        do throws(VerificationFailure) {
            record = try ProvenRecord(receipt, keys: keys)
        } catch { throw .receipt(error) }
        let proof: ProvenRecord
        do throws(VerificationFailure) {
            proof = try ProvenRecord(certificate, keys: keys)
        } catch { throw .certificate(error) }
        guard record.isOfSameLog(as: proof) else {
            throw .otherLog(record: name(record.checkpoint), certificate: name(proof.checkpoint))
        }
        guard let collection = record.record.collection, let lock = record.record.lock else {
            throw .notEvidence(record.index, record.record.kind)
        }
        guard case .act(let act) = proof.record, case .payloadErased(let erasure) = act.act else {
            throw .notACertificate(proof.index, proof.record.kind)
        }
        guard let item = erasure.items.first(where: { $0.records.contains(record.index) }) else {
            throw .notCovered(record.index)
        }
        guard erasure.collection == collection else {
            throw .contradiction(
                "it is about collection \(erasure.collection), the record is in \(collection)"
            )
        }
        try checkOrder(record.index, proof.index, erasure, item)
        try check(item, against: lock)
        try checkGround(erasure, item.lock)
        return ErasureProof(
            index: record.index,
            certificate: proof.index,
            erasure: erasure,
            item: item,
            principal: act.principal,
            reason: act.reason,
            received: act.received,
            isDigestCompared: try checkDigest(erasure, record)
        )
    }

    private static func name(_ checkpoint: Checkpoint) -> String {
        "\(checkpoint.origin) (\(checkpoint.size) records, root \(checkpoint.root.base64))"
    }

    /// The record, then the acts that changed its lock, then the certificate.
    private static func checkOrder(
        _ index: RecordIndex,
        _ certificate: RecordIndex,
        _ erasure: PayloadErased,
        _ item: PayloadErased.Item
    ) throws(CertificateFailure) {
        var earlier = [index] + item.history
        if let policy = erasure.policy { earlier.append(policy) }
        if case .bypass(let bypass) = erasure.ground { earlier.append(bypass) }
        for earlier in earlier where earlier >= certificate {
            throw .contradiction("record \(earlier) is not older than it, record \(certificate)")
        }
    }

    /// The lock in force gives up nothing of the one that the record was granted.
    private static func check(
        _ item: PayloadErased.Item,
        against granted: Lock
    ) throws(CertificateFailure) {
        if item.history.isEmpty {
            guard item.lock == granted else {
                throw .contradiction(
                    "no act has changed its lock, and that is \(granted), not \(item.lock)"
                )
            }
            return
        }
        // What awaited its event has a date once that is recorded, but never a weaker mode.
        let isKept: Bool
        if case .awaiting = granted.end, case .until = item.lock.end {
            isKept = granted.mode == .governance || item.lock.mode == .compliance
        } else {
            isKept = item.lock.keeps(granted)
        }
        guard isKept else {
            throw .contradiction("its lock was \(granted), and nothing makes that \(item.lock)")
        }
    }

    private static func checkGround(
        _ erasure: PayloadErased,
        _ lock: Lock
    ) throws(CertificateFailure) {
        guard erasure.clock.isSettled else {
            throw .unlawful("the clocks did not agree: \(erasure.clock)")
        }
        switch erasure.ground {
        case .expired:
            guard !lock.isLocked(at: erasure.clock.releasing) else {
                throw .unlawful("the lock was in force: \(lock), and the \(erasure.clock)")
            }
        case .bypass:
            guard lock.mode == .governance else {
                throw .unlawful("a lock in mode \(lock.mode) cannot be bypassed")
            }
        }
    }

    /// Compares the digest of what was erased where this record is all of it.
    ///
    /// - Returns: Whether it could be compared.
    private static func checkDigest(
        _ erasure: PayloadErased,
        _ record: ProvenRecord
    ) throws(CertificateFailure) -> Bool {
        guard erasure.count == 1 else { return false }
        var digest = ErasureDigest()
        digest.append(record.index, leafHash: record.leafHash)
        guard digest.finalize() == erasure.digest else {
            throw .contradiction("the digest of what was erased is not that of the record")
        }
        return true
    }
}

extension PayloadErased {
    /// Whether the payload of this record is among those that were erased.
    public func covers(_ index: RecordIndex) -> Bool {
        items.contains { $0.records.contains(index) }
    }
}
