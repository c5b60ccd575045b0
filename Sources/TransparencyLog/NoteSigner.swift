public import Cryptography

/// A private key with the name under which it signs notes.
///
/// Has no `description`: nothing may print it by accident.
public struct NoteSigner: Sendable {
    /// The public side, to be handed out.
    public let verifierKey: VerifierKey

    private let privateKey: Ed25519PrivateKey

    /// A key under a name; for a log, its origin.
    ///
    /// - Throws: ``NoteError/malformedKey(detail:)`` when the name is empty or contains a Unicode
    ///   space, a plus or a control character.
    public init(name: String, privateKey: Ed25519PrivateKey) throws(NoteError) {
        verifierKey = try VerifierKey(name: name, publicKey: privateKey.publicKey)
        self.privateKey = privateKey
    }

    /// Reads the secret text form, `PRIVATE+KEY+<name>+<ID>+base64(0x01 || 32-byte seed)`.
    ///
    /// - Throws: ``NoteError/malformedKey(detail:)``, ``NoteError/unsupportedKeyType(_:)``, or
    ///   ``NoteError/keyIDMismatch(stated:computed:)``. None contains any of the text.
    ///
    /// Reference: golang.org/x/mod/sumdb/note, "Signing Notes".
    public init(parsingSecret text: some StringProtocol) throws(NoteError) {
        let (name, stated, seed) = try NoteKey.parseSecret(text)
        guard let privateKey = Ed25519PrivateKey(seed: seed) else {
            throw .malformedKey(detail: "the seed is not usable")
        }
        try self.init(name: name, privateKey: privateKey)
        guard verifierKey.keyID == stated else {
            throw .keyIDMismatch(stated: stated, computed: verifierKey.keyID)
        }
    }

    /// The name under which it signs.
    public var name: String { verifierKey.name }

    /// The secret text form: whoever has it can sign.
    ///
    /// One line, without a newline.
    public var secretText: String {
        NoteKey.formatSecret(name: name, keyID: verifierKey.keyID, seed: privateKey.seed)
    }

    /// Signs a text.
    ///
    /// Deterministic: the same text gives the same signature.
    ///
    /// - Precondition: `text` is what a note may contain, see
    ///   ``SignedNote/init(text:signatures:)``.
    public func sign(_ text: String) -> NoteSignature {
        precondition(
            SignedNote.faultOfText(Array(text.utf8)) == nil,
            "a note's text ends with a newline"
        )
        return NoteSignature(
            checkedName: name,
            keyID: verifierKey.keyID,
            bytes: privateKey.sign(Array(text.utf8).span)
        )
    }
}
