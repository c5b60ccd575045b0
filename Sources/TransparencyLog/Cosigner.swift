public import Cryptography

/// The private key of a witness, with the name under which it cosigns.
///
/// Has no `description`: nothing may print it by accident. It signs whatever it is given: what may
/// be cosigned is decided by ``WitnessState``.
public struct Cosigner: Sendable {
    /// The public side, to be handed out.
    public let cosignatureKey: CosignatureKey

    private let privateKey: Ed25519PrivateKey

    /// A key under a name.
    ///
    /// The key must be used for nothing else: the signed message does not name the witness.
    ///
    /// - Throws: ``NoteError/malformedKey(detail:)`` when the name is empty or contains a Unicode
    ///   space, a plus or a control character.
    public init(name: String, privateKey: Ed25519PrivateKey) throws(NoteError) {
        cosignatureKey = try CosignatureKey(name: name, publicKey: privateKey.publicKey)
        self.privateKey = privateKey
    }

    /// Reads the secret text form, `PRIVATE+KEY+<name>+<ID>+base64(0x04 || 32-byte seed)`.
    ///
    /// - Throws: ``NoteError/malformedKey(detail:)``; ``NoteError/unsupportedKeyType(_:)`` also for
    ///   the key of a log; ``NoteError/keyIDMismatch(stated:computed:)``. None contains any of the
    ///   text.
    public init(parsingSecret text: some StringProtocol) throws(NoteError) {
        let (name, stated, seed) = try NoteKey.parseSecret(
            text,
            signatureType: NoteKey.ed25519Cosignature
        )
        guard let privateKey = Ed25519PrivateKey(seed: seed) else {
            throw .malformedKey(detail: "the seed is not usable")
        }
        try self.init(name: name, privateKey: privateKey)
        guard cosignatureKey.keyID == stated else {
            throw .keyIDMismatch(stated: stated, computed: cosignatureKey.keyID)
        }
    }

    /// The name under which it cosigns.
    public var name: String { cosignatureKey.name }

    /// The secret text form: whoever has it can cosign.
    ///
    /// One line, without a newline.
    public var secretText: String {
        NoteKey.formatSecret(
            name: name,
            keyID: cosignatureKey.keyID,
            signatureType: NoteKey.ed25519Cosignature,
            seed: privateKey.seed
        )
    }

    /// Cosigns a checkpoint.
    ///
    /// - Precondition: `timestampSeconds` lies in ``Cosignature/timestamps``.
    public func cosign(_ checkpoint: Checkpoint, timestampSeconds: UInt64) -> Cosignature {
        precondition(
            Cosignature.timestamps.contains(timestampSeconds),
            "a cosignature states a time"
        )
        let message = Cosignature.message(checkpoint.text, timestampSeconds: timestampSeconds)
        let time = stride(from: UInt64(56), through: 0, by: -8).map { shift in
            UInt8(truncatingIfNeeded: timestampSeconds >> shift)
        }
        return Cosignature(
            key: cosignatureKey,
            timestampSeconds: timestampSeconds,
            signature: NoteSignature(
                checkedName: name,
                keyID: cosignatureKey.keyID,
                bytes: time + privateKey.sign(message.span)
            )
        )
    }
}
