import Cryptography
import Testing

@testable import TransparencyLog

@Suite("Keys")
struct KeyTests {
    struct File: Decodable {
        struct Key: Decodable {
            let why: String
            let key: String
        }
        let good: String
        let refused: [Key]
    }

    @Test func everyBrokenRuleIsRefused() throws {
        let vectors = try Vectors.json("note/refused-keys.json", as: File.self)
        #expect(try VerifierKey(parsing: vectors.good).description == vectors.good)
        #expect(vectors.refused.count == 25)
        for vector in vectors.refused {
            #expect(throws: NoteError.self, "\(vector.why)") {
                try VerifierKey(parsing: vector.key)
            }
        }
    }

    @Test func refusalsNameTheRule() throws {
        let vectors = try Vectors.json("note/refused-keys.json", as: File.self)
        func error(_ why: String) throws -> NoteError {
            let vector = try #require(vectors.refused.first { $0.why == why })
            return try #require(throws: NoteError.self) { try VerifierKey(parsing: vector.key) }
        }
        #expect(try error("type 4, a cosigner") == .unsupportedKeyType(4))
        #expect(try error("type 6, ML-DSA-44") == .unsupportedKeyType(6))
        for why in ["another name", "another ID", "another key"] {
            guard case .keyIDMismatch = try error(why) else {
                Issue.record("\(why) must show in the ID")
                continue
            }
        }
    }

    @Test func everyFlippedByteIsRefused() throws {
        let text = try TestKey.log.verifier.description
        for (position, bytes) in flips(of: Array(text.utf8)) {
            guard let changed = String(validating: bytes, as: UTF8.self) else { continue }
            #expect(throws: NoteError.self, "byte \(position)") {
                try VerifierKey(parsing: changed)
            }
        }
        let secret = try TestKey.log.signer.secretText
        for (position, bytes) in flips(of: Array(secret.utf8)) {
            guard let changed = String(validating: bytes, as: UTF8.self) else { continue }
            #expect(throws: NoteError.self, "byte \(position)") {
                try NoteSigner(parsingSecret: changed)
            }
        }
    }

    @Test func secretKeysComeBack() throws {
        let signer = try TestKey.log.signer
        #expect(signer.secretText.hasPrefix("PRIVATE+KEY+log.example/strongroom+"))
        let read = try NoteSigner(parsingSecret: signer.secretText)
        #expect(read.verifierKey == signer.verifierKey)
        #expect(read.sign("x\n") == signer.sign("x\n"))
    }

    @Test func otherSecretsAreRefusedWithoutRepeatingThem() throws {
        let secret = try TestKey.log.signer.secretText
        let refused = [
            "", "PRIVATE+KEY+", String(secret.dropFirst()), secret + "\n", " " + secret,
            secret.replacing("PRIVATE", with: "private"), String(secret.dropLast(4)),
            // A combining mark behind the marker would hide in one character with its plus.
            secret.replacing("PRIVATE+KEY+", with: "PRIVATE+KEY+\u{301}"),
            try TestKey.log.verifier.description,
        ]
        for text in refused {
            let error = try #require(throws: NoteError.self) {
                try NoteSigner(parsingSecret: text)
            }
            #expect(!error.description.contains(secret.suffix(20)))
        }
        #expect(!"\(try TestKey.log.signer)".contains(secret.suffix(20)))
    }

    @Test(arguments: [
        "", " ", "a b", "a+b", "a\nb", "a\tb", "a\u{a0}b", "a\u{2003}b", "a\u{3000}", "a\u{85}",
        "\0",
    ])
    func namesThatNoKeyMayHave(name: String) throws {
        let key = try #require(Ed25519PrivateKey(seed: [UInt8](repeating: 1, count: 32)))
        #expect(throws: NoteError.self) { try NoteSigner(name: name, privateKey: key) }
        #expect(throws: NoteError.self) { try VerifierKey(name: name, publicKey: key.publicKey) }
    }

    @Test func keyIDsArePrintedInFull() {
        #expect("\(KeyID(0))" == "00000000")
        #expect("\(KeyID(0x0a0b_0c0d))" == "0a0b0c0d")
    }

    @Test func errorsSayWhatIsWrong() {
        let id = KeyID(1)
        let errors: [(NoteError, String)] = [
            (.malformedNote(detail: "why"), "why"),
            (.malformedCheckpoint(detail: "why"), "why"),
            (.malformedKey(detail: "why"), "why"),
            (.unsupportedKeyType(4), "4"),
            (.keyIDMismatch(stated: id, computed: KeyID(2)), "00000002"),
            (.tooLarge(limitBytes: 77), "77"),
            (.tooManySignatures(limit: 100), "100"),
            (.duplicateSignature(name: "n", keyID: id), "n+00000001"),
            (.ambiguousKey(name: "n", keyID: id), "n+00000001"),
            (.invalidSignature(name: "n", keyID: id), "n+00000001"),
            (.noKnownSignature, "known key"),
            (.originMismatch(expected: "a", found: "b"), "b"),
        ]
        for (error, part) in errors {
            #expect(error.description.contains(part))
        }
        let hash = MerkleTree.emptyRoot
        let proofErrors: [(ProofError, String)] = [
            (.indexOutOfRange(index: LeafIndex(5), size: TreeSize(3)), "5"),
            (.sizeTooLarge(TreeSize(9)), "9"),
            (.sizesDecrease(from: TreeSize(5), to: TreeSize(3)), "5"),
            (.wrongLength(expected: 2, found: 3), "3"),
            (.rootMismatch(expected: hash, computed: hash), hash.hex),
            (.oldRootMismatch(expected: hash, computed: hash), hash.hex),
        ]
        for (error, part) in proofErrors {
            #expect(error.description.contains(part))
        }
    }
}
