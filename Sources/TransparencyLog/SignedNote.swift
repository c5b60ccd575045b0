/// A text with signatures, as it is sent and stored: well-formed, but not yet trusted.
///
/// Nothing in `text` may be believed before ``verified(by:)`` has returned. Invariants: the text is
/// valid UTF-8, has no control character but newline, and ends with a newline; there is at least
/// one signature; no two claim the same key; the encoded note is at most ``maximumBytes``.
///
/// Reference: C2SP signed-note, "Format".
public struct SignedNote: Equatable, Sendable {
    /// The largest note that is read or made.
    public static let maximumBytes = 128 * 1024

    /// The most signatures that are read or made.
    public static let maximumSignatures = 100

    /// The text that is signed, its final newline included.
    public let text: String

    /// The signatures in the order of their lines, known and unknown ones.
    public let signatures: [NoteSignature]

    /// A note of a text and signatures over it.
    ///
    /// - Throws: ``NoteError/malformedNote(detail:)`` when the text is not a note's or there is no
    ///   signature; ``NoteError/tooManySignatures(limit:)``,
    ///   ``NoteError/duplicateSignature(name:keyID:)``, ``NoteError/tooLarge(limitBytes:)``.
    public init(text: String, signatures: [NoteSignature]) throws(NoteError) {
        if let fault = Self.faultOfText(Array(text.utf8)) {
            throw .malformedNote(detail: fault)
        }
        try Self.check(signatures)
        self.text = text
        self.signatures = signatures
        guard encoded.utf8.count <= Self.maximumBytes else {
            throw .tooLarge(limitBytes: Self.maximumBytes)
        }
    }

    /// Reads a note; only the exact bytes that ``encoded`` gives are accepted.
    ///
    /// - Throws: ``NoteError/malformedNote(detail:)``, ``NoteError/tooLarge(limitBytes:)``,
    ///   ``NoteError/tooManySignatures(limit:)``, ``NoteError/duplicateSignature(name:keyID:)``.
    public init(parsing bytes: [UInt8]) throws(NoteError) {
        guard bytes.count <= Self.maximumBytes else {
            throw .tooLarge(limitBytes: Self.maximumBytes)
        }
        let newline = UInt8(ascii: "\n")
        // The last empty line separates: the text may have empty lines, signature lines are none.
        guard
            let separator = bytes.indices.dropFirst().last(where: {
                bytes[$0] == newline && bytes[$0 - 1] == newline
            })
        else {
            throw .malformedNote(detail: "no empty line separates the text from the signatures")
        }
        let textBytes = bytes[..<separator]
        if let fault = Self.faultOfText(textBytes) {
            throw .malformedNote(detail: fault)
        }
        guard let text = String(validating: textBytes, as: UTF8.self) else {
            throw .malformedNote(detail: "the text is not UTF-8")
        }
        let lines = bytes[(separator + 1)...]
        guard lines.last == newline else {
            throw .malformedNote(detail: "signature lines must follow and end with a newline")
        }
        var signatures: [NoteSignature] = []
        for line in lines.dropLast().split(separator: newline, omittingEmptySubsequences: false) {
            guard signatures.count < Self.maximumSignatures else {
                throw .tooManySignatures(limit: Self.maximumSignatures)
            }
            signatures.append(try NoteSignature(parsingLine: line))
        }
        try Self.check(signatures)
        self.text = text
        self.signatures = signatures
    }

    /// Reads a note from a string, see ``init(parsing:)-([UInt8])``.
    ///
    /// - Throws: as for bytes.
    public init(parsing string: String) throws(NoteError) {
        try self.init(parsing: Array(string.utf8))
    }

    /// Signs `text` with each of `signers`.
    ///
    /// - Throws: ``NoteError/malformedNote(detail:)`` when the text is not a note's or there is no
    ///   signer; ``NoteError/duplicateSignature(name:keyID:)`` when a signer is listed twice.
    public static func sign(
        _ text: String,
        by signers: [NoteSigner]
    ) throws(NoteError) -> SignedNote {
        if let fault = faultOfText(Array(text.utf8)) {
            throw .malformedNote(detail: fault)
        }
        return try SignedNote(text: text, signatures: signers.map { $0.sign(text) })
    }

    /// The same note with one more signature at its end.
    ///
    /// - Throws: as ``init(text:signatures:)``.
    public func adding(_ signature: NoteSignature) throws(NoteError) -> SignedNote {
        try SignedNote(text: text, signatures: signatures + [signature])
    }

    /// The note as it is sent and stored.
    public var encoded: String {
        signatures.reduce(into: text + "\n") { $0 += $1.line }
    }

    /// Confirms the signatures of `keys`.
    ///
    /// Signatures that claim none of these keys are ignored: they are other people's business. One
    /// that claims a known key must be right.
    ///
    /// - Returns: the keys that have signed, in the order of the signatures; at least one.
    /// - Throws: ``NoteError/invalidSignature(name:keyID:)`` when a signature claims a known key
    ///   and is not by it, whatever else the note has; ``NoteError/noKnownSignature`` when none
    ///   claims a known key; ``NoteError/ambiguousKey(name:keyID:)`` when two different keys have
    ///   one name and ID.
    ///
    /// Reference: C2SP signed-note, "Signatures".
    public func verified(by keys: [VerifierKey]) throws(NoteError) -> [VerifierKey] {
        var signers: [VerifierKey] = []
        for signature in signatures {
            let candidates = keys.filter { $0.matches(signature) }
            guard let key = candidates.first else { continue }
            guard candidates.allSatisfy({ $0 == key }) else {
                throw .ambiguousKey(name: key.name, keyID: key.keyID)
            }
            guard key.isValid(signature, for: text) else {
                throw .invalidSignature(name: key.name, keyID: key.keyID)
            }
            signers.append(key)
        }
        guard !signers.isEmpty else { throw .noKnownSignature }
        return signers
    }

    /// Whether both are the same bytes.
    public static func == (left: SignedNote, right: SignedNote) -> Bool {
        left.text.hasSameBytes(as: right.text) && left.signatures == right.signatures
    }

    /// Which rule the bytes of a text break, apart from UTF-8; nil if none.
    static func faultOfText(_ text: some BidirectionalCollection<UInt8>) -> String? {
        let newline = UInt8(ascii: "\n")
        guard text.last == newline else { return "the text must end with a newline" }
        guard text.allSatisfy({ $0 >= 0x20 || $0 == newline }) else {
            return "the text has a control character"
        }
        return nil
    }

    private static func check(_ signatures: [NoteSignature]) throws(NoteError) {
        guard !signatures.isEmpty else {
            throw .malformedNote(detail: "there is no signature")
        }
        guard signatures.count <= maximumSignatures else {
            throw .tooManySignatures(limit: maximumSignatures)
        }
        for (position, signature) in signatures.enumerated() {
            let isRepeated = signatures[..<position].contains {
                $0.keyID == signature.keyID && $0.name.hasSameBytes(as: signature.name)
            }
            if isRepeated {
                throw .duplicateSignature(name: signature.name, keyID: signature.keyID)
            }
        }
    }
}
