import Cryptography
import EvidenceModel
import Testing
import TransparencyLog

/// What scripts/vectors/successor_vectors.py wrote.
struct Successors: Decodable {
    struct Accepted: Decodable {
        let title: String
        let record: String
        let leafHash: String
    }

    struct Refused: Decodable {
        let error: String
        let record: String
    }

    let accepted: [Accepted]
    let refused: [Refused]
}

/// The first record of a log that goes on for another.
@Suite struct SuccessorTests {
    private func vectors() throws -> Successors {
        try Vectors.json("record/successors.json", as: Successors.self)
    }

    private func created(_ text: String) throws -> LogCreation? {
        guard case .logCreated(let creation) = try parsedRecord(text) else { return nil }
        return creation
    }

    @Test(.tags(.golden)) func successorsAgreeWithPython() throws {
        var lost: [ClosedRange<UInt64>?] = []
        for vector in try vectors().accepted {
            let bytes = Array(vector.record.utf8)
            let record = try parsedRecord(bytes)
            #expect(record.encoded == bytes, "\(vector.title)")
            #expect(MerkleTree.leafHash(bytes.span).hex == vector.leafHash)
            let predecessor = try #require(try created(vector.record)?.predecessor)
            #expect(predecessor.origin == predecessor.keys[0].name)
            #expect(predecessor.checkpoint.hasPrefix(predecessor.head.text + "\n"))
            lost.append(predecessor.lost)
        }
        #expect(lost.count == 7)
        #expect(lost.compactMap { $0 } == [1_000...1_000, 1_000...((1 << 53) - 2), 1...9])
    }

    @Test(.tags(.golden)) func faultyOnesAreRefusedByTheirFault() throws {
        let refused = try vectors().refused
        for vector in refused {
            let found = error { () throws(RecordError) in try parsedRecord(vector.record) }
            let name =
                switch found {
                case .missingMember: "missingMember"
                case .unknownMember: "unknownMember"
                case .invalidMember: "invalidMember"
                default: "\(found as Any)"
                }
            #expect(name == vector.error, "\(vector.record.suffix(900))")
        }
        #expect(refused.count > 50)
    }

    /// No byte of such a record can be changed and give the same log.
    @Test func everyByteCounts() throws {
        let vector = try #require(try vectors().accepted.first)
        let bytes = Array(vector.record.utf8)
        let original = try parsedRecord(bytes)
        for place in bytes.indices {
            for change: UInt8 in [0x01, 0x20, 0x80] {
                var damaged = bytes
                damaged[place] ^= change
                guard let record = try? parsedRecord(damaged) else { continue }
                if record.encoded != damaged || record == original {
                    Issue.record("byte \(place), \(change)")
                }
            }
        }
    }

    // MARK: Limits

    private let signer: NoteSigner
    private let note: String

    init() throws {
        signer = try Samples.signer("log.example/first", seed: 3)
        note = try Self.checkpoint([signer])
    }

    private static func checkpoint(
        _ signers: [NoteSigner],
        size: UInt64 = 40,
        extensionLines: [String] = []
    ) throws -> String {
        let checkpoint = try Checkpoint(
            origin: signers[0].name,
            size: TreeSize(size),
            root: Facts.leafHash(size),
            extensionLines: extensionLines
        )
        return try SignedNote.sign(checkpoint.text, by: signers).encoded
    }

    private func refusal(
        _ note: String,
        _ keys: [VerifierKey],
        _ lost: ClosedRange<UInt64>? = nil
    ) -> LimitViolation? {
        error { () throws(LimitViolation) in
            try Predecessor(checkpoint: note, keys: keys, lost: lost)
        }
    }

    @Test func aPredecessorHasKeysThatSignedIt() throws {
        let key = signer.verifierKey
        let other = try Samples.signer("log.example/other", seed: 3).verifierKey
        let next = try Samples.signer("log.example/first", seed: 4)
        #expect(refusal(note, [key]) == nil)
        #expect(refusal(note, [next.verifierKey, key]) == nil)
        for keys in [[], [key, key], [other], [key, other], [next.verifierKey]] {
            #expect(refusal(note, keys)?.field == .predecessor, "\(keys)")
        }
        let many = try (UInt8(4)..<20).map {
            try Samples.signer("log.example/first", seed: $0).verifierKey
        }
        #expect(refusal(note, [key] + many.prefix(15)) == nil)
        #expect(refusal(note, [key] + many)?.limit == 16)
        #expect(refusal(try Self.checkpoint([signer, next]), [key]) == nil)
    }

    @Test func aCheckpointIsNotEndless() throws {
        let short = try Self.checkpoint([signer], extensionLines: ["x"])
        func note(_ sizeBytes: Int) throws -> String {
            let count = sizeBytes - short.utf8.count + 1
            return try Self.checkpoint(
                [signer],
                extensionLines: [String(repeating: "x", count: count)]
            )
        }
        let longest = try note(Predecessor.maximumCheckpointSizeBytes)
        #expect(longest.utf8.count == 16_384)
        #expect(refusal(longest, [signer.verifierKey]) == nil)
        #expect(refusal(try note(16_385), [signer.verifierKey])?.limit == 16_384)
    }

    @Test func whatIsLostBeginsWhereTheCheckpointEnds() {
        let key = signer.verifierKey
        let latest: UInt64 = (1 << 53) - 1
        for (lost, isProper) in [
            (40...40, true), (40...99, true), (40...(latest - 1), true), (40...latest, false),
            (39...99, false), (41...99, false), (0...40, false),
        ] as [(ClosedRange<UInt64>, Bool)] {
            #expect((refusal(note, [key], lost) == nil) == isProper, "\(lost)")
        }
    }

    @Test func aLogIsNotItsOwnSuccessor() throws {
        let predecessor = try Predecessor(
            checkpoint: note,
            keys: [signer.verifierKey],
            lost: nil
        )
        func create(_ signer: NoteSigner) throws(LimitViolation) -> LogCreation {
            try LogCreation(
                origin: signer.name,
                founders: [],
                segmentHeight: 8,
                verifierKeys: [signer.verifierKey],
                predecessor: predecessor,
                received: .earliest
            )
        }
        #expect(error { () throws(LimitViolation) in try create(signer) }?.field == .predecessor)
        let other = try Samples.signer("log.example/second", seed: 3)
        #expect(try create(other).predecessor == predecessor)
        #expect(predecessor.head.size == TreeSize(40))
    }

    /// The largest of all fits into a record.
    @Test func theLargestFits() throws {
        func quotes(_ count: Int) -> String { String(repeating: "\"", count: count) }
        let old = String(repeating: "\"", count: 255)
        let first = try Samples.signer(old, seed: 3)
        let size = try Self.checkpoint([first], extensionLines: ["\""]).utf8.count
        let note = try Self.checkpoint([first], extensionLines: [quotes(16_385 - size)])
        let keys = try (UInt8(3)..<19).map { try Samples.signer(old, seed: $0).verifierKey }
        let new = quotes(254) + "2"
        let creation = try LogCreation(
            origin: new,
            founders: (0..<16).map { quotes(255) + String($0, radix: 16) },
            segmentHeight: 16,
            verifierKeys: (UInt8(3)..<19).map { try Samples.signer(new, seed: $0).verifierKey },
            predecessor: Predecessor(checkpoint: note, keys: keys, lost: 40...((1 << 53) - 2)),
            received: .latest
        )
        let bytes = Record.logCreated(creation).encoded
        #expect((59_000...Record.maximumSizeBytes).contains(bytes.count), "\(bytes.count)")
        #expect(try parsedRecord(bytes) == .logCreated(creation))
    }
}
