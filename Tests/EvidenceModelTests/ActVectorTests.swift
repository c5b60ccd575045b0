import Cryptography
import EvidenceModel
import Testing
import TransparencyLog

/// An act that scripts/vectors/act_vectors.py wrote.
private struct ActVector: Decodable {
    let title: String
    let record: String
    let leafHash: String
}

private struct RefusedVector: Decodable {
    let error: String?
    let record: String
}

/// The leaf hashes that the vectors assume.
private func leafHash(_ index: RecordIndex) -> MerkleHash {
    var bytes = Array("leaf".utf8)
    for shift in stride(from: 56, through: 0, by: -8) {
        bytes.append(UInt8(truncatingIfNeeded: index.value >> UInt64(shift)))
    }
    return SHA256.hash(bytes.span)
}

@Suite(.tags(.golden)) struct ActVectorTests {
    private func vectors() throws -> [ActVector] {
        try Vectors.json("record/acts.json", as: [ActVector].self)
    }

    @Test func actsAgreeWithPython() throws {
        var kinds: Set<RecordKind> = []
        for vector in try vectors() {
            let bytes = Array(vector.record.utf8)
            let record = try parsedRecord(bytes)
            #expect(record.encoded == bytes, "\(vector.title)")
            #expect(MerkleTree.leafHash(bytes.span).hex == vector.leafHash)
            guard case .act(let act) = record else {
                Issue.record("\(vector.title) is no act")
                continue
            }
            #expect(record.kind == act.act.kind)
            #expect(record.received == act.received)
            #expect(record.collection == nil && record.sequence == nil && record.lock == nil)
            let rebuilt = ActRecord(
                act: act.act,
                principal: act.principal,
                reason: act.reason,
                received: act.received
            )
            #expect(rebuilt == act)
            kinds.insert(record.kind)
        }
        #expect(kinds == Set(RecordKind.allCases).subtracting([.evidence, .logCreated]))
    }

    @Test func digestsAgreeWithPython() throws {
        var compared = 0
        for vector in try vectors() {
            guard case .act(let record) = try parsedRecord(vector.record) else { continue }
            switch record.act {
            case .payloadErased(let erased):
                var digest = ErasureDigest()
                for index in erased.records.indexes {
                    digest.append(index, leafHash: leafHash(index))
                }
                let found = digest.finalize()
                #expect(found == erased.digest, "\(vector.title)")
                compared += 1
            case .holdPlaced(_, .selection(_, _, let count, let expected, _)):
                var digest = SelectionDigest()
                for value: UInt64 in count == 3 ? [3, 5, 8] : [] {
                    digest.append(RecordIndex(value))
                }
                let found = digest.finalize()
                #expect(found == expected, "\(vector.title)")
                compared += 1
            default: break
            }
        }
        #expect(compared == 5)
    }

    @Test func faultyActsAreRefused() throws {
        for vector in try Vectors.json("record/acts-refused.json", as: [RefusedVector].self) {
            let found = error { () throws(RecordError) in try parsedRecord(vector.record) }
            let name: String? =
                switch found {
                case nil: nil
                case .notCanonical: "notCanonical"
                case .newerVersion: "newerVersion"
                case .unknownMember: "unknownMember"
                case .missingMember: "missingMember"
                default: "other"
                }
            guard let name else {
                Issue.record("accepted: \(vector.record.prefix(300))")
                continue
            }
            if let expected = vector.error {
                #expect(name == expected, "\(vector.record.prefix(300)): \(found as Any)")
            } else {
                // One value is wrong: the bytes are canonical, and of this version.
                #expect(name != "notCanonical" && name != "newerVersion")
            }
        }
    }

    /// Every byte of every act, changed in three ways, makes another act or none; no other bytes
    /// are taken for the same act.
    @Test func everyByteCounts() throws {
        var accepted = 0
        for vector in try vectors() {
            let bytes = Array(vector.record.utf8)
            let original = try parsedRecord(bytes)
            for place in bytes.indices {
                for change: UInt8 in [0x01, 0x20, 0x80] {
                    var damaged = bytes
                    damaged[place] ^= change
                    guard let record = try? parsedRecord(damaged) else { continue }
                    accepted += 1
                    if record.encoded != damaged || record == original {
                        Issue.record("\(vector.title): byte \(place), \(change)")
                    }
                }
            }
            for length in bytes.indices where (try? parsedRecord(Array(bytes[..<length]))) != nil {
                Issue.record("\(vector.title) is accepted cut to \(length) bytes")
            }
        }
        #expect(accepted > 0)
    }
}

/// Acts of every kind, drawn.
@Suite(.tags(.property)) struct ActPropertyTests {
    @Test func whatIsWrittenIsRead() throws {
        var draw = Draw()
        let validator = SchemaValidator(try SchemaFile.json("record.schema.json"))
        for round in 0..<1_500 {
            let record = try draw.act()
            let bytes = record.encoded
            let read = try parsedRecord(bytes)
            #expect(read == .act(record))
            #expect(read.encoded == bytes)
            let value = try parsedJSON(bytes)
            #expect(CanonicalJSON.encode(value) == bytes)
            // Validation is slow, and the shapes repeat themselves.
            if round < 200 { #expect(validator.fault(value) == nil, "\(text(bytes))") }
        }
    }

    @Test func damageIsRefusedOrAnotherAct() throws {
        var draw = Draw()
        var accepted = 0
        for _ in 0..<3_000 {
            let record = try draw.act()
            var bytes = record.encoded
            for _ in 0..<draw.int(1...2) { draw.damage(&bytes) }
            guard let read = try? parsedRecord(bytes) else { continue }
            accepted += 1
            #expect(read.encoded == bytes)
        }
        #expect(accepted > 0)
    }
}

extension Draw {
    mutating func principal() throws -> PrincipalName {
        try PrincipalName(element(of: ["alice", "bob", "ci:x@y", "anonymous", "strongroom", "0"]))
    }

    mutating func matter() throws -> Matter {
        try Matter(element(of: ["case-1", "Case-2", "A/b:c@d_e.f", "0"]))
    }

    mutating func indexes() throws -> IndexRanges {
        let limit: UInt64 = chance(5) ? (1 << 53) - 1 : 200
        return IndexRanges(
            (0..<int(1...30)).map { _ in RecordIndex(.random(in: 0...limit, using: &self)) }
        )
    }

    mutating func reason() throws -> Reason { try Reason("r" + plain(upTo: 20)) }

    mutating func count() -> UInt64 { .random(in: 0..<(1 << 53), using: &self) }

    mutating func duration() throws -> RetentionDuration {
        try RetentionDuration(Int64(int(1...10_000)), element(of: RetentionDuration.Unit.allCases))
    }

    mutating func anyLock() throws -> Lock {
        guard chance(3) else { return try lock() }
        return Lock(
            mode: element(of: RetentionMode.allCases),
            awaiting: try EventName(element(of: ["contract-end", "e", "0._-"])),
            then: try duration()
        )
    }

    mutating func policy() throws -> CollectionPolicy {
        let length = try duration()
        return CollectionPolicy(
            retention: try RetentionPolicy(
                mode: element(of: RetentionMode.allCases),
                minimum: RetentionDuration(parsing: "1s"),
                standard: length,
                maximum: RetentionDuration(parsing: "10000y")
            ),
            event: chance(2) ? try EventName("contract-end") : nil,
            isSealed: chance(2)
        )
    }

    mutating func selection() throws -> Selection {
        try Selection(
            collection: collection(),
            namePrefix: chance(2) ? "p" + plain(upTo: 10) : nil,
            labels: labels()
        )
    }

    mutating func export() throws -> EvidenceExport {
        let before = count()
        return EvidenceExport(
            selection: try ExportSelection(
                collection: chance(2) ? try collection() : nil,
                namePrefix: chance(2) ? "p" + plain(upTo: 10) : nil,
                labels: labels(),
                payloadDigest: chance(2) ? digest() : nil,
                since: chance(2) ? try timestamp() : nil,
                until: chance(2) ? try timestamp() : nil,
                matter: chance(2) ? try matter() : nil
            ),
            before: RecordIndex(before),
            count: .random(in: 0...before, using: &self),
            digest: digest(),
            verifier: digest()
        )
    }

    mutating func erased() throws -> PayloadErased {
        let indexes = Array(try indexes().parts(maximumRangeCount: 3))
        var items: [PayloadErased.Item] = []
        for part in indexes {
            let history = IndexRanges(
                (0..<int(0...4)).map { _ in RecordIndex(UInt64(int(0...99))) }
            )
            items.append(
                PayloadErased.Item(
                    records: part,
                    lock: try anyLock(),
                    history: Array(history.indexes)
                )
            )
        }
        return PayloadErased(
            collection: try collection(),
            ground: chance(2) ? .expired : .bypass(RecordIndex(count())),
            items: items,
            policy: chance(2) ? RecordIndex(count()) : nil,
            clock: ClockReading(compliance: try timestamp(), wall: try timestamp()),
            count: items.reduce(0) { $0 + $1.records.count },
            digest: digest()
        )
    }

    mutating func grant() throws -> AccessGrant {
        var collections: Set<CollectionName>?
        if chance(2) {
            collections = []
            for _ in 0..<int(1...5) { collections?.insert(try collection()) }
        }
        return AccessGrant(
            name: try principal(),
            role: element(of: Role.allCases),
            rights: chance(2) ? [.bypass] : [],
            collections: collections,
            expires: chance(2) ? try timestamp() : nil
        )
    }

    private mutating func rotation() throws -> KeyRotation {
        let seed = UInt8(int(1...200))
        let old = try Samples.signer("log.example/keys", seed: seed)
        let new = try Samples.signer("log.example/keys", seed: seed + 1)
        return KeyRotation(
            key: new.verifierKey,
            previous: old.verifierKey,
            size: TreeSize(count()),
            until: try timestamp(),
            signatures: KeyRotation.Signatures(from: old, to: new)
        )
    }

    mutating func act() throws -> ActRecord {
        ActRecord(
            act: try body(),
            principal: try principal(),
            reason: chance(2) ? try reason() : nil,
            received: try timestamp()
        )
    }

    private mutating func body() throws -> Act {
        switch int(0...19) {
        case 0: return .policySet(try collection(), try policy())
        case 1: return .lockExtended(records: try indexes(), lock: try anyLock())
        case 2: return .lockBypassed(records: try indexes())
        case 3:
            return .eventRecorded(
                try EventName("e"),
                at: chance(2) ? try timestamp() : nil,
                records: try indexes(),
                lock: try lock()
            )
        case 4: return .holdPlaced(try matter(), .records(try indexes()))
        case 5:
            let before = count()
            let scope = HoldScope.selection(
                try selection(),
                before: RecordIndex(before),
                count: .random(in: 0...before, using: &self),
                digest: digest(),
                isStanding: chance(2)
            )
            return .holdPlaced(try matter(), scope)
        case 6: return .holdReleased(try matter(), records: chance(2) ? try indexes() : nil)
        case 7: return .payloadErased(try erased())
        case 8: return try purge()
        case 9:
            return .clockResynced(
                from: .earliest,
                to: .latest,
                by: chance(2)
                    ? .persons(with: try principal(), firstReason: try reason())
                    : .times([
                        AuthenticatedTimes.make(.timestamp, "a", .latest),
                        AuthenticatedTimes.make(.timestamp, "b", .latest, size: count() / 2 + 1),
                    ])
            )
        case 10:
            let entry = CensusEntry(count: try sequence(), last: RecordIndex(0))
            return .census(
                before: RecordIndex(count() / 2 + 1),
                part: 1,
                parts: int(1...9),
                collections: Dictionary(
                    [(try collection(), entry), (try collection(), entry)]
                ) { first, _ in first }
            )
        case 11:
            return .accessChanged(chance(2) ? .created(try grant()) : .revoked(try principal()))
        case 12: return .accessDigest(count: count(), head: digest(), day: "2026-11-21")
        case 13: return .targetAdded(try target())
        case 14: return .targetProbed(try targetName(), probe())
        case 15: return .targetPhase(try phaseChange())
        case 16: return .targetRemoved(try targetName())
        case 17: return .accessExported(try export())
        case 18: return .keyRotated(try rotation())
        default: return .logClosed
        }
    }
}
