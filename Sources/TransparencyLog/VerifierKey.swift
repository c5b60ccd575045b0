public import Cryptography

/// The public key of a log, with the name under which it signs: what a verifier is given and
/// trusts.
///
/// Text form (vkey): `<name>+<eight hexadecimal digits>+base64(0x01 || 32-byte Ed25519 key)`.
///
/// Reference: C2SP signed-note, "Verifier keys" and "Ed25519 signatures".
public struct VerifierKey: Hashable, Sendable, CustomStringConvertible {
    /// The name; for a log its origin.
    public let name: String

    /// By which ``NoteSignature``s name this key.
    public let keyID: KeyID

    /// The Ed25519 key.
    public let publicKey: Ed25519PublicKey

    /// A key under a name.
    ///
    /// - Throws: ``NoteError/malformedKey(detail:)`` when the name is empty or contains a Unicode
    ///   space, a plus or a control character.
    public init(name: String, publicKey: Ed25519PublicKey) throws(NoteError) {
        guard NoteKey.isValidName(name) else {
            throw .malformedKey(
                detail: "the name is empty or has a space, plus or control character"
            )
        }
        self.name = name
        self.publicKey = publicKey
        keyID = KeyID(
            name: name,
            signatureType: NoteKey.ed25519,
            publicKey: publicKey.bytes
        )
    }

    /// Reads the text form; only the exact text that ``description`` gives is accepted.
    ///
    /// - Throws: ``NoteError/malformedKey(detail:)``, ``NoteError/unsupportedKeyType(_:)``, or
    ///   ``NoteError/keyIDMismatch(stated:computed:)`` when a character of name, ID or key is
    ///   wrong.
    public init(parsing text: some StringProtocol) throws(NoteError) {
        let (name, stated, key) = try NoteKey.parse(text)
        guard let publicKey = Ed25519PublicKey(bytes: key) else {
            throw .malformedKey(detail: "an Ed25519 key must be 32 bytes behind its type")
        }
        try self.init(name: name, publicKey: publicKey)
        guard keyID == stated else { throw .keyIDMismatch(stated: stated, computed: keyID) }
    }

    /// The text form.
    public var description: String {
        NoteKey.format(name: name, keyID: keyID, key: publicKey.bytes)
    }

    /// Whether `signature` is this key's signature over `text`.
    ///
    /// False, too, when the signature claims another key.
    public func isValid(_ signature: NoteSignature, for text: String) -> Bool {
        matches(signature)
            && publicKey.isValid(signature: signature.bytes.span, for: Array(text.utf8).span)
    }

    /// Whether `signature` claims to be by this key.
    public func matches(_ signature: NoteSignature) -> Bool {
        keyID == signature.keyID && name.hasSameBytes(as: signature.name)
    }

    /// Whether both are the same key under the same name, byte for byte.
    public static func == (left: VerifierKey, right: VerifierKey) -> Bool {
        left.publicKey == right.publicKey && left.name.hasSameBytes(as: right.name)
    }

    /// Hashes what ``==(_:_:)`` compares, except the name, which the ID stands for.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(keyID)
        hasher.combine(publicKey)
    }
}
