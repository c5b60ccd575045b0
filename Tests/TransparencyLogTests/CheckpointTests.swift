import Cryptography
import Testing

@testable import TransparencyLog

@Suite("Checkpoints")
struct CheckpointTests {
    struct File: Decodable {
        struct Accepted: Decodable {
            let name: String
            let origin: String
            let size: UInt64
            let root: String
            let extensionLines: [String]
            let text: String
        }
        struct Refused: Decodable {
            let why: String
            let text: String
        }
        struct Cosigned: Decodable {
            let verifierKey: String
            let size: UInt64
            let note: String
        }
        let accepted: [Accepted]
        let refused: [Refused]
        let cosigned: Cosigned
    }

    private func vectors() throws -> File {
        try Vectors.json("checkpoint/checkpoints.json", as: File.self)
    }

    @Test func checkpointsOfAnotherImplementationAreRead() throws {
        let vectors = try vectors().accepted
        #expect(vectors.count == 6)
        for vector in vectors {
            let checkpoint = try Checkpoint(parsing: vector.text)
            #expect(checkpoint.origin == vector.origin, "\(vector.name)")
            #expect(checkpoint.size == TreeSize(vector.size))
            #expect(checkpoint.root.hex == vector.root)
            #expect(checkpoint.extensionLines == vector.extensionLines)
            #expect(checkpoint.text == vector.text)
            let made = try Checkpoint(
                origin: vector.origin,
                size: TreeSize(vector.size),
                root: Vectors.hash(vector.root),
                extensionLines: vector.extensionLines
            )
            #expect(made == checkpoint)
        }
    }

    @Test func everyBrokenRuleIsRefused() throws {
        let vectors = try vectors().refused
        #expect(vectors.count == 28)
        for vector in vectors {
            let error = try #require(throws: NoteError.self, "\(vector.why)") {
                try Checkpoint(parsing: vector.text)
            }
            guard case .malformedCheckpoint = error else {
                Issue.record("\(vector.why): \(error)")
                continue
            }
        }
    }

    @Test func aCheckpointIsNotMadeFromWhatItCannotHold() throws {
        let root = NaiveTree.leafHash("root")
        let one = TreeSize(1)
        for origin in ["", "a\nb", "a\r", "\t"] {
            #expect(throws: NoteError.self) {
                try Checkpoint(origin: origin, size: one, root: root)
            }
            #expect(throws: NoteError.self) {
                try Checkpoint(origin: "o", size: one, root: root, extensionLines: [origin])
            }
        }
        #expect(throws: NoteError.self) {
            try Checkpoint(origin: "o", size: TreeSize(1 << 53), root: root)
        }
        #expect(throws: NoteError.self) {
            try Checkpoint(origin: "o", size: .zero, root: root)
        }
        #expect(
            try Checkpoint(origin: "o", size: .zero, root: MerkleTree.emptyRoot).size == .zero
        )
    }

    @Test func originsAreComparedByteForByte() throws {
        let root = NaiveTree.leafHash("root")
        let one = try Checkpoint(origin: "\u{e9}", size: TreeSize(1), root: root)
        let two = try Checkpoint(origin: "e\u{301}", size: TreeSize(1), root: root)
        #expect(one != two)
    }

    @Test func aCosignedCheckpointIsOpenedAndKeptWhole() throws {
        let vector = try vectors().cosigned
        let key = try VerifierKey(parsing: vector.verifierKey)
        let signed = try SignedCheckpoint.open(vector.note, keys: [key])
        #expect(signed.checkpoint.size == TreeSize(vector.size))
        #expect(signed.signers == [key])
        #expect(signed.note.signatures.map(\.bytes.count) == [64, 72])
        #expect(signed.encoded == vector.note)
    }
}

@Suite("Signed checkpoints")
struct SignedCheckpointTests {
    private func checkpoint(_ origin: String = TestKey.log.name) throws -> Checkpoint {
        try Checkpoint(
            origin: origin,
            size: TreeSize(42),
            root: NaiveTree.leafHash("some root")
        )
    }

    @Test func whatWasSignedIsOpened() throws {
        let signed = try SignedCheckpoint.sign(checkpoint(), by: TestKey.log.signer)
        let key = try TestKey.log.verifier
        let opened = try SignedCheckpoint.open(signed.encoded, keys: [key])
        #expect(opened == signed)
        #expect(opened.checkpoint == (try checkpoint()))
        #expect(opened.signers == [key])
        #expect(try SignedCheckpoint.open(signed.encoded, origin: key.name, keys: [key]) == signed)
    }

    @Test func everyFlippedByteIsRefused() throws {
        let signed = try SignedCheckpoint.sign(checkpoint(), by: TestKey.log.signer)
        let keys = [try TestKey.log.verifier]
        for (position, bytes) in flips(of: Array(signed.encoded.utf8)) {
            #expect(throws: NoteError.self, "byte \(position)") {
                try SignedCheckpoint.open(SignedNote(parsing: bytes), keys: keys)
            }
        }
    }

    @Test func onlyTheKeyOfTheLogSignsForIt() throws {
        let foreign = NoteError.originMismatch(
            expected: TestKey.other.name,
            found: TestKey.log.name
        )
        #expect(throws: foreign) {
            try SignedCheckpoint.sign(checkpoint(), by: TestKey.other.signer)
        }
        #expect(throws: foreign) {
            try SignedCheckpoint.sign(
                checkpoint(),
                by: [TestKey.log.signer, TestKey.other.signer]
            )
        }
        #expect(throws: NoteError.self) { try SignedCheckpoint.sign(checkpoint(), by: []) }
    }

    @Test func aCheckpointThatAnotherLogsKeyHasSignedIsRefused() throws {
        // Validly signed by a trusted key, but about a log that is not the key's.
        let note = try SignedNote.sign(checkpoint().text, by: [TestKey.other.signer])
        let keys = [try TestKey.other.verifier]
        let foreign = NoteError.originMismatch(
            expected: TestKey.other.name,
            found: TestKey.log.name
        )
        #expect(throws: foreign) { try SignedCheckpoint.open(note, keys: keys) }
        #expect(throws: foreign) { try SignedCheckpoint.open(note.encoded, keys: keys) }
        // Who pins the origin explicitly may take a key of another name.
        let opened = try SignedCheckpoint.open(note, origin: TestKey.log.name, keys: keys)
        #expect(opened.checkpoint.origin == TestKey.log.name)
        #expect(throws: foreign) {
            try SignedCheckpoint.open(note, origin: TestKey.other.name, keys: keys)
        }
    }

    @Test func theOriginMustBeNamedByAKeyThatSigned() throws {
        // The log's key is known, but only another known key has signed.
        let note = try SignedNote.sign(checkpoint().text, by: [TestKey.other.signer])
        let keys = [try TestKey.log.verifier, try TestKey.other.verifier]
        #expect(throws: NoteError.self) { try SignedCheckpoint.open(note, keys: keys) }
    }

    @Test func aSecondLogWithTheSameKeyIsTwoLogs() throws {
        let signed = try SignedCheckpoint.sign(checkpoint(), by: TestKey.log.signer)
        #expect(throws: NoteError.originMismatch(expected: "else", found: TestKey.log.name)) {
            try SignedCheckpoint.open(
                signed.encoded,
                origin: "else",
                keys: [TestKey.log.verifier]
            )
        }
    }

    @Test func aNoteThatIsNoCheckpointIsRefused() throws {
        let note = try SignedNote.sign("just a text\n", by: [TestKey.log.signer])
        #expect(throws: NoteError.self) {
            try SignedCheckpoint.open(note, keys: [TestKey.log.verifier])
        }
    }

    @Test func bothKeysSignWhileOneIsReplaced() throws {
        let signed = try SignedCheckpoint.sign(
            checkpoint(),
            by: [TestKey.log.signer, TestKey.renewed.signer]
        )
        #expect(signed.signers.count == 2)
        for key in [TestKey.log, .renewed] {
            let opened = try SignedCheckpoint.open(signed.encoded, keys: [key.verifier])
            #expect(opened.signers == [try key.verifier])
            #expect(opened.note.signatures.count == 2)
        }
    }
}
