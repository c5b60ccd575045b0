internal import TransparencyLog

/// A checkpoint with the log's signatures that were verified and the witness's cosignature, and
/// nothing else.
struct CosignedCheckpoint: Equatable, Sendable {
    let checkpoint: Checkpoint
    let cosignature: Cosignature
    let note: SignedNote

    /// What a witness has just cosigned.
    ///
    /// - Throws: `NoteError` if the note would be larger than notes are.
    init(_ signed: SignedCheckpoint, _ cosignature: Cosignature) throws(NoteError) {
        checkpoint = signed.checkpoint
        self.cosignature = cosignature
        let byLog = signed.note.signatures.filter { signature in
            signed.signers.contains { $0.matches(signature) }
        }
        note = try SignedNote(
            text: signed.note.text,
            signatures: byLog + [cosignature.signature]
        )
    }

    /// What was read back from a file; believed for the witness's own signature.
    ///
    /// `logKeys`: what the log signs with now. It may have been another key then.
    ///
    /// - Throws: `NoteError` if it is not a checkpoint of `origin` with a cosignature by `key`, or
    ///   a signature that claims one of `logKeys` is not by it.
    init(
        reading bytes: [UInt8],
        origin: String,
        key: CosignatureKey,
        logKeys: [VerifierKey]
    ) throws(NoteError) {
        note = try SignedNote(parsing: bytes)
        checkpoint = try Checkpoint(parsing: note.text)
        guard checkpoint.origin.utf8.elementsEqual(origin.utf8) else {
            throw .originMismatch(expected: origin, found: checkpoint.origin)
        }
        guard let own = try note.cosignatures(by: [key]).first else { throw .noKnownSignature }
        cosignature = own
        let claims = logKeys.filter { note.signatures.contains(where: $0.matches) }
        if !claims.isEmpty { _ = try note.verified(by: claims) }
    }

    /// As the state that the witness goes on from.
    var latest: WitnessState.Latest {
        WitnessState.Latest(
            size: checkpoint.size,
            root: checkpoint.root,
            timestampSeconds: cosignature.timestampSeconds
        )
    }
}
