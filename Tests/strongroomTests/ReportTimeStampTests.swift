import EvidenceModel
import Testing
import TransparencyLog

@testable import strongroom

/// What a report says of time-stamps, apart from reading them.
@Suite struct ReportTimeStampTests {
    private typealias Drive = ReportDrive

    /// Records 3 to 5 are the period's.
    private func facts() throws -> ReportFacts {
        var drive = try Drive(from: 1, to: 2)
        let lock = try Drive.lock(.compliance, days: 4_000)
        try drive.put(lock)
        try drive.put(lock)
        drive.now += Drive.day
        for _ in 0..<3 { try drive.put(lock) }
        drive.now += Drive.day
        try drive.put(lock)
        let facts = drive.facts()
        #expect(facts.records == 3...5)
        return facts
    }

    private func answer(_ timestamps: ReportTimeStamps) throws -> ReportAnswer {
        var attestations = try Drive.alone()
        attestations.timestamps = timestamps
        return TimeStampRules.timestamps(try facts(), attestations)
    }

    @Test func theBordersOfThePeriod() throws {
        for (size, verdict, covered) in [
            (3, .cannotBeAnswered, nil), (4, .cannotBeAnswered, 3...3),
            (5, .cannotBeAnswered, 3...4), (6, .met, 3...5), (7, .met, 3...5),
        ] as [(UInt64, Verdict, ClosedRange<UInt64>?)] {
            let answer = try answer(Drive.stamped(size, .verified("CN=tsa")))
            #expect(answer.verdict == verdict, "\(size)")
            #expect(answer.records == (covered.map { [$0] } ?? []), "\(size)")
            let count = "\(covered?.count ?? 0)"
            #expect(answer.tables[0].rows[0].cells[3] == count, "\(size)")
        }
        #expect(
            try answer(Drive.stamped(5, .verified("CN=tsa"))).text
                == "Of 3 records of the period 2 stand in trees that were stamped, as they were "
                + "verified, by tsa, first at 2030-01-02T00:00:00.000Z; no time-stamp says when "
                + "5 existed. The newest that was verified is of 2030-01-02T00:00:00.000Z, by "
                + "tsa, 3 days before this was asked."
        )
    }

    @Test func onlyWhatIsVerifiedCounts() throws {
        let listed = try answer(Drive.stamped(9, .listed, isAsked: false))
        #expect(listed.verdict == .cannotBeAnswered && listed.records.isEmpty)
        #expect(listed.text.hasPrefix("Not verified: --authority-ca"))
        #expect(listed.text.contains("All 3 records of the period"))
        let refused = try answer(Drive.stamped(9, .unaccepted("another CA")))
        #expect(refused.verdict == .cannotBeAnswered && refused.records.isEmpty)
        #expect(refused.text.contains("of 9 records by tsa: another CA"))
        for isAsked in [true, false] {
            let wrong = try answer(Drive.stamped(9, .wrong("it is forged"), isAsked: isAsked))
            #expect(wrong.verdict == .notMet && wrong.text.contains("it is forged"))
        }
        let none = try answer(ReportTimeStamps(isAsked: true))
        #expect(none.verdict == .cannotBeAnswered && none.text.contains("lists no time-stamp"))
        let unread = try answer(ReportTimeStamps(unread: "not found", isAsked: true))
        #expect(unread.verdict == .cannotBeAnswered && unread.text.contains("not found"))
    }

    /// One good time-stamp of the whole period is enough; another's that is not accepted is told.
    @Test func oneOfTwoAuthoritiesIsEnough() throws {
        var both = Drive.stamped(6, .verified("CN=tsa"))
        both.authorities += Drive.stamped(9, .unaccepted("another CA")).authorities
        let found = try answer(both)
        #expect(found.verdict == .met && found.text.contains("Not accepted: of 9 records"))
        both.leftOut = 3
        let most = try answer(both).text
        #expect(most.hasSuffix(" 3 time-stamps of further authorities were not looked at."))
        both.authorities += Drive.stamped(4, .wrong("it is forged")).authorities
        #expect(try answer(both).verdict == .notMet)
    }

    @Test func theEarliestOfThoseThatCoverIsNamed() throws {
        var both = Drive.stamped(6, .verified("CN=tsa"))
        var earlier = Drive.stamped(7, .verified("CN=other")).authorities[0].deciding
        earlier.time = "earlier"
        earlier.milliseconds = Drive.start
        both.authorities.append(ReportTimeStamps.Authority(name: "other", deciding: earlier))
        // Earlier still, and of a tree that has less of the period.
        let part = ReportTimeStamps.Stamp(
            size: TreeSize(4),
            time: "earliest",
            milliseconds: Drive.start - 1,
            standing: earlier.standing
        )
        both.authorities.append(ReportTimeStamps.Authority(name: "third", deciding: part))
        let found = try answer(both)
        #expect(found.verdict == .met)
        #expect(found.text.contains("as they were verified, by other, tsa, first at earlier."))
    }

    @Test func theFirstThatCoversDecides() {
        var found = ReportTimeStamps()
        for (name, size) in [
            ("b", 90), ("a", 80), ("b", 30), ("a", 21), ("a", 20), ("a", 15), ("c", 12), ("a", 10),
            ("a", 4),
        ] as [(String, UInt64)] {
            found.take(authority: name, size: TreeSize(size), time: "\(size)", records: 10...19)
        }
        #expect(found.authorities.map(\.name) == ["b", "a", "c"])
        #expect(found.authorities.map(\.deciding.size.value) == [30, 20, 12])
        #expect(found.authorities.map { $0.newest?.size.value } == [90, 80, nil])
        // Trees that end with record 10 to 19.
        #expect(found.authorities.map(\.count) == [0, 2, 1])
        for number in 0..<40 {
            found.take(authority: "n\(number)", size: TreeSize(11), time: "", records: 10...19)
        }
        #expect(found.authorities.count == 32 && found.leftOut == 11)
    }
}
