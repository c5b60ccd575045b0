import Cryptography
import Testing

@testable import TransparencyLog

@Suite("Notes")
struct NoteTests {
    struct Vector: Decodable {
        let name: String
        let text: String
        let verifierKeys: [String]
        let secretKeys: [String]
        let signatures: Int
        let note: String
    }
    struct File: Decodable {
        let notes: [Vector]
    }

    private func vectors() throws -> [Vector] {
        let vectors = try Vectors.json("note/notes.json", as: File.self).notes
        #expect(vectors.count == 8)
        return vectors
    }

    @Test func notesOfAnotherImplementationAreReadAndVerified() throws {
        for vector in try vectors() {
            let note = try SignedNote(parsing: vector.note)
            #expect(note.text == vector.text, "\(vector.name)")
            #expect(note.signatures.count == vector.signatures)
            #expect(note.encoded == vector.note)
            let keys = try vector.verifierKeys.map { text throws(NoteError) in
                try VerifierKey(parsing: text)
            }
            #expect(try note.verified(by: keys) == keys)
            for key in keys {
                #expect(try note.verified(by: [key]) == [key])
            }
        }
    }

    @Test func theSameKeysGiveTheSameNotes() throws {
        for vector in try vectors() where vector.signatures == vector.secretKeys.count {
            let signers = try vector.secretKeys.map { text throws(NoteError) in
                try NoteSigner(parsingSecret: text)
            }
            #expect(signers.map(\.verifierKey.description) == vector.verifierKeys)
            #expect(signers.map(\.secretText) == vector.secretKeys)
            #expect(try SignedNote.sign(vector.text, by: signers).encoded == vector.note)
        }
    }

    @Test func unknownSignaturesAreKept() throws {
        let vector = try #require(
            vectors().first { $0.name == "unknown signatures, also long ones" }
        )
        let note = try SignedNote(parsing: vector.note)
        #expect(note.signatures.map(\.name).suffix(2) == ["stranger.example", "pq.example"])
        #expect(note.signatures.map(\.bytes.count) == [64, 200, 2428])
        #expect(note.signatures[1].keyID == KeyID(0x0001_0203))
        #expect(note.encoded == vector.note)
    }

    struct Refused: Decodable {
        struct Note: Decodable {
            let why: String
            let base64: String
        }
        let verifierKey: String
        let good: String
        let refused: [Note]
    }

    @Test func everyBrokenRuleIsRefused() throws {
        let vectors = try Vectors.json("note/refused-notes.json", as: Refused.self)
        _ = try SignedNote(parsing: vectors.good)
        #expect(vectors.refused.count == 41)
        for vector in vectors.refused {
            let bytes = try #require(Base64.decode(vector.base64))
            #expect(throws: NoteError.self, "\(vector.why)") { try SignedNote(parsing: bytes) }
        }
    }

    @Test func refusalsNameTheRule() throws {
        let vectors = try Vectors.json("note/refused-notes.json", as: Refused.self)
        func error(_ why: String) throws -> NoteError {
            let vector = try #require(vectors.refused.first { $0.why == why })
            let bytes = try #require(Base64.decode(vector.base64))
            return try #require(throws: NoteError.self) { try SignedNote(parsing: bytes) }
        }
        #expect(try error("a hundred and one signatures") == .tooManySignatures(limit: 100))
        let twice = NoteError.duplicateSignature(name: "w", keyID: KeyID(1))
        #expect(try error("a name and ID twice") == twice)
        guard case .malformedNote = try error("a tab in the text") else {
            Issue.record("a control character is a malformed note")
            return
        }
    }

    @Test func everyFlippedByteIsRefused() throws {
        let vectors = try Vectors.json("note/refused-notes.json", as: Refused.self)
        let keys = [try VerifierKey(parsing: vectors.verifierKey)]
        for (position, bytes) in flips(of: Array(vectors.good.utf8)) {
            #expect(throws: NoteError.self, "byte \(position)") {
                try SignedNote(parsing: bytes).verified(by: keys)
            }
        }
    }

    @Test func everyCutNoteIsRefused() throws {
        let vectors = try Vectors.json("note/refused-notes.json", as: Refused.self)
        let bytes = Array(vectors.good.utf8)
        for count in 0..<bytes.count {
            #expect(throws: NoteError.self, "\(count) bytes") {
                try SignedNote(parsing: Array(bytes[..<count]))
            }
            #expect(throws: NoteError.self, "from byte \(count)") {
                let note = try SignedNote(parsing: Array(bytes[(count + 1)...]))
                _ = try note.verified(by: [VerifierKey(parsing: vectors.verifierKey)])
            }
        }
    }

    @Test func sizeIsLimited() throws {
        let signer = try TestKey.log.signer
        let line = signer.sign("\n").line.utf8.count
        let room = SignedNote.maximumBytes - line - 2
        let largest = String(repeating: "x", count: room) + "\n"
        let note = try SignedNote.sign(largest, by: [signer])
        #expect(note.encoded.utf8.count == SignedNote.maximumBytes)
        #expect(try SignedNote(parsing: note.encoded) == note)
        let tooLarge = NoteError.tooLarge(limitBytes: 131_072)
        #expect(throws: tooLarge) { try SignedNote.sign("x" + largest, by: [signer]) }
        #expect(throws: tooLarge) { try SignedNote(parsing: "x" + note.encoded) }
    }
}

/// Keys with names that tests use, from fixed seeds.
enum TestKey: UInt8 {
    case log = 1
    case renewed
    case other
    case witness

    var name: String {
        switch self {
        case .log, .renewed: "log.example/strongroom"
        case .other: "log.example/other"
        case .witness: "witness.example/w1"
        }
    }

    var signer: NoteSigner {
        get throws {
            let seed = [UInt8](repeating: rawValue, count: 32)
            return try NoteSigner(
                name: name,
                privateKey: try #require(Ed25519PrivateKey(seed: seed))
            )
        }
    }

    var verifier: VerifierKey { get throws { try signer.verifierKey } }
}

@Suite("Verification of notes")
struct NoteVerificationTests {
    private let text = "some text\n"

    @Test func oneKnownKeyIsEnough() throws {
        let note = try SignedNote.sign(text, by: [TestKey.log.signer, TestKey.other.signer])
        let (log, other) = (try TestKey.log.verifier, try TestKey.other.verifier)
        #expect(try note.verified(by: [other]) == [other])
        #expect(try note.verified(by: [other, log]) == [log, other])
        #expect(try note.verified(by: [other, other, TestKey.witness.verifier]) == [other])
    }

    @Test func noKnownKeyIsNotEnough() throws {
        let note = try SignedNote.sign(text, by: [TestKey.log.signer])
        #expect(throws: NoteError.noKnownSignature) { try note.verified(by: []) }
        #expect(throws: NoteError.noKnownSignature) {
            try note.verified(by: [TestKey.other.verifier, TestKey.renewed.verifier])
        }
    }

    @Test func aFalseSignatureOfAKnownKeyCondemnsTheNote() throws {
        let log = try TestKey.log.verifier
        let falseClaim = try NoteSignature(
            name: log.name,
            keyID: log.keyID,
            bytes: TestKey.log.signer.sign("another\n").bytes
        )
        let note = try SignedNote.sign(text, by: [TestKey.other.signer]).adding(falseClaim)
        let invalid = NoteError.invalidSignature(name: log.name, keyID: log.keyID)
        #expect(throws: invalid) { try note.verified(by: [TestKey.other.verifier, log]) }
        #expect(throws: invalid) { try note.verified(by: [log]) }
        // Who does not know the key cannot tell, and must not care.
        #expect(try note.verified(by: [TestKey.other.verifier]).count == 1)
    }

    @Test(arguments: [0, 1, 63, 65, 72])
    func aSignatureOfAnotherLengthIsFalse(count: Int) throws {
        let log = try TestKey.log.verifier
        let bytes = try TestKey.log.signer.sign(text).bytes + [UInt8](repeating: 0, count: 16)
        guard count > 0 else {
            #expect(throws: NoteError.self) {
                try NoteSignature(name: log.name, keyID: log.keyID, bytes: [])
            }
            return
        }
        let signature = try NoteSignature(
            name: log.name,
            keyID: log.keyID,
            bytes: Array(bytes[..<count])
        )
        let note = try SignedNote(text: text, signatures: [signature])
        #expect(throws: NoteError.invalidSignature(name: log.name, keyID: log.keyID)) {
            try note.verified(by: [log])
        }
    }

    @Test func nameAndIDMustBothMatch() throws {
        let log = try TestKey.log.verifier
        let signature = try TestKey.log.signer.sign(text)
        let renamed = try NoteSignature(
            name: "log.example/else",
            keyID: log.keyID,
            bytes: signature.bytes
        )
        let renumbered = try NoteSignature(
            name: log.name,
            keyID: KeyID(log.keyID.value ^ 1),
            bytes: signature.bytes
        )
        for stranger in [renamed, renumbered] {
            let note = try SignedNote(text: text, signatures: [stranger])
            #expect(throws: NoteError.noKnownSignature) { try note.verified(by: [log]) }
            #expect(!log.isValid(stranger, for: text))
        }
        #expect(log.isValid(signature, for: text))
        #expect(!log.isValid(signature, for: "some texT\n"))
    }

    @Test func namesAreComparedByteForByte() throws {
        // The same letter for a reader and for `==`, in two spellings.
        let (composed, decomposed) = ("log.example/\u{e9}", "log.example/e\u{301}")
        #expect(composed == decomposed)
        let key = try #require(Ed25519PrivateKey(seed: [UInt8](repeating: 9, count: 32)))
        let one = try NoteSigner(name: composed, privateKey: key)
        let two = try NoteSigner(name: decomposed, privateKey: key)
        #expect(one.verifierKey != two.verifierKey)
        #expect(one.sign(text) != two.sign(text))
        let note = try SignedNote.sign(text, by: [one, two])
        #expect(try note.verified(by: [two.verifierKey]) == [two.verifierKey])
        #expect(
            try SignedNote.sign("\u{e9}\n", by: [one])
                != SignedNote(
                    text: "e\u{301}\n",
                    signatures: [one.sign("\u{e9}\n")]
                )
        )
    }

    @Test func twoKeysOfOneNameAndIDAreNotGuessedBetween() throws {
        // Found by trying numbers as key bytes until two had the same ID.
        let keys = try [28_996, 29_558].map { number in
            let digits =
                [UInt8](repeating: 0, count: 30) + [UInt8(number >> 8), UInt8(number & 255)]
            return try VerifierKey(
                name: TestKey.log.name,
                publicKey: #require(Ed25519PublicKey(bytes: digits))
            )
        }
        let keyID = KeyID(0x66c5_b92d)
        #expect(keys.map(\.keyID) == [keyID, keyID])
        let signature = try NoteSignature(
            name: TestKey.log.name,
            keyID: keyID,
            bytes: [UInt8](repeating: 0, count: 64)
        )
        let note = try SignedNote(text: text, signatures: [signature])
        #expect(throws: NoteError.ambiguousKey(name: TestKey.log.name, keyID: keyID)) {
            try note.verified(by: keys)
        }
        #expect(throws: NoteError.invalidSignature(name: TestKey.log.name, keyID: keyID)) {
            try note.verified(by: [keys[0], keys[0]])
        }
    }

    @Test func keysAreRotated() throws {
        let both = try SignedNote.sign(text, by: [TestKey.log.signer, TestKey.renewed.signer])
        for key in [TestKey.log, .renewed] {
            #expect(try both.verified(by: [key.verifier]) == [key.verifier])
        }
        #expect(Set([try TestKey.log.verifier, try TestKey.renewed.verifier]).count == 2)
    }

    @Test func aNoteIsNotMadeFromWhatItCannotHold() throws {
        let signer = try TestKey.log.signer
        for text in ["", "no newline", "a\r\n", "a\tb\n", "a\0\n", "\u{1f}\n"] {
            #expect(throws: NoteError.self) { try SignedNote.sign(text, by: [signer]) }
        }
        #expect(throws: NoteError.self) { try SignedNote.sign(text, by: []) }
        let twice = NoteError.duplicateSignature(
            name: signer.name,
            keyID: signer.verifierKey.keyID
        )
        #expect(throws: twice) { try SignedNote.sign(text, by: [signer, signer]) }
        let many = try (0...100).map {
            try NoteSignature(name: "w\($0)", keyID: KeyID(UInt32($0)), bytes: [1])
        }
        #expect(try SignedNote(text: text, signatures: Array(many[1...])).signatures.count == 100)
        #expect(throws: NoteError.tooManySignatures(limit: 100)) {
            try SignedNote(text: text, signatures: many)
        }
        #expect(throws: NoteError.self) {
            try NoteSignature(name: "a b", keyID: KeyID(1), bytes: [1])
        }
    }

    @Test func randomNotesComeBack() throws {
        var chance = Chance()
        let signer = try TestKey.log.signer
        let alphabet = ["\n", "\n\n", "— ", "a", " ", "+", "\u{e9}", "\u{301}", "\u{1F512}", "0"]
        for _ in 0..<200 {
            let words = (0..<Int.random(in: 0...12, using: &chance)).map { _ in
                alphabet.randomElement(using: &chance) ?? ""
            }
            let text = words.joined() + "\n"
            let note = try SignedNote.sign(text, by: [signer])
            let read = try SignedNote(parsing: note.encoded)
            #expect(read == note)
            #expect(try read.verified(by: [signer.verifierKey]) == [signer.verifierKey])
        }
    }
}
