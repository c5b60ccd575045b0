/// A checkpoint that can be believed: signed by a key that the holder trusts for this log.
///
/// There are two ways to one: ``sign(_:by:)`` with the private key, and ``open(_:origin:keys:)``,
/// which verifies. A checkpoint that was only parsed is a ``SignedNote``.
///
/// Reference: C2SP tlog-checkpoint.
public struct SignedCheckpoint: Equatable, Sendable {
    /// What was signed.
    public let checkpoint: Checkpoint

    /// The note with all its signatures, also those that were not verified.
    public let note: SignedNote

    /// The keys whose signatures were verified; at least one.
    public let signers: [VerifierKey]

    /// The note as it is sent and stored.
    public var encoded: String { note.encoded }

    /// Signs a checkpoint under its origin.
    ///
    /// There is one signer, the log's key; two while a key is being replaced.
    ///
    /// - Throws: ``NoteError/originMismatch(expected:found:)`` when a signer has another name than
    ///   the origin; ``NoteError/malformedNote(detail:)`` when there is no signer;
    ///   ``NoteError/duplicateSignature(name:keyID:)`` when one is listed twice.
    public static func sign(
        _ checkpoint: Checkpoint,
        by signers: [NoteSigner]
    ) throws(NoteError) -> SignedCheckpoint {
        for signer in signers where !signer.name.hasSameBytes(as: checkpoint.origin) {
            throw .originMismatch(expected: signer.name, found: checkpoint.origin)
        }
        return SignedCheckpoint(
            checkpoint: checkpoint,
            note: try SignedNote.sign(checkpoint.text, by: signers),
            signers: signers.map(\.verifierKey)
        )
    }

    /// Signs a checkpoint with the log's only key, see ``sign(_:by:)-([NoteSigner])``.
    ///
    /// - Throws: ``NoteError/originMismatch(expected:found:)``.
    public static func sign(
        _ checkpoint: Checkpoint,
        by signer: NoteSigner
    ) throws(NoteError) -> SignedCheckpoint {
        try sign(checkpoint, by: [signer])
    }

    /// Reads and verifies a signed checkpoint.
    ///
    /// - Parameters:
    ///   - text: the encoded note.
    ///   - origin: the log that is expected. If nil, the origin must be the name of a key of `keys`
    ///     that has signed: the name in a trusted key pins the log.
    ///   - keys: the keys that are trusted for this log, and only those. Each of them that claims
    ///     to have signed must have; one of them must have signed.
    /// - Returns: the checkpoint, which can now be believed.
    /// - Throws: what ``SignedNote/init(parsing:)-(String)`` and ``SignedNote/verified(by:)``
    ///   throw; ``NoteError/malformedCheckpoint(detail:)``;
    ///   ``NoteError/originMismatch(expected:found:)``.
    public static func open(
        _ text: String,
        origin: String? = nil,
        keys: [VerifierKey]
    ) throws(NoteError) -> SignedCheckpoint {
        try open(SignedNote(parsing: text), origin: origin, keys: keys)
    }

    /// Verifies a checkpoint that was parsed as a note, see ``open(_:origin:keys:)-(String,_,_)``.
    ///
    /// - Throws: what ``SignedNote/verified(by:)`` throws;
    ///   ``NoteError/malformedCheckpoint(detail:)``; ``NoteError/originMismatch(expected:found:)``.
    public static func open(
        _ note: SignedNote,
        origin: String? = nil,
        keys: [VerifierKey]
    ) throws(NoteError) -> SignedCheckpoint {
        let signers = try note.verified(by: keys)
        let checkpoint = try Checkpoint(parsing: note.text)
        if let origin {
            guard checkpoint.origin.hasSameBytes(as: origin) else {
                throw .originMismatch(expected: origin, found: checkpoint.origin)
            }
        } else {
            guard signers.contains(where: { $0.name.hasSameBytes(as: checkpoint.origin) }) else {
                throw .originMismatch(expected: signers[0].name, found: checkpoint.origin)
            }
        }
        return SignedCheckpoint(checkpoint: checkpoint, note: note, signers: signers)
    }
}
