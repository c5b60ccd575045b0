import Cryptography
import Testing

@testable import TransparencyLog

@Suite("Cosignatures")
struct CosignatureTests {
    struct File: Decodable {
        struct Accepted: Decodable {
            let name: String
            let witnessKey: String
            let secretKey: String
            let timestamp: UInt64
            let text: String
            let line: String
            let note: String
        }
        struct Refused: Decodable {
            struct Line: Decodable {
                let why: String
                let line: String
            }
            let witnessKey: String
            let text: String
            let good: String
            let lines: [Line]
        }
        let accepted: [Accepted]
        let refused: Refused
    }

    private func file() throws -> File {
        try Vectors.json("witness/cosignatures.json", as: File.self)
    }

    private func signature(_ line: String) throws -> NoteSignature {
        try NoteSignature(parsingLine: Array(line.utf8.dropLast())[...])
    }

    @Test func cosignaturesOfAnotherImplementationAreVerified() throws {
        let vectors = try file().accepted
        #expect(vectors.count == 6)
        for vector in vectors {
            let key = try CosignatureKey(parsing: vector.witnessKey)
            #expect(key.description == vector.witnessKey)
            let note = try SignedNote(parsing: vector.note)
            let found = try note.cosignatures(by: [key])
            #expect(found.map(\.timestampSeconds) == [vector.timestamp], "\(vector.name)")
            #expect(found.map(\.key) == [key])
            #expect(found.map(\.signature.line) == [vector.line])
            #expect(note.encoded == vector.note)
        }
    }

    @Test func ourCosignaturesAreTheSameBytes() throws {
        for vector in try file().accepted {
            let cosigner = try Cosigner(parsingSecret: vector.secretKey)
            #expect(cosigner.secretText == vector.secretKey)
            #expect(cosigner.cosignatureKey.description == vector.witnessKey)
            let checkpoint = try Checkpoint(parsing: vector.text)
            let made = cosigner.cosign(checkpoint, timestampSeconds: vector.timestamp)
            #expect(made.signature.line == vector.line, "\(vector.name)")
        }
    }

    @Test func everyFalseLineIsRefused() throws {
        let vectors = try file().refused
        let key = try CosignatureKey(parsing: vectors.witnessKey)
        let log = try TestKey.log.signer.sign(vectors.text)
        #expect(key.verify(try signature(vectors.good), over: vectors.text) != nil)
        #expect(vectors.lines.count == 15)
        for vector in vectors.lines {
            let line = try signature(vector.line)
            #expect(key.matches(line), "\(vector.why): it must claim the key")
            #expect(key.verify(line, over: vectors.text) == nil, "\(vector.why)")
            let note = try SignedNote(text: vectors.text, signatures: [log, line])
            #expect(throws: NoteError.invalidSignature(name: key.name, keyID: key.keyID)) {
                try note.cosignatures(by: [key])
            }
        }
    }

    @Test func everyFlippedByteIsRefused() throws {
        let vector = try #require(try file().accepted.first)
        let key = try CosignatureKey(parsing: vector.witnessKey)
        let good = try signature(vector.line)
        for (position, bytes) in flips(of: good.bytes) {
            let line = try NoteSignature(name: key.name, keyID: key.keyID, bytes: bytes)
            #expect(key.verify(line, over: vector.text) == nil, "byte \(position)")
        }
        for (position, bytes) in flips(of: Array(vector.text.utf8)) {
            guard let text = String(validating: bytes, as: UTF8.self) else { continue }
            #expect(key.verify(good, over: text) == nil, "byte \(position) of the text")
        }
        for (position, bytes) in flips(of: Array(vector.witnessKey.utf8)) {
            guard let text = String(validating: bytes, as: UTF8.self) else { continue }
            #expect(throws: NoteError.self, "byte \(position) of the key") {
                try CosignatureKey(parsing: text)
            }
        }
    }

    @Test func keysOfOneKindDoNotServeAsTheOther() throws {
        let log = try TestKey.log.verifier
        let cosigner = try TestKey.witness.cosigner
        let key = cosigner.cosignatureKey
        #expect(throws: NoteError.unsupportedKeyType(1)) {
            try CosignatureKey(parsing: log.description)
        }
        #expect(throws: NoteError.unsupportedKeyType(4)) {
            try VerifierKey(parsing: key.description)
        }
        #expect(throws: NoteError.unsupportedKeyType(1)) {
            try Cosigner(parsingSecret: try TestKey.log.signer.secretText)
        }
        #expect(throws: NoteError.unsupportedKeyType(4)) {
            try NoteSigner(parsingSecret: cosigner.secretText)
        }
        // One Ed25519 key under one name has two IDs.
        #expect(try TestKey.witness.verifier.keyID != key.keyID)
        #expect(try TestKey.witness.verifier.publicKey == key.publicKey)
    }

    @Test func signaturesOfOthersAreKeptAndNotCounted() throws {
        let checkpoint = try TestCheckpoint.of(size: 3)
        let note = try SignedNote.sign(
            checkpoint.text,
            by: [TestKey.log.signer, TestKey.witness.signer]
        )
        let key = try TestKey.witness.cosigner.cosignatureKey
        // The witness's plain signature has another ID, and is no cosignature.
        #expect(try note.cosignatures(by: [key]).isEmpty)
        let cosignature = try TestKey.other.cosigner.cosign(checkpoint, timestampSeconds: 5)
        let (more, leftOut) = try note.adding([cosignature])
        #expect(leftOut.isEmpty)
        #expect(more.signatures == note.signatures + [cosignature.signature])
        #expect(try more.cosignatures(by: [key]).isEmpty)
        #expect(try more.cosignatures(by: [key, cosignature.key]) == [cosignature])
        #expect(try more.verified(by: [TestKey.log.verifier]).count == 1)
    }

    @Test func aKeyMayBeListedTwice() throws {
        let checkpoint = try TestCheckpoint.of(size: 3)
        let cosignature = try TestKey.witness.cosigner.cosign(checkpoint, timestampSeconds: 5)
        let note = try SignedNote.sign(checkpoint.text, by: [TestKey.log.signer])
            .adding(cosignature.signature)
        #expect(try note.cosignatures(by: [cosignature.key, cosignature.key]).count == 1)
        #expect(try note.cosignatures(by: []).isEmpty)
    }

    @Test func aNewCosignatureTakesThePlaceOfTheOlder() throws {
        let checkpoint = try TestCheckpoint.of(size: 3)
        let cosigner = try TestKey.witness.cosigner
        let (old, new) = (
            cosigner.cosign(checkpoint, timestampSeconds: 5),
            cosigner.cosign(checkpoint, timestampSeconds: 6)
        )
        let other = try TestKey.other.cosigner.cosign(checkpoint, timestampSeconds: 7)
        let note = try SignedNote.sign(checkpoint.text, by: [TestKey.log.signer])
        let (first, _) = try note.adding([old, other])
        let (second, leftOut) = try first.adding([new])
        #expect(leftOut.isEmpty)
        #expect(second.signatures.dropFirst() == [new.signature, other.signature])
    }

    @Test func aNoteStaysWithinWhatEveryVerifierReads() throws {
        let checkpoint = try TestCheckpoint.of(size: 3)
        let note = try SignedNote.sign(checkpoint.text, by: [TestKey.log.signer])
        let cosignatures = try (0..<20).map { number in
            try TestCosigner.number(number).cosign(checkpoint, timestampSeconds: 5)
        }
        let (full, leftOut) = try note.adding(cosignatures)
        #expect(full.signatures.count == 16)
        #expect(leftOut == Array(cosignatures[15...]))
        #expect(try SignedNote(parsing: full.encoded) == full)
        // What is there already can still be renewed.
        let renewed = try TestCosigner.number(3).cosign(checkpoint, timestampSeconds: 6)
        let (again, none) = try full.adding([cosignatures[17], renewed])
        #expect(none == [cosignatures[17]])
        #expect(again.signatures[4] == renewed.signature)
        #expect(again.signatures.count == 16)
    }

    @Test func aNoteStaysBelowItsLargestSize() throws {
        let cosigner = try TestKey.witness.cosigner
        let log = try TestKey.log.signer
        func checkpoint(padding: Int) throws -> Checkpoint {
            try Checkpoint(
                origin: log.name,
                size: TreeSize(1),
                root: MerkleTree.emptyRoot,
                extensionLines: [String(repeating: "x", count: padding)]
            )
        }
        let small = try SignedNote.sign(try checkpoint(padding: 1).text, by: [log])
        let line = cosigner.cosign(try checkpoint(padding: 1), timestampSeconds: 5).signature.line
        let room = SignedNote.maximumBytes - small.encoded.utf8.count - line.utf8.count
        for (padding, fits) in [(1 + room, true), (2 + room, false)] {
            let checkpoint = try checkpoint(padding: padding)
            let cosignature = cosigner.cosign(checkpoint, timestampSeconds: 5)
            let (note, leftOut) = try SignedNote.sign(checkpoint.text, by: [log])
                .adding([cosignature])
            #expect(leftOut.isEmpty == fits)
            #expect(note.signatures.count == (fits ? 2 : 1))
        }
    }

    @Test func aCosignatureOfAnotherTextIsNotAdded() throws {
        let cosigner = try TestKey.witness.cosigner
        let other = cosigner.cosign(try TestCheckpoint.of(size: 4), timestampSeconds: 5)
        let note = try SignedNote.sign(
            try TestCheckpoint.of(size: 3).text,
            by: [TestKey.log.signer]
        )
        let key = cosigner.cosignatureKey
        #expect(throws: NoteError.invalidSignature(name: key.name, keyID: key.keyID)) {
            try note.adding([other])
        }
    }
}

extension TestKey {
    /// The same seed and name as a witness.
    var cosigner: Cosigner {
        get throws {
            let seed = [UInt8](repeating: rawValue, count: 32)
            return try Cosigner(
                name: name,
                privateKey: try #require(Ed25519PrivateKey(seed: seed))
            )
        }
    }
}

/// Witnesses in any number.
enum TestCosigner {
    static func number(_ number: Int) throws -> Cosigner {
        let seed = [UInt8](repeating: UInt8(100 + number), count: 32)
        return try Cosigner(
            name: "witness.example/\(number)",
            privateKey: try #require(Ed25519PrivateKey(seed: seed))
        )
    }
}

/// Checkpoints of `TestKey.log`, over leaves that are their own indexes.
enum TestCheckpoint {
    static func of(size: UInt64) throws -> Checkpoint {
        try Checkpoint(
            origin: TestKey.log.name,
            size: TreeSize(size),
            root: NaiveTree(below: size).root(size)
        )
    }
}
