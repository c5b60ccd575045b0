import Cryptography
import EvidenceModel
import Testing
import TransparencyLog

/// A log of acts in memory: what is ruled is written, read back and folded, as a store does it.
struct Ledger {
    /// 2030-01-01T00:00:00Z.
    static let start: Int64 = 1_893_456_000_000

    var state = LogState()
    /// Evidence has the indexes below the first act.
    var next = RecordIndex(1_000)
    /// Both clocks.
    var clock: ClockReading
    /// Whether acts go through their bytes; costs most of the time of a long drive.
    var writesBytes = true

    init(founders: [String] = []) throws {
        let now = try #require(Timestamp(milliseconds: Self.start))
        clock = ClockReading(compliance: now, wall: now)
        state = LogState(founders: founders)
    }

    /// Sets both clocks, in milliseconds from the start.
    mutating func setClock(_ compliance: Int64, wall: Int64?) throws {
        clock = ClockReading(
            compliance: try #require(Timestamp(milliseconds: Self.start + compliance)),
            wall: wall.flatMap { Timestamp(milliseconds: Self.start + $0) }
        )
    }

    @discardableResult
    mutating func propose(
        _ proposal: ActProposal,
        by principal: Principal,
        _ reason: String? = "because"
    ) throws -> Ruling {
        let reason = try reason.map { try Reason($0) }
        let ruling = try state.rule(
            on: proposal,
            by: principal,
            reason: reason,
            at: clock,
            next: next
        )
        for act in ruling.acts { try write(act, by: principal.name, reason) }
        return ruling
    }

    /// Writes an act as the next record, whatever the rules say.
    mutating func write(_ act: Act, by name: PrincipalName, _ reason: Reason? = nil) throws {
        var record = ActRecord(act: act, principal: name, reason: reason, received: clock.granting)
        if writesBytes {
            let bytes = record.encoded
            #expect(bytes.count <= Record.maximumSizeBytes)
            guard case .act(let read) = try parsedRecord(bytes) else {
                Issue.record("no act: \(text(bytes))")
                return
            }
            #expect(read == record)
            record = read
        }
        try state.apply(record, at: next)
        next = RecordIndex(next.value + 1)
    }

    /// The refusal of a proposal, which changes nothing; `nil` if it is not refused as a whole.
    func refusal(
        _ proposal: ActProposal,
        by principal: Principal,
        _ reason: String? = "because"
    ) throws -> Refusal? {
        let reason = try reason.map { try Reason($0) }
        do throws(Refusal) {
            _ = try state.rule(on: proposal, by: principal, reason: reason, at: clock, next: next)
            return nil
        } catch {
            return error
        }
    }
}

/// Facts of records that no log holds.
enum Facts {
    static func lock(_ mode: RetentionMode, _ milliseconds: Int64) throws -> Lock {
        let until = try #require(Timestamp(milliseconds: Ledger.start + milliseconds))
        return try #require(Lock(mode: mode, until: until))
    }

    static func awaiting(
        _ mode: RetentionMode,
        _ event: String = "end",
        then duration: String = "5d"
    ) throws -> Lock {
        Lock(
            mode: mode,
            awaiting: try EventName(event),
            then: try RetentionDuration(parsing: duration)
        )
    }

    static func leafHash(_ index: UInt64) -> MerkleHash { Samples.digest(of: "leaf \(index)") }

    static func record(
        _ index: UInt64,
        _ lock: Lock,
        in collection: String = "a",
        name: String = "name",
        labels: [(key: String, value: String)] = []
    ) throws -> RecordFacts {
        RecordFacts(
            index: RecordIndex(index),
            collection: try CollectionName(collection),
            lock: lock,
            received: try #require(Timestamp(milliseconds: Ledger.start)),
            description: EvidenceDescription(
                name: try EvidenceName(name),
                labels: try Labels(labels),
                payloadDigest: leafHash(index),
                payloadSize: 0
            ),
            leafHash: leafHash(index)
        )
    }
}

/// Persons of the tests.
enum Persons {
    static func bearer(
        _ name: String,
        _ role: Role,
        bypass: Bool = false,
        in collections: [String]? = nil
    ) throws -> Principal {
        let name = try PrincipalName(name)
        return Principal(
            name: name,
            role: role,
            rights: bypass ? [.bypass] : [],
            collections: try collections.map { try Set($0.map { try CollectionName($0) }) },
            chain: [name]
        )
    }

    static func admin() throws -> Principal { try bearer("ada", .admin) }

    static func retention() throws -> Principal { try bearer("ret", .retention) }

    static func bypasser() throws -> Principal { try bearer("byp", .retention, bypass: true) }
}

let oneHour: Int64 = 3_600_000
let oneDay: Int64 = 86_400_000
