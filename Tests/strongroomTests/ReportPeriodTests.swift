import EvidenceModel
import Testing
import TransparencyLog

@testable import strongroom

/// What a report says of the end of its period, and of what it cannot tell in full.
@Suite struct ReportPeriodTests {
    private typealias Drive = ReportDrive

    private func answer(_ id: String, _ drive: ReportDrive) throws -> ReportAnswer {
        let report = Report(drive.facts(), try Drive.alone())
        return try #require(report.answers.first { $0.question.id == id }).answer
    }

    private func token(_ name: String, until day: Int64, less: Int64 = 0) throws -> Act {
        let grant = AccessGrant(
            name: try PrincipalName(name),
            role: .auditor,
            expires: try Drive.time(day * Drive.day - less)
        )
        return .accessChanged(.created(grant))
    }

    /// What expires between the last record and the end of the period is not in force by then.
    @Test func tokensEndByThemselves() throws {
        var drive = try Drive(from: 0, to: 10)
        try drive.act(try token("inside", until: 5))
        try drive.act(try token("just-inside", until: 10, less: 1))
        try drive.act(try token("border", until: 10))
        try drive.act(try token("behind", until: 11))
        func inForce(_ drive: ReportDrive) throws -> [String] {
            try answer("tokens", drive).tables[1].rows.map { $0.cells[0] }.sorted()
        }
        // The log does not tell yet what came later.
        #expect(try inForce(drive) == ["behind", "border", "inside", "just-inside"])
        drive.now += 12 * Drive.day
        try drive.put(Drive.lock(.compliance, days: 4_000))
        #expect(try inForce(drive) == ["behind", "border"])
    }

    @Test func keysEndByThemselves() throws {
        var drive = try Drive(from: 0, to: 40)
        try drive.rotate()
        let both = try answer("keys", drive).tables.last
        #expect(both?.rows.count == 2)
        drive.now += 50 * Drive.day
        try drive.put(Drive.lock(.compliance, days: 4_000))
        let one = try answer("keys", drive).tables.last
        #expect(one?.rows.count == 1)
    }

    /// A sealed piece that was erased in another collection is no matter of this one.
    @Test(arguments: ["a", "b"]) func hiddenErasuresAreOfTheirCollection(
        _ collection: String
    ) throws {
        var drive = try Drive(collection: collection)
        let lock = try Drive.lock(.compliance, days: 1)
        try drive.put(lock, in: "a", isSealed: true)
        try drive.put(lock, in: "b")
        try drive.act(
            .holdPlaced(
                try Matter("case/2"),
                .selection(
                    try Selection(collection: CollectionName("a"), namePrefix: "x"),
                    before: RecordIndex(drive.next),
                    count: 0,
                    digest: SelectionDigest().finalize(),
                    isStanding: false
                )
            )
        )
        drive.now += 2 * Drive.day
        try drive.erase(1)
        try drive.erase(2)
        #expect(drive.finding == nil)
        let kept = try answer("holds-kept", drive)
        #expect(kept.verdict == (collection == "a" ? .cannotBeAnswered : .met))
    }

    @Test func whoActedIsNotToldInPart() throws {
        var drive = try Drive()
        for number in 0..<9 { try drive.act(try token("t\(number)", until: 9), by: "p\(number)") }
        let trail = try #require(try answer("trail", drive).tables.first)
        let row = try #require(trail.rows.first { $0.cells[0] == "access.changed" })
        #expect(row.cells[2] == "p0, p1, p2, p3, p4, p5, p6, p7 and others")
        var many = try Drive()
        for number in 0..<201 { try many.act(try token("t\(number)", until: 9)) }
        let long = try #require(try answer("trail", many).tables.first)
        #expect(long.rows.last?.cells[2] == "ada, perhaps others")
    }

    /// All that is due stands in the answer's records, not only what the table shows.
    @Test func allThatIsDueIsNamed() throws {
        var drive = try Drive()
        for _ in 0..<300 { try drive.put(Drive.lock(.compliance, days: 1)) }
        drive.now += 2 * Drive.day
        try drive.policy()
        let due = try answer("due", drive)
        #expect(due.records == [1...300])
        #expect(due.tables[0].rows.count == 200 && due.tables[0].leftOut == 100)
    }

    /// Acts of several kinds come in the order of the log, and the first are shown.
    @Test func severalKindsAreInOneOrder() throws {
        var drive = try Drive()
        try drive.target()
        for number in 0..<150 { try drive.policy("c\(number)") }
        try drive.phase()
        for number in 150..<250 { try drive.policy("c\(number)") }
        let found = try answer("configuration", drive)
        let table = try #require(found.tables.first)
        #expect(table.rows.compactMap { $0.index?.value } == Array(1...200))
        #expect(table.leftOut == 52 && found.records == [1...252])
    }

    @Test func aFailedProbeSaysWhenAndWho() throws {
        var drive = try Drive()
        try drive.target()
        try drive.probe(.ignored)
        let found = try answer("incidents", drive)
        let row = try #require(found.tables.first?.rows.first)
        #expect(
            row.cells == [
                try Drive.time(0).rfc3339, "strongroom", "a target does not enforce all rules",
                "because",
            ]
        )
    }
}
