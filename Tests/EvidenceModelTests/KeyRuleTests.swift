import Cryptography
import EvidenceModel
import Testing
import TransparencyLog

/// A log's keys, one after the other.
@Suite struct KeyRuleTests {
    private let first: NoteSigner
    private let second: NoteSigner
    private let third: NoteSigner
    private let month: RetentionDuration

    init() throws {
        first = try Samples.signer(seed: 7)
        second = try Samples.signer(seed: 8)
        third = try Samples.signer(seed: 9)
        month = try RetentionDuration(30, .days)
    }

    private func ledger() throws -> Ledger {
        var ledger = try Ledger()
        guard case .logCreated(let creation) = try Samples.logCreated() else { return ledger }
        ledger.state = LogState(creation)
        return ledger
    }

    private func rotation(
        _ old: NoteSigner,
        _ new: NoteSigner,
        overlap: RetentionDuration? = nil
    ) -> ActProposal {
        .rotateKey(
            new.verifierKey,
            KeyRotation.Signatures(from: old, to: new),
            overlap: overlap ?? month
        )
    }

    private func time(_ milliseconds: Int64) throws -> Timestamp {
        try #require(Timestamp(milliseconds: Ledger.start + milliseconds))
    }

    @Test func bothKeysSignUntilTheOverlapIsOver() throws {
        var ledger = try ledger()
        #expect(ledger.state.currentKey == first.verifierKey)
        let index = ledger.next
        let ruling = try ledger.propose(rotation(first, second), by: Persons.admin())
        guard case .keyRotated(let written)? = ruling.acts.first else {
            Issue.record("\(ruling.acts)")
            return
        }
        #expect(written.size.value == index.value + 1)
        #expect(written.isSigned)
        #expect(ledger.state.currentKey == second.verifierKey)
        #expect(ledger.state.verifierKeys == [first.verifierKey, second.verifierKey])
        let end = 30 * oneDay
        #expect(ledger.state.keys[0].until == (try time(end)))
        #expect(ledger.state.keys[0].signs(at: try time(end)))
        #expect(!ledger.state.keys[0].signs(at: try time(end + 1)))
        #expect(ledger.state.keys[1].signs(at: try time(100 * end)))
    }

    /// After a theft nothing may sign longer than the last rotation says.
    @Test func aShortOverlapEndsAllEarlierKeys() throws {
        var ledger = try ledger()
        try ledger.propose(rotation(first, second), by: Persons.admin())
        let hour = try RetentionDuration(1, .hours)
        try ledger.propose(rotation(second, third, overlap: hour), by: Persons.admin())
        #expect(ledger.state.keys.map(\.until) == [try time(oneHour), try time(oneHour), nil])
    }

    @Test func aLongOverlapLetsNoEarlierKeySignLonger() throws {
        var ledger = try ledger()
        let hour = try RetentionDuration(1, .hours)
        try ledger.propose(rotation(first, second, overlap: hour), by: Persons.admin())
        try ledger.propose(rotation(second, third), by: Persons.admin())
        let ends = [try time(oneHour), try time(30 * oneDay), nil]
        #expect(ledger.state.keys.map(\.until) == ends)
    }

    @Test func whatIsNoRotationIsRefused() throws {
        var ledger = try ledger()
        let admin = try Persons.admin()
        let foreign = try Samples.signer("log.example/other", seed: 8)
        // Of another log, signed by another, of a key that is not the present one.
        let wrong: [ActProposal] = [
            rotation(first, foreign),
            .rotateKey(
                second.verifierKey,
                KeyRotation.Signatures(from: third, to: second),
                overlap: month
            ),
            .rotateKey(
                second.verifierKey,
                KeyRotation.Signatures(from: first, to: third),
                overlap: month
            ),
        ]
        for proposal in wrong {
            guard case .malformed? = try ledger.refusal(proposal, by: admin) else {
                Issue.record("\(String(describing: try ledger.refusal(proposal, by: admin)))")
                continue
            }
        }
        #expect(
            try ledger.refusal(rotation(first, first), by: admin) == .keyKnown(first.verifierKey)
        )
        try ledger.propose(rotation(first, second), by: admin)
        #expect(
            try ledger.refusal(rotation(second, first), by: admin) == .keyKnown(first.verifierKey)
        )
        let auditor = try Persons.bearer("aud", .auditor)
        #expect(
            try ledger.refusal(rotation(second, third), by: auditor)
                == .notPermitted(auditor.name, .rotateKey, collection: nil)
        )
        #expect(
            try ledger.refusal(rotation(second, third), by: admin, nil) == .reasonMissing
        )
    }

    @Test func aLogSignsWithAFewKeysAtOnce() throws {
        var ledger = try ledger()
        let admin = try Persons.admin()
        var last = first
        for seed in UInt8(20)..<23 {
            let next = try Samples.signer(seed: seed)
            try ledger.propose(rotation(last, next), by: admin)
            last = next
        }
        let next = try Samples.signer(seed: 30)
        #expect(
            try ledger.refusal(rotation(last, next), by: admin)
                == .tooManyKeys(maximum: LogState.maximumSigningKeyCount)
        )
        try ledger.setClock(31 * oneDay, wall: 31 * oneDay)
        try ledger.propose(rotation(last, next), by: admin)
    }

    @Test func whoTrustsAKeyCanTrustThoseThatFollow() throws {
        var ledger = try ledger()
        try ledger.propose(rotation(first, second), by: Persons.admin())
        try ledger.propose(rotation(second, third), by: Persons.admin())
        let all = [first, second, third].map(\.verifierKey)
        #expect(ledger.state.keys(following: [all[0]]) == all)
        #expect(ledger.state.keys(following: [all[1]]) == Array(all[1...]))
        #expect(ledger.state.keys(following: [all[2]]) == [all[2]])
        #expect(ledger.state.keys(following: [all[1], all[0]]) == [all[1], all[0], all[2]])
        let stranger = try Samples.signer("log.example/other").verifierKey
        #expect(ledger.state.keys(following: [stranger]) == [stranger])
    }

    /// What rules would not have given cannot be folded either.
    @Test func theFoldTakesOnlyTheNextKey() throws {
        func rotation(_ old: NoteSigner, _ new: NoteSigner, _ size: UInt64) throws -> Act {
            .keyRotated(
                KeyRotation(
                    key: new.verifierKey,
                    previous: old.verifierKey,
                    size: TreeSize(size),
                    until: try time(oneDay),
                    signatures: KeyRotation.Signatures(from: old, to: new)
                )
            )
        }
        let name = try PrincipalName("ada")
        var ledger = try ledger()
        let next = ledger.next.value + 1
        #expect(throws: ActFault.self) {
            try ledger.write(rotation(second, third, next), by: name)
        }
        #expect(throws: ActFault.self) {
            try ledger.write(rotation(first, second, next + 1), by: name)
        }
        try ledger.write(rotation(first, second, next), by: name)
        #expect(throws: ActFault.self) {
            try ledger.write(rotation(second, first, next + 1), by: name)
        }
    }

    /// No checkpoint of any log can be taken for a statement, nor the other way round.
    @Test func aStatementIsNoCheckpoint() throws {
        let text = KeyRotation.statement(from: first.verifierKey, to: second.verifierKey)
        #expect(throws: NoteError.self) { try Checkpoint(parsing: text) }
        #expect(throws: LimitViolation.self) {
            try LogCreation.check(origin: "strongroom key rotation v1")
        }
    }
}
