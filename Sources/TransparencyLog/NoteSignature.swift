internal import Cryptography

/// One signature line of a note: a claim until a ``VerifierKey`` has confirmed it.
///
/// Line: em dash, space, key name, space, base64(key ID || signature), newline. Signatures of any
/// type are kept, whether this module can verify them or not: cosignatures of witnesses are such.
///
/// Reference: C2SP signed-note, "Format"; C2SP tlog-cosignature.
public struct NoteSignature: Equatable, Sendable {
    /// The name of the key.
    public let name: String

    /// The ID of the key.
    public let keyID: KeyID

    /// The signature itself: 64 bytes for Ed25519, 72 for a timestamped cosignature; never empty.
    public let bytes: [UInt8]

    /// A signature that was made elsewhere.
    ///
    /// - Throws: ``NoteError/malformedNote(detail:)`` when the name cannot be a key's name or there
    ///   are no bytes.
    public init(name: String, keyID: KeyID, bytes: [UInt8]) throws(NoteError) {
        guard NoteKey.isValidName(name), !bytes.isEmpty else {
            throw .malformedNote(detail: "a signature needs a key name and bytes")
        }
        self.init(checkedName: name, keyID: keyID, bytes: bytes)
    }

    init(checkedName name: String, keyID: KeyID, bytes: [UInt8]) {
        self.name = name
        self.keyID = keyID
        self.bytes = bytes
    }

    /// Reads a line without its newline.
    init(parsingLine line: ArraySlice<UInt8>) throws(NoteError) {
        guard line.starts(with: Self.marker) else {
            throw .malformedNote(detail: "a signature line must start with an em dash and a space")
        }
        let parts = line.dropFirst(Self.marker.count).split(
            separator: UInt8(ascii: " "),
            omittingEmptySubsequences: false
        )
        guard parts.count == 2, let name = String(validating: parts[0], as: UTF8.self),
            NoteKey.isValidName(name)
        else {
            throw .malformedNote(detail: "a signature line must have a key name and a signature")
        }
        guard let raw = Base64.decode(Array(parts[1]).span), raw.count > 4 else {
            throw .malformedNote(
                detail: "a signature must be canonical base64 of a key ID and at least one byte"
            )
        }
        self.init(checkedName: name, keyID: KeyID(bigEndian: raw[..<4]), bytes: Array(raw[4...]))
    }

    /// The whole line, newline included.
    public var line: String {
        "— \(name) \(Base64.encode((keyID.bytes + bytes).span))\n"
    }

    /// Em dash (U+2014) and space.
    private static let marker = Array("— ".utf8)

    /// Whether both are the same line, byte for byte.
    public static func == (left: NoteSignature, right: NoteSignature) -> Bool {
        left.keyID == right.keyID && left.bytes == right.bytes
            && left.name.hasSameBytes(as: right.name)
    }
}
