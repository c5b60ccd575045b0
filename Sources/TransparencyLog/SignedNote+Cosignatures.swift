extension SignedNote {
    /// How many signatures every verifier of notes reads.
    ///
    /// Reference: C2SP signed-note, "Format".
    public static let interoperableSignatures = 16

    /// Confirms the cosignatures of `keys`.
    ///
    /// Signatures that claim none of these keys are ignored: those of the log, and other people's.
    ///
    /// - Returns: the cosignatures, which can now be believed, in the order of their lines; none is
    ///   no error.
    /// - Throws: ``NoteError/invalidSignature(name:keyID:)`` when a signature claims one of these
    ///   keys and is not by it, whatever else the note has; ``NoteError/ambiguousKey(name:keyID:)``
    ///   when two different keys have one name and ID.
    ///
    /// Reference: C2SP signed-note, "Signatures"; C2SP tlog-cosignature.
    public func cosignatures(by keys: [CosignatureKey]) throws(NoteError) -> [Cosignature] {
        var found: [Cosignature] = []
        for signature in signatures {
            let candidates = keys.filter { $0.matches(signature) }
            guard let key = candidates.first else { continue }
            guard candidates.allSatisfy({ $0 == key }) else {
                throw .ambiguousKey(name: key.name, keyID: key.keyID)
            }
            guard let cosignature = key.verify(signature, over: text) else {
                throw .invalidSignature(name: key.name, keyID: key.keyID)
            }
            found.append(cosignature)
        }
        return found
    }

    /// The same note with cosignatures at its end, as long as every verifier can read it.
    ///
    /// All lines that are there stay. One by the same key takes the place of the older: two would
    /// make the note unreadable. What comes first in `cosignatures` is what matters most: beyond
    /// ``interoperableSignatures`` and ``maximumBytes`` the rest is left out.
    ///
    /// - Returns: the note, and the cosignatures that did not fit.
    /// - Throws: ``NoteError/invalidSignature(name:keyID:)`` for a cosignature of another text.
    public func adding(
        _ cosignatures: [Cosignature]
    ) throws(NoteError) -> (note: SignedNote, leftOut: [Cosignature]) {
        var lines = signatures
        var sizeBytes = encoded.utf8.count
        var leftOut: [Cosignature] = []
        for cosignature in cosignatures {
            let key = cosignature.key
            guard key.verify(cosignature.signature, over: text) != nil else {
                throw .invalidSignature(name: key.name, keyID: key.keyID)
            }
            let lineBytes = cosignature.signature.line.utf8.count
            if let place = lines.firstIndex(where: key.matches) {
                let change = lineBytes - lines[place].line.utf8.count
                guard sizeBytes + change <= Self.maximumBytes else {
                    leftOut.append(cosignature)
                    continue
                }
                lines[place] = cosignature.signature
                sizeBytes += change
            } else if lines.count < Self.interoperableSignatures,
                sizeBytes + lineBytes <= Self.maximumBytes
            {
                lines.append(cosignature.signature)
                sizeBytes += lineBytes
            } else {
                leftOut.append(cosignature)
            }
        }
        return (try SignedNote(text: text, signatures: lines), leftOut)
    }
}
