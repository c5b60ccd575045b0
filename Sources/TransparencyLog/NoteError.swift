/// Why a note, a checkpoint or a key was not accepted.
public enum NoteError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The bytes are not a note in its canonical form; `detail` names the rule.
    case malformedNote(detail: String)
    /// The text of the note is not a checkpoint in its canonical form.
    case malformedCheckpoint(detail: String)
    /// The text is not a key in its canonical form. The text itself is never repeated here: it may
    /// be a secret.
    case malformedKey(detail: String)
    /// The key is well-formed, but of another type than the one that is needed: 0x01 (Ed25519) for
    /// a log, 0x04 (timestamped Ed25519 cosignatures) for a witness.
    case unsupportedKeyType(UInt8)
    /// The key states another ID than its name and public key have: it was damaged or mistyped.
    case keyIDMismatch(stated: KeyID, computed: KeyID)
    /// The note is larger than ``SignedNote/maximumBytes``.
    case tooLarge(limitBytes: Int)
    /// The note has more signatures than ``SignedNote/maximumSignatures``.
    case tooManySignatures(limit: Int)
    /// Two signatures of the note claim the same key.
    case duplicateSignature(name: String, keyID: KeyID)
    /// Two different known keys have the same name and ID; the list of keys cannot be trusted.
    case ambiguousKey(name: String, keyID: KeyID)
    /// A signature that claims a known key was not made by it over this text.
    case invalidSignature(name: String, keyID: KeyID)
    /// No signature is by a known key.
    case noKnownSignature
    /// The checkpoint is of another log than the one expected.
    case originMismatch(expected: String, found: String)

    /// One sentence for a person.
    public var description: String {
        switch self {
        case .malformedNote(let detail): "not a signed note: \(detail)"
        case .malformedCheckpoint(let detail): "not a checkpoint: \(detail)"
        case .malformedKey(let detail): "not a key: \(detail)"
        case .unsupportedKeyType(let type):
            "the key type \(type) does not serve here: a log's key is of type 1 (Ed25519), a "
                + "witness's of type 4 (Ed25519 cosignatures)"
        case .keyIDMismatch(let stated, let computed):
            "the key says that its ID is \(stated), but its name and bytes give \(computed)"
        case .tooLarge(let limit): "the note is larger than \(limit) bytes"
        case .tooManySignatures(let limit): "the note has more than \(limit) signatures"
        case .duplicateSignature(let name, let keyID):
            "the note has two signatures by \(name)+\(keyID)"
        case .ambiguousKey(let name, let keyID): "two different keys are called \(name)+\(keyID)"
        case .invalidSignature(let name, let keyID):
            "the signature by \(name)+\(keyID) is not valid"
        case .noKnownSignature: "no signature is by a known key"
        case .originMismatch(let expected, let found):
            "the checkpoint is of the log \(found), not of \(expected)"
        }
    }
}
