internal import Cryptography
public import TransparencyLog

/// What a `key.rotated` record says: from here on the log signs with another key.
///
/// Both keys sign the ``statement(from:to:)``, so that whoever trusts the previous key can trust
/// the new one by the record alone.
public struct KeyRotation: Hashable, Sendable {
    /// The new key.
    public let key: VerifierKey
    /// The key that it takes the place of.
    public let previous: VerifierKey
    /// The first tree that the new key signs: the one that ends with the record.
    public let size: TreeSize
    /// Until when earlier keys sign too.
    public let until: Timestamp
    /// What both keys signed.
    public let signatures: Signatures

    /// Ed25519 signatures of the statement, 64 bytes each.
    public struct Signatures: Hashable, Sendable {
        /// By the new key.
        public let key: [UInt8]
        /// By the previous key.
        public let previous: [UInt8]

        /// Signatures that were made elsewhere.
        public init(key: [UInt8], previous: [UInt8]) {
            self.key = key
            self.previous = previous
        }

        /// Signs that the one key follows the other.
        public init(from previous: NoteSigner, to key: NoteSigner) {
            let text = KeyRotation.statement(from: previous.verifierKey, to: key.verifierKey)
            self.init(key: key.sign(text).bytes, previous: previous.sign(text).bytes)
        }
    }

    /// A rotation.
    public init(
        key: VerifierKey,
        previous: VerifierKey,
        size: TreeSize,
        until: Timestamp,
        signatures: Signatures
    ) {
        self.key = key
        self.previous = previous
        self.size = size
        self.until = until
        self.signatures = signatures
    }

    /// What both keys sign: four lines, each ended by a line feed.
    ///
    /// Its first line has spaces, which no log's name has: it is no log's checkpoint.
    public static func statement(from previous: VerifierKey, to key: VerifierKey) -> String {
        "strongroom key rotation v1\n\(key.name)\n\(previous)\n\(key)\n"
    }

    /// Whether both keys signed that the one follows the other.
    public var isSigned: Bool {
        let statement = Array(Self.statement(from: previous, to: key).utf8)
        return key.publicKey.isValid(signature: signatures.key.span, for: statement.span)
            && previous.publicKey.isValid(
                signature: signatures.previous.span,
                for: statement.span
            )
    }
}

extension KeyRotation {
    var members: JSONObject {
        [
            "key": .string(key.description), "previous": .string(previous.description),
            "signatures": [
                "key": .string(Base64.encode(signatures.key.span)),
                "previous": .string(Base64.encode(signatures.previous.span)),
            ],
            "size": .count(size.value), "until": .string(until.rfc3339),
        ]
    }

    init(_ members: inout ActMembers) throws(RecordError) {
        key = try Self.key("key", &members)
        previous = try Self.key("previous", &members)
        size = TreeSize(try members.count("size"))
        until = try members.time("until")
        var inner = try members.members("signatures")
        signatures = Signatures(
            key: try Self.signature("key", &inner),
            previous: try Self.signature("previous", &inner)
        )
        try inner.end()
    }

    private static func key(
        _ name: String,
        _ members: inout ActMembers
    ) throws(RecordError) -> VerifierKey {
        guard let key = VerifierKey(canonical: try members.string(name)) else {
            throw .invalidMember(name, reason: "must be a verifier key")
        }
        return key
    }

    private static func signature(
        _ name: String,
        _ members: inout ActMembers
    ) throws(RecordError) -> [UInt8] {
        let bytes = Base64.decode(try members.string(name))
        guard let bytes, bytes.count == Ed25519PrivateKey.signatureSizeBytes else {
            throw .invalidMember(name, reason: "must be 64 bytes in base64")
        }
        return bytes
    }

    var fault: (member: String, rule: String)? {
        guard key.name.utf8.count <= LogCreation.maximumOriginSizeBytes,
            key.name.hasSameBytes(as: previous.name), key != previous
        else { return ("key", "must be another key of the same log") }
        guard size.value <= UInt64(JSONValue.maximumInteger) else {
            return ("size", "must be below 2^53")
        }
        return isSigned ? nil : ("signatures", "must be of the statement, by both keys")
    }
}
