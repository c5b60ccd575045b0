public import Cryptography
public import TransparencyLog

/// One link of the chain from a payload to a signature.
public enum VerificationStep: String, Sendable, Hashable, CaseIterable {
    /// The payload is the one that the record (or its opening) names.
    case payload
    /// The opening is the one that the sealed record commits to.
    case opening
    /// The record is well-formed.
    case record
    /// The leaf hash is the record's.
    case leaf
    /// The path leads from the leaf to the checkpoint's root.
    case inclusion
    /// The checkpoint is of this tree and signed by a known key.
    case checkpoint
}

/// A step that failed: what was expected and what was found instead.
public struct VerificationFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// The step.
    public let step: VerificationStep
    /// What should have been there.
    public let expected: String
    /// What was there.
    public let found: String

    /// For example `leaf: expected …, found …`.
    public var description: String { "\(step.rawValue): expected \(expected), found \(found)" }
}

/// Checks a receipt offline: payload -> opening -> record -> leaf -> root -> signature.
///
/// Trust comes from the keys alone, which the caller must have from elsewhere: a key's name pins
/// the log, its bytes the signer. Nothing in the receipt is believed before it is compared with
/// something that the signature covers; what is not compared there (such as signatures of others on
/// the checkpoint) decides nothing.
public enum ReceiptVerification {
    /// A step that succeeded.
    public struct Step: Equatable, Sendable, CustomStringConvertible {
        /// The step.
        public let name: VerificationStep
        /// What was compared with what, for a person.
        public let compared: String

        /// For example `leaf: …`.
        public var description: String { "\(name.rawValue): \(compared)" }
    }

    /// Verifies `receipt`, and `payload` if it is given.
    ///
    /// - Parameters:
    ///   - receipt: the claim.
    ///   - payload: digest and size of the file at hand; `nil` to check record and proof only.
    ///   - keys: the verifier keys that are trusted; one of them must have signed, and its name
    ///     must be the checkpoint's origin.
    /// - Returns: the steps in the order of the chain; `payload` and `opening` only where there was
    ///   something to compare.
    /// - Throws: `VerificationFailure` of the first step that fails.
    public static func verify(
        _ receipt: Receipt,
        payload: (digest: SHA256Digest, sizeBytes: UInt64)?,
        keys: [VerifierKey]
    ) throws(VerificationFailure) -> [Step] {
        let record = try parsedRecord(receipt)
        var steps: [Step] = []
        let openingStep = try checkOpening(receipt.opening, of: record)
        if let payload {
            steps.append(try checkPayload(payload, record, receipt.opening))
        }
        if let openingStep { steps.append(openingStep) }
        steps.append(
            Step(name: .record, compared: "\(receipt.record.count) bytes, \(summary(of: record))")
        )
        steps.append(try checkLeaf(receipt))
        let signed = try signedCheckpoint(receipt, keys)
        steps.append(try checkInclusion(receipt, root: signed.checkpoint.root))
        steps.append(
            Step(
                name: .checkpoint,
                compared: "root \(signed.checkpoint.root.base64) of \(signed.checkpoint.size) "
                    + "records of \(signed.checkpoint.origin), signed by "
                    + signed.signers.map(\.description).joined(separator: " and ")
            )
        )
        return steps
    }

    private static func parsedRecord(_ receipt: Receipt) throws(VerificationFailure) -> Record {
        do {
            return try Record(parsing: receipt.record.span)
        } catch {
            throw VerificationFailure(
                step: .record,
                expected: "the canonical bytes of a record",
                found: error.description
            )
        }
    }

    private static func summary(of record: Record) -> String {
        guard let collection = record.collection, let sequence = record.sequence,
            let lock = record.lock
        else { return "\(record.kind.rawValue), received \(record.received)" }
        return "\(record.kind.rawValue) \(sequence) of \(collection), received "
            + "\(record.received), locked \(lock)"
    }

    private static func checkOpening(
        _ opening: SealedOpening?,
        of record: Record
    ) throws(VerificationFailure) -> Step? {
        guard let opening else { return nil }
        guard case .sealedEvidence(let evidence) = record else {
            throw VerificationFailure(
                step: .opening,
                expected: "none, because the record is not sealed",
                found: "an opening"
            )
        }
        let commitment = opening.commitment
        guard commitment == evidence.commitment else {
            throw VerificationFailure(
                step: .opening,
                expected: "the commitment \(evidence.commitment.hex)",
                found: commitment.hex
            )
        }
        return Step(
            name: .opening,
            compared: "SHA-256 of salt and description is the record's commitment \(commitment.hex)"
        )
    }

    private static func checkPayload(
        _ payload: (digest: SHA256Digest, sizeBytes: UInt64),
        _ record: Record,
        _ opening: SealedOpening?
    ) throws(VerificationFailure) -> Step {
        let description: EvidenceDescription
        switch (record, opening) {
        case (.evidence(let evidence), _): description = evidence.description
        case (.sealedEvidence, .some(let opening)): description = opening.evidence
        case (.sealedEvidence, .none):
            throw VerificationFailure(
                step: .opening,
                expected: "an opening, because the record is sealed",
                found: "none; without it the payload cannot be compared"
            )
        case (.logCreated, _), (.act, _):
            throw VerificationFailure(
                step: .payload,
                expected: "a record of evidence",
                found: "one of kind \(record.kind.rawValue)"
            )
        }
        let expected = "SHA-256 \(description.payloadDigest.hex), \(description.payloadSize) bytes"
        let found = "SHA-256 \(payload.digest.hex), \(payload.sizeBytes) bytes"
        guard payload.digest == description.payloadDigest,
            payload.sizeBytes == description.payloadSize
        else { throw VerificationFailure(step: .payload, expected: expected, found: found) }
        return Step(name: .payload, compared: found)
    }

    private static func checkLeaf(_ receipt: Receipt) throws(VerificationFailure) -> Step {
        let leafHash = MerkleTree.leafHash(receipt.record.span)
        guard leafHash == receipt.leafHash else {
            throw VerificationFailure(
                step: .leaf,
                expected: leafHash.base64,
                found: receipt.leafHash.base64
            )
        }
        return Step(name: .leaf, compared: "SHA-256 of 0x00 and the record is \(leafHash.base64)")
    }

    private static func signedCheckpoint(
        _ receipt: Receipt,
        _ keys: [VerifierKey]
    ) throws(VerificationFailure) -> SignedCheckpoint {
        let signed: SignedCheckpoint
        do {
            signed = try SignedCheckpoint.open(receipt.checkpoint, keys: keys)
        } catch {
            throw VerificationFailure(
                step: .checkpoint,
                expected: "a checkpoint signed by "
                    + (keys.isEmpty
                        ? "a known key (none is given)"
                        : keys.map(\.description).joined(separator: " or ")),
                found: error.description
            )
        }
        guard signed.checkpoint.size == receipt.treeSize else {
            throw VerificationFailure(
                step: .checkpoint,
                expected: "a checkpoint of \(receipt.treeSize) records",
                found: "one of \(signed.checkpoint.size)"
            )
        }
        return signed
    }

    private static func checkInclusion(
        _ receipt: Receipt,
        root: MerkleHash
    ) throws(VerificationFailure) -> Step {
        do {
            try InclusionProof.verify(
                leafHash: receipt.leafHash,
                at: receipt.index,
                in: receipt.treeSize,
                path: receipt.proof,
                root: root
            )
        } catch {
            throw VerificationFailure(
                step: .inclusion,
                expected: "a path from record \(receipt.index) to the root",
                found: error.description
            )
        }
        return Step(
            name: .inclusion,
            compared: "the path of \(receipt.proof.count) hashes leads from record "
                + "\(receipt.index) to the root \(root.base64) of \(receipt.treeSize)"
        )
    }
}
