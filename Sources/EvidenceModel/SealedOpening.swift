public import Cryptography

/// What opens a sealed record: the description that it hides and the salt of its commitment.
///
/// It is kept and erased with the payload, and travels in receipts. Whoever has it can show what
/// the record says; without it nobody can, nor guess it, for the salt is random.
public struct SealedOpening: Hashable, Sendable {
    /// The size of a salt.
    public static let saltSizeBytes = 32

    /// 32 random bytes.
    public let salt: [UInt8]
    /// The description as canonical JSON, exactly as committed to.
    public let description: [UInt8]
    /// The description, read.
    public let evidence: EvidenceDescription

    /// The opening of a new sealed record.
    ///
    /// - Precondition: `salt` has 32 bytes; they must come from a cryptographic random source.
    public init(salt: [UInt8], evidence: EvidenceDescription) {
        precondition(salt.count == Self.saltSizeBytes, "a salt has 32 bytes")
        self.salt = salt
        self.description = evidence.canonicalBytes
        self.evidence = evidence
    }

    /// An opening that was stored or received.
    ///
    /// - Throws: `RecordError` unless the salt has 32 bytes and the description is canonical.
    public init(salt: [UInt8], description: [UInt8]) throws(RecordError) {
        guard salt.count == Self.saltSizeBytes else {
            throw .invalidMember("salt", reason: "must have 32 bytes, has \(salt.count)")
        }
        self.evidence = try EvidenceDescription(canonicalBytes: description.span)
        self.salt = salt
        self.description = description
    }

    /// SHA-256(0x02 || salt || description), the commitment that stands in the record.
    public var commitment: SHA256Digest {
        var hasher = SHA256Hasher()
        hasher.update([0x02].span)
        hasher.update(salt.span)
        hasher.update(description.span)
        return hasher.finalize()
    }
}
