public import Cryptography

/// The public key of a witness, with the name under which it cosigns: what a verifier is given and
/// trusts.
///
/// Text form (vkey): `<name>+<eight hexadecimal digits>+base64(0x04 || 32-byte Ed25519 key)`. It
/// is a type of its own because a cosignature signs another message than a log's signature does:
/// a key of one kind never verifies what was signed by the other.
///
/// Reference: C2SP tlog-cosignature, "Format"; C2SP signed-note, "Verifier keys".
public struct CosignatureKey: Hashable, Sendable, CustomStringConvertible {
    /// The name of the witness.
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
            signatureType: NoteKey.ed25519Cosignature,
            publicKey: publicKey.bytes
        )
    }

    /// Reads the text form; only the exact text that ``description`` gives is accepted.
    ///
    /// - Throws: ``NoteError/malformedKey(detail:)``; ``NoteError/unsupportedKeyType(_:)`` also for
    ///   the key of a log; ``NoteError/keyIDMismatch(stated:computed:)`` when a character of name,
    ///   ID or key is wrong.
    public init(parsing text: some StringProtocol) throws(NoteError) {
        let (name, stated, key) = try NoteKey.parse(
            text,
            signatureType: NoteKey.ed25519Cosignature
        )
        guard let publicKey = Ed25519PublicKey(bytes: key) else {
            throw .malformedKey(detail: "an Ed25519 key must be 32 bytes behind its type")
        }
        try self.init(name: name, publicKey: publicKey)
        guard keyID == stated else { throw .keyIDMismatch(stated: stated, computed: keyID) }
    }

    /// The text form.
    public var description: String {
        NoteKey.format(
            name: name,
            keyID: keyID,
            signatureType: NoteKey.ed25519Cosignature,
            key: publicKey.bytes
        )
    }

    /// Confirms that `signature` is this key's cosignature of the checkpoint with this text.
    ///
    /// - Returns: the cosignature, which can now be believed; nil when the signature claims another
    ///   key, is not 72 bytes, states a time that no witness may state, or is not by this key.
    public func verify(_ signature: NoteSignature, over text: String) -> Cosignature? {
        guard matches(signature), signature.bytes.count == Cosignature.sizeBytes else {
            return nil
        }
        let seconds = signature.bytes[..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard Cosignature.timestamps.contains(seconds) else { return nil }
        let message = Cosignature.message(text, timestampSeconds: seconds)
        let bytes = Array(signature.bytes[8...])
        guard publicKey.isValid(signature: bytes.span, for: message.span) else { return nil }
        return Cosignature(key: self, timestampSeconds: seconds, signature: signature)
    }

    /// Whether `signature` claims to be by this key.
    public func matches(_ signature: NoteSignature) -> Bool {
        keyID == signature.keyID && name.hasSameBytes(as: signature.name)
    }

    /// Whether both are the same key under the same name, byte for byte.
    public static func == (left: CosignatureKey, right: CosignatureKey) -> Bool {
        left.publicKey == right.publicKey && left.name.hasSameBytes(as: right.name)
    }

    /// Hashes what ``==(_:_:)`` compares, except the name, which the ID stands for.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(keyID)
        hasher.combine(publicKey)
    }
}
