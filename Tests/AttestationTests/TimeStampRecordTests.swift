import Cryptography
import Foundation
import Platform
import Testing

@testable import Attestation

@Suite struct TimeStampRecordTests {
    private static let authority = Result { try TestAuthority("Records") }
    private static let data = Array("log.example\n7\nroot\n".utf8)

    private func authority() throws -> TestAuthority { try Self.authority.get() }

    private func stamp(
        over value: [UInt8],
        _ digest: TimeStampDigest,
        path: [[[UInt8]]] = []
    ) throws -> TimeStampRecord.Stamp {
        let root = TimeStampTree.root(of: value, path: path, digest: digest)
        return TimeStampRecord.Stamp(
            digest: digest,
            path: path,
            token: try authority().token(imprint: root ?? [], digest: digest)
        )
    }

    /// First token, time-stamp renewal in a tree, hash-tree renewal, time-stamp renewal.
    private func record() throws -> TimeStampRecord {
        var record = TimeStampRecord(first: try authority().token(Self.data))
        let others = (0..<4).map { TimeStampDigest.sha256.hash([$0]) }
        let tree = TimeStampTree(leaves: others + [record.valueToRenew], digest: .sha256)
        record = record.renewed(
            by: try stamp(over: record.valueToRenew, .sha256, path: tree.paths[4])
        )
        record = record.renewed(
            by: try stamp(over: record.valueToRenew(Self.data, digest: .sha512), .sha512)
        )
        return record.renewed(by: try stamp(over: record.valueToRenew, .sha512))
    }

    @Test func aRecordOfAllKindsOfRenewalVerifies() throws {
        let record = try record()
        #expect(record.renewals == 3)
        #expect(record.chains.map(\.count) == [2, 2])
        let signers = try record.verify(
            Self.data,
            anchors: try authority().anchors,
            at: Clock.wallMilliseconds()
        )
        #expect(signers.count == 4)
        let again = try TimeStampRecord(parsing: record.encoded)
        #expect(again == record)
        #expect(again.encoded == record.encoded)
    }

    @Test func otherDataIsNotCovered() throws {
        let record = try record()
        #expect(throws: TimeStampRecord.Fault.covers(stamp: 1, "the data")) {
            try record.check(Self.data + [0])
        }
    }

    /// No token of a record can be left out, or change its place.
    @Test func everyTokenIsNeeded() throws {
        let whole = try record()
        let chains = whole.chains
        for changed in [
            [[chains[0][0]], chains[1]], [[chains[0][1]], chains[1]], [chains[1]],
            [chains[1], chains[0]], [chains[0], [chains[1][1]]],
            [chains[0], [chains[1][1], chains[1][0]]], [chains[0] + chains[1]],
        ] {
            var bytes: [UInt8] = []
            for chain in changed {
                bytes += DER.element(DER.sequence, chain.map { encoded($0) })
            }
            let record = try TimeStampRecord(
                parsing: DER.element(
                    DER.sequence,
                    DER.integer(1),
                    DER.element(DER.sequence, []),
                    DER.element(DER.sequence, bytes)
                )
            )
            #expect(throws: TimeStampRecord.Fault.self) { try record.check(Self.data) }
        }
    }

    private func encoded(_ stamp: TimeStampRecord.Stamp) -> [UInt8] {
        // The record of a single stamp holds its bytes: version, algorithms, then chains.
        var outer = DERReader(
            TimeStampRecord(first: stamp.token).withStamp(stamp).encoded[...]
        )
        guard var record = try? outer.next().reader, (try? record.next()) != nil,
            (try? record.next()) != nil, var sequence = try? record.next().reader,
            var chain = try? sequence.next().reader, let found = try? chain.next()
        else { preconditionFailure("it was written a moment ago") }
        return Array(found.encoded)
    }

    /// A token must have been within its certificates when the next was made.
    @Test func aRenewalThatCameTooLateIsNoRenewal() throws {
        let short = try TestAuthority("Short", days: 1)
        let record = TimeStampRecord(first: try short.token(Self.data))
        let now = Clock.wallMilliseconds()
        _ = try record.verify(Self.data, anchors: short.anchors, at: now)
        #expect {
            try record.verify(Self.data, anchors: short.anchors, at: now + 2 * 86_400_000)
        } throws: { error in
            guard case .token(1, .certificate) = error as? TimeStampRecord.Fault else {
                return false
            }
            return true
        }
        // Renewed in time: the first certificate may have ended since.
        let anchors = TimeStampAnchors([short.anchors, try authority().anchors])
        let renewed = record.renewed(by: try stamp(over: record.valueToRenew, .sha256))
        _ = try renewed.verify(Self.data, anchors: anchors, at: now + 2 * 86_400_000)
    }

    @Test func noChangedByteIsCovered() throws {
        let record = try record()
        let (anchors, now) = (try authority().anchors, Clock.wallMilliseconds())
        let whole = record.encoded
        for place in stride(from: 0, to: whole.count, by: 7) {
            #expect(throws: DERError.self) {
                try TimeStampRecord(parsing: Array(whole.prefix(place)))
            }
            var bytes = whole
            bytes[place] ^= 0x04
            guard let changed = try? TimeStampRecord(parsing: bytes),
                (try? changed.verify(Self.data, anchors: anchors, at: now)) != nil
            else { continue }
            // Only the newest token can have a byte that no other token covers.
            #expect(
                changed.chains[0] == record.chains[0]
                    && changed.chains[1][0] == record.chains[1][0],
                "byte \(place) of \(whole.count) was changed"
            )
        }
    }

    // MARK: Trees

    @Test(arguments: [1, 2, 3, 4, 5, 7, 8, 33, 1000])
    func everyLeafLeadsToTheRoot(_ count: Int) {
        let leaves = (0..<count).map { TimeStampDigest.sha256.hash(Array("\($0)".utf8)) }
        let tree = TimeStampTree(leaves: leaves, digest: .sha256)
        for (leaf, path) in zip(leaves, tree.paths) {
            #expect(TimeStampTree.root(of: leaf, path: path, digest: .sha256) == tree.root)
            #expect(path.count <= 10)
            guard count > 1 else { continue }
            let stranger = TimeStampDigest.sha256.hash([1, 2, 3])
            #expect(TimeStampTree.root(of: stranger, path: path, digest: .sha256) == nil)
        }
    }

    /// Written out by hand: the father of a and b is H(a‖b) in ascending order.
    @Test func aTreeOfThreeIsTheOneOfTheStandard() {
        let digest = TimeStampDigest.sha256
        let (a, b, c) = (
            [UInt8](repeating: 1, count: 32), [UInt8](repeating: 9, count: 32),
            [UInt8](repeating: 5, count: 32)
        )
        let father = digest.hash(a + b)
        let root = digest.hash(
            father.lexicographicallyPrecedes(c) ? father + c : c + father
        )
        let tree = TimeStampTree(leaves: [b, a, c], digest: digest)
        #expect(tree.root == root)
        #expect(
            tree.paths == [
                [[a, b], [c]], [[a, b], [c]],
                [
                    [c, father].sorted {
                        $0.lexicographicallyPrecedes($1)
                    }
                ],
            ]
        )
    }

    // MARK: A record of somebody else

    private struct Vector: Decodable {
        let evidenceRecord: String
        let leaves: [String]
        let imprint: String
        let time: String
        let policy: String
    }

    @Test func aRecordOfAnotherArchiveIsRead() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let file = folder.appendingPathComponent("../Vectors/evidence-record/exceet.json")
        let vector = try JSONDecoder().decode(Vector.self, from: try Data(contentsOf: file))
        let bytes = try #require(Base64.decode(vector.evidenceRecord))
        let record = try TimeStampRecord(parsing: bytes)
        #expect(record.encoded == bytes)
        #expect(record.renewals == 0)
        let token = record.first.token
        #expect(Hex.encode(token.imprint.span) == vector.imprint)
        #expect("\(token.policy)" == vector.policy)
        #expect(token.milliseconds == 1_486_735_672_500)
        for leaf in vector.leaves {
            let hash = try #require(Hex.decode(leaf))
            let root = TimeStampTree.root(of: hash, path: record.first.path, digest: .sha256)
            #expect(root == token.imprint)
        }
    }
}

extension TimeStampRecord {
    /// A record of one stamp, whatever it covers.
    fileprivate func withStamp(_ stamp: Stamp) -> TimeStampRecord {
        var single = self
        single.chains = [[stamp]]
        return single
    }
}
