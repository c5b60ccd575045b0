import EvidenceModel
import Testing
import TransparencyLog

/// The clock is moved by authenticated times only by the log itself, forward, and to where two
/// independent ones and the wall clock have all been.
@Suite struct AuthenticatedTimeTests {
    private func ledger(behindByDays days: Int64) throws -> Ledger {
        var ledger = try Ledger()
        try ledger.setClock(0, wall: days * oneDay)
        return ledger
    }

    private func time(_ days: Int64, _ ledger: Ledger) throws -> Timestamp {
        try #require(ledger.clock.compliance.adding(milliseconds: days * oneDay))
    }

    private func move(_ times: [AuthenticatedTime], _ ledger: inout Ledger) throws -> Timestamp {
        let ruling = try ledger.propose(.resyncByTimes(times), by: .system)
        guard case .clockResynced(let from, let to, .times(times)) = try #require(ruling.acts.first)
        else { throw Unexpected() }
        #expect(from == ledger.clock.compliance && ruling.acts.count == 1)
        return to
    }

    private struct Unexpected: Error {}

    @Test func theEarlierOfTwoTimesCounts() throws {
        var ledger = try ledger(behindByDays: 30)
        let (early, late) = (try time(29, ledger), try time(30, ledger))
        #expect(try move(AuthenticatedTimes.two(early, late), &ledger) == early)
        #expect(try move(AuthenticatedTimes.two(late, early), &ledger) == early)
    }

    @Test func noFurtherThanTheWallClock() throws {
        var ledger = try ledger(behindByDays: 30)
        let wall = try #require(ledger.clock.wall)
        #expect(try move(AuthenticatedTimes.two(try time(500, ledger)), &ledger) == wall)
    }

    /// A wall clock that nobody vouches for stays unsettled: the clock does not go half the way.
    @Test func onlyToWhereTheClocksAgree() throws {
        var ledger = try ledger(behindByDays: 30)
        for days: Int64 in [-1, 0, 10, 28] {
            let times = AuthenticatedTimes.two(try time(days, ledger), try time(30, ledger))
            #expect(
                try ledger.refusal(.resyncByTimes(times), by: .system)?.category == .clockUnsettled
            )
        }
        #expect(
            try move(AuthenticatedTimes.two(try time(29, ledger)), &ledger) == time(29, ledger)
        )
    }

    @Test func whereTheClocksAgreeNothingIsWritten() throws {
        var ledger = try ledger(behindByDays: 1)
        let times = AuthenticatedTimes.two(try time(1, ledger))
        #expect(try ledger.propose(.resyncByTimes(times), by: .system).acts.isEmpty)
    }

    @Test func theClockNeverGoesBack() throws {
        let ledger = try ledger(behindByDays: -30)
        let times = AuthenticatedTimes.two(try time(-30, ledger))
        #expect(
            try ledger.refusal(.resyncByTimes(times), by: .system) == .clockNotBehind(ledger.clock)
        )
    }

    @Test func onlyTheLogItselfMayUseThem() throws {
        let ledger = try ledger(behindByDays: 30)
        let times = AuthenticatedTimes.two(try time(30, ledger))
        let admin = try Persons.bearer("ada", .admin)
        for principal in [admin, .anonymous, .local] {
            #expect(
                try ledger.refusal(.resyncByTimes(times), by: principal)
                    == .onlyTheLogItself(principal.name)
            )
        }
    }

    @Test func theyMustBeTwoOfDifferentSources() throws {
        var ledger = try ledger(behindByDays: 30)
        let time = try time(30, ledger)
        let witness = AuthenticatedTimes.make(.cosignature, "a", time)
        let other = AuthenticatedTimes.make(.cosignature, "b", time)
        let authority = AuthenticatedTimes.make(.timestamp, "a", time)
        for times in [
            [witness], [witness, witness], [other, witness], [authority, witness],
            [witness, other, authority],
            [
                witness,
                AuthenticatedTime(
                    kind: .cosignature,
                    source: "b",
                    size: TreeSize(1),
                    time: time,
                    evidence: witness.evidence
                ),
            ],
        ] {
            let refusal = try ledger.refusal(.resyncByTimes(times), by: .system)
            guard case .malformed = refusal else {
                Issue.record("\(times.map(\.source)): \(refusal)")
                continue
            }
        }
        for evidence in [
            AuthenticatedTimes.cosignature(of: 1), AuthenticatedTimes.cosignature(of: .max),
            Array(other.evidence.dropLast()), [], other.evidence + [0],
        ] {
            let forged = AuthenticatedTime(
                kind: .cosignature,
                source: "b",
                size: TreeSize(1),
                time: time,
                evidence: evidence
            )
            guard
                case .malformed = try ledger.refusal(
                    .resyncByTimes([witness, forged]),
                    by: .system
                )
            else {
                Issue.record("\(evidence) counts as a cosignature of \(time)")
                continue
            }
        }
        for times in [[witness, other], [witness, authority]] {
            #expect(try move(times, &ledger) == time)
        }
    }

    @Test func whatWasSignedWasATreeOfTheLog() throws {
        var ledger = try ledger(behindByDays: 30)
        let (from, to) = (ledger.clock.compliance, try time(30, ledger))
        for (size, isThere) in [(ledger.next.value, true), (ledger.next.value + 2, false)] {
            let times = ["a", "b"].map {
                AuthenticatedTimes.make(.timestamp, $0, to, size: size)
            }
            let act = Act.clockResynced(from: from, to: to, by: .times(times))
            if isThere {
                try ledger.write(act, by: .strongroom)
            } else {
                #expect(throws: ActFault.self) { try ledger.write(act, by: .strongroom) }
            }
        }
    }
}
