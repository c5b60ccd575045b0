import Cryptography
import Testing

@testable import TransparencyLog

@Suite("tlog-proof")
struct TlogProofTests {
    struct File: Decodable {
        struct Proof: Decodable {
            let why: String
            let proof: String
        }
        let verifierKey: String
        let good: String
        let malformed: [Proof]
        let wrong: [Proof]
    }

    private func key() throws -> VerifierKey {
        let text = try Vectors.text("tlog-proof/verifier-key.txt")
        return try VerifierKey(parsing: text.dropLast())
    }

    private func record() throws -> [UInt8] {
        Array(try Vectors.text("tlog-proof/record.json").utf8)
    }

    @Test(arguments: [("41-of-100", 41, 7), ("0-of-1", 0, 0)] as [(String, UInt64, Int)])
    func proofsOfAnotherImplementationAreVerified(
        name: String,
        index: UInt64,
        length: Int
    ) throws {
        let text = try Vectors.text("tlog-proof/\(name).tlog-proof")
        let proof = try TlogProof(parsing: text)
        #expect(proof.index == LeafIndex(index))
        #expect(proof.path.count == length)
        #expect(proof.extra == (try record()))
        #expect(proof.encoded == text)
        let (record, checkpoint) = try proof.verifyRecord(keys: [key()])
        #expect(record == (try self.record()))
        #expect(checkpoint.signers == [try key()])
        let leafHash = MerkleTree.leafHash(record.span)
        #expect(try proof.verify(leafHash: leafHash, keys: [key()]) == checkpoint)
        let made = TlogProof(
            index: proof.index,
            path: proof.path,
            checkpoint: checkpoint.note,
            extra: record
        )
        #expect(made == proof)
    }

    @Test func theRecordCanComeFromElsewhere() throws {
        let text = try Vectors.text("tlog-proof/without-extra.tlog-proof")
        let proof = try TlogProof(parsing: text)
        #expect(proof.extra == nil)
        #expect(proof.encoded == text)
        let record = try record()
        let leafHash = MerkleTree.leafHash(record.span)
        let checkpoint = try proof.verify(leafHash: leafHash, origin: key().name, keys: [key()])
        #expect(checkpoint.checkpoint.size == TreeSize(100))
        #expect(throws: TlogProofError.missingRecord) { try proof.verifyRecord(keys: [key()]) }
        let empty = TlogProof(
            index: proof.index,
            path: proof.path,
            checkpoint: proof.checkpoint,
            extra: []
        )
        #expect(empty == proof)
    }

    @Test func everyBrokenRuleIsRefused() throws {
        let vectors = try Vectors.json("tlog-proof/refused.json", as: File.self)
        _ = try TlogProof(parsing: vectors.good)
        #expect(vectors.malformed.count == 25)
        for vector in vectors.malformed {
            #expect(throws: TlogProofError.self, "\(vector.why)") {
                try TlogProof(parsing: vector.proof)
            }
        }
    }

    @Test func proofsOfSomethingElseAreRefused() throws {
        let vectors = try Vectors.json("tlog-proof/refused.json", as: File.self)
        let keys = [try VerifierKey(parsing: vectors.verifierKey)]
        #expect(vectors.wrong.count == 9)
        for vector in vectors.wrong {
            let proof = try TlogProof(parsing: vector.proof)
            #expect(throws: TlogProofError.self, "\(vector.why)") {
                try proof.verifyRecord(keys: keys)
            }
        }
    }

    @Test func everyFlippedByteIsRefused() throws {
        let text = try Vectors.text("tlog-proof/41-of-100.tlog-proof")
        let keys = [try key()]
        for (position, bytes) in flips(of: Array(text.utf8)) {
            guard let changed = String(validating: bytes, as: UTF8.self) else { continue }
            #expect(throws: TlogProofError.self, "byte \(position)") {
                try TlogProof(parsing: changed).verifyRecord(keys: keys)
            }
        }
    }

    @Test func everyCutProofIsRefused() throws {
        let bytes = Array(try Vectors.text("tlog-proof/41-of-100.tlog-proof").utf8)
        for count in 0..<bytes.count {
            let changed = String(decoding: bytes[..<count], as: UTF8.self)
            #expect(throws: TlogProofError.self, "\(count) bytes") {
                try TlogProof(parsing: changed)
            }
        }
    }

    @Test func errorsNameTheStep() throws {
        let text = try Vectors.text("tlog-proof/41-of-100.tlog-proof")
        let proof = try TlogProof(parsing: text)
        #expect(throws: TlogProofError.checkpoint(.noKnownSignature)) {
            try proof.verifyRecord(keys: [])
        }
        let other = MerkleTree.emptyRoot
        let error = try #require(throws: TlogProofError.self) {
            try proof.verify(leafHash: other, keys: [key()])
        }
        guard case .inclusion(.rootMismatch) = error else {
            Issue.record("another leaf leads to another root: \(error)")
            return
        }
        let errors: [(TlogProofError, String)] = [
            (.malformed(detail: "why"), "why"),
            (.checkpoint(.noKnownSignature), "known key"),
            (.inclusion(.wrongLength(expected: 2, found: 3)), "3"),
            (.missingRecord, "extra"),
        ]
        for (error, part) in errors {
            #expect(error.description.contains(part))
        }
    }

    @Test func sizeIsLimited() throws {
        let proof = try TlogProof(parsing: Vectors.text("tlog-proof/0-of-1.tlog-proof"))
        let large = TlogProof(
            index: proof.index,
            path: [],
            checkpoint: proof.checkpoint,
            extra: [UInt8](repeating: 1, count: TlogProof.maximumBytes)
        )
        let error = try #require(throws: TlogProofError.self) {
            try TlogProof(parsing: large.encoded)
        }
        #expect(error.description.contains("262144"))
        let record = [UInt8](repeating: 1, count: EntryBundle.maximumEntryBytes)
        let largest = TlogProof(
            index: proof.index,
            path: [],
            checkpoint: proof.checkpoint,
            extra: record
        )
        #expect(try TlogProof(parsing: largest.encoded) == largest)
    }
}
