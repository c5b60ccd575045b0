internal import Cryptography

/// The four bytes by which a signature names its key.
///
/// An identifier, not a fingerprint: it only tells keys of one name apart. Which key is trusted is
/// decided by the full ``VerifierKey``.
///
/// Reference: C2SP signed-note, "Signatures".
public struct KeyID: Hashable, Sendable, CustomStringConvertible {
    /// The four bytes, read as a big-endian number.
    public let value: UInt32

    /// The ID with these four bytes.
    public init(_ value: UInt32) {
        self.value = value
    }

    /// The first four bytes of SHA-256(name || 0x0A || type || public key).
    init(name: String, signatureType: UInt8, publicKey: [UInt8]) {
        let named = Array(name.utf8) + [UInt8(ascii: "\n"), signatureType] + publicKey
        self.init(bigEndian: SHA256.hash(named.span).bytes[..<4])
    }

    init(bigEndian bytes: some Collection<UInt8>) {
        self.init(bytes.reduce(0) { $0 << 8 | UInt32($1) })
    }

    /// The four bytes, highest first.
    public var bytes: [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> UInt32($0)) }
    }

    /// Eight lowercase hexadecimal digits.
    public var description: String { Hex.encode(bytes.span) }
}

/// What the text forms of keys have in common: `<name>+<ID>+base64(type || key)`.
///
/// Reference: C2SP signed-note, "Verifier keys".
enum NoteKey {
    /// The type of an Ed25519 note signature.
    static let ed25519: UInt8 = 0x01

    /// The type of a timestamped Ed25519 cosignature of a checkpoint.
    static let ed25519Cosignature: UInt8 = 0x04

    /// Whether a key may have this name: not empty, no Unicode space, no plus, no control
    /// character.
    static func isValidName(_ name: String) -> Bool {
        !name.isEmpty
            && name.unicodeScalars.allSatisfy {
                $0.value >= 0x20 && $0 != "+" && !$0.properties.isWhitespace
            }
    }

    static func format(
        name: String,
        keyID: KeyID,
        signatureType: UInt8 = ed25519,
        key: [UInt8]
    ) -> String {
        "\(name)+\(keyID)+\(Base64.encode(([signatureType] + key).span))"
    }

    /// Reads the text form; the ID has still to be compared with that of the public key.
    static func parse(
        _ text: some StringProtocol,
        signatureType: UInt8 = ed25519
    ) throws(NoteError) -> (name: String, keyID: KeyID, key: [UInt8]) {
        // The base64 alphabet has a plus too, so only the first two separate.
        let parts = Array(text.utf8).split(
            separator: UInt8(ascii: "+"),
            maxSplits: 2,
            omittingEmptySubsequences: false
        )
        guard parts.count == 3, let name = String(validating: parts[0], as: UTF8.self) else {
            throw .malformedKey(detail: "it needs the form name+id+base64")
        }
        guard isValidName(name) else {
            throw .malformedKey(detail: "the name is empty or has a space or control character")
        }
        guard parts[1].count == 8, let keyID = Hex.decode(Array(parts[1]).span) else {
            throw .malformedKey(detail: "the ID must be eight lowercase hexadecimal digits")
        }
        guard let typed = Base64.decode(Array(parts[2]).span), let type = typed.first else {
            throw .malformedKey(detail: "the key material is not canonical base64")
        }
        guard type == signatureType else { throw .unsupportedKeyType(type) }
        guard typed.count == 33 else {
            throw .malformedKey(detail: "an Ed25519 key must be 32 bytes behind its type")
        }
        return (name, KeyID(bigEndian: keyID), Array(typed[1...]))
    }
}

// Secret keys: `PRIVATE+KEY+<name>+<ID>+base64(type || 32-byte seed)`.
extension NoteKey {
    private static let secretMarker = "PRIVATE+KEY+"

    static func formatSecret(
        name: String,
        keyID: KeyID,
        signatureType: UInt8 = ed25519,
        seed: [UInt8]
    ) -> String {
        secretMarker + format(name: name, keyID: keyID, signatureType: signatureType, key: seed)
    }

    /// Reads the text form; the ID has still to be compared with that of the public key.
    static func parseSecret(
        _ text: some StringProtocol,
        signatureType: UInt8 = ed25519
    ) throws(NoteError) -> (name: String, keyID: KeyID, seed: [UInt8]) {
        let bytes = String(text).utf8
        guard bytes.starts(with: secretMarker.utf8) else {
            throw .malformedKey(detail: "a private key starts with \(secretMarker)")
        }
        let (name, keyID, seed) = try parse(
            Substring(bytes.dropFirst(secretMarker.utf8.count)),
            signatureType: signatureType
        )
        return (name, keyID, seed)
    }
}

extension String {
    /// Whether both have the same UTF-8 bytes.
    ///
    /// `==` would also accept what merely looks the same to Unicode: another spelling of an accent
    /// is another key and another log.
    func hasSameBytes(as other: String) -> Bool {
        utf8.elementsEqual(other.utf8)
    }
}
