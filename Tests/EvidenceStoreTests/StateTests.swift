import EvidenceModel
import Platform
import Testing

@testable import EvidenceStore

/// What lies in `state/` beside the log, over starts of the whole store.
@Suite struct StateTests {
    private static let day: Int64 = 86_400

    /// A log whose clocks the test moves.
    private func fixture() throws -> (Fixture, TestClock) {
        let wall = try #require(Timestamp(milliseconds: Clock.wallMilliseconds()))
        let clock = TestClock(wall: wall)
        var configuration = StoreConfiguration()
        configuration.time = clock.source
        return (try Fixture(configuration: configuration), clock)
    }

    @Test func whatAStartTookIsGoneAlsoAfterACrash() throws {
        let (fixture, clock) = try fixture()
        let image = try TemporaryDirectory()
        // Each start dies at once, and somebody sets the clock forward before the next.
        for number in 1...4 {
            clock.jump(seconds: 3 * Self.day)
            try fixture.reopen()
            _ = try? fixture.append(fixture.submission([UInt8(number)]))
            try FileSystem.copyTree(fixture.path, to: "\(image.path)/\(number)")
        }
        let taken = ComplianceClock.maximumBudgetMilliseconds - 6 * Self.day * 1000
        let store = try EvidenceStore(
            path: "\(image.path)/2",
            keys: SigningKeys(fixture.signer),
            configuration: fixture.configuration
        ) { Issue.record("the log stopped: \($0)") }
        defer { store.close() }
        // The third jump of three days is beyond what is left; the fourth makes it six.
        // The log was made some moments after the test's clock was set.
        #expect((0..<60_000).contains(store.clock.budgetMilliseconds - taken))
        #expect(!store.clock.reading.isSettled)
        #expect(!fixture.store.clock.reading.isSettled)
    }

    @Test func aTokenThatTheLogDoesNotKnowIsRemovedAtStart() throws {
        let (fixture, _) = try fixture()
        let known = try PrincipalName("known")
        let grant = AccessGrant(
            name: known,
            role: .admin,
            rights: [],
            collections: nil,
            expires: nil
        )
        let (token, _) = try fixture.store.createToken(grant, by: .local)
        // As if the process had ended before the act was in the log.
        let lost = try PrincipalName("lost")
        let orphan = try fixture.store.credentials.create(lost)
        try fixture.reopen()
        #expect(fixture.store.credentials.name(forToken: token) == known)
        #expect(fixture.store.credentials.name(forToken: orphan) == nil)
        let again = AccessGrant(
            name: lost,
            role: .auditor,
            rights: [],
            collections: nil,
            expires: nil
        )
        #expect(throws: Never.self) { try fixture.store.createToken(again, by: .local) }
        _ = try fixture.store.revokeToken(known, by: .local)
        #expect(fixture.store.credentials.name(forToken: token) == nil)
    }

    @Test func fsckComparesTheAccessLogWithItsDigestsAndTokensWithTheLog() throws {
        let (fixture, clock) = try fixture()
        let paths = StorePaths(fixture.path)
        let auditor = try PrincipalName("auditor")
        let grant = AccessGrant(name: auditor, role: .auditor)
        _ = try fixture.store.createToken(
            AccessGrant(name: try PrincipalName("a"), role: .admin),
            by: .local
        )
        _ = try fixture.store.createToken(grant, by: .local)
        let start = fixture.store.clock.reading.compliance
        func read(_ target: String) {
            let entry = AccessEntry(
                time: fixture.store.clock.reading.compliance,
                principal: auditor,
                action: "record",
                target: target,
                status: 200,
                request: nil
            )
            #expect(fixture.store.accessLog.record(entry))
        }
        read("/v1/records/1")
        read("/v1/records/2")
        clock.run(seconds: 2 * Self.day)
        // The heartbeat of a start puts the digest of a finished day into the log.
        try fixture.reopen()
        read("/v1/records/3")
        while fixture.store.withState({ $0.lastAccessDigest == nil }) {
            Clock.sleep(milliseconds: 2)
        }
        let last = try #require(fixture.store.withState { $0.lastAccessDigest })
        #expect(last.day == String(start.rfc3339.prefix(10)))
        #expect(last.count == 2)
        try fixture.reopen {
            let findings = try fsck(fixture.path).findings
            #expect(findings == [])
        }
        try fixture.reopen {
            let first = "\(paths.access)/\(last.day).log"
            let bytes = try FileSystem.contents(first)
            try FileSystem.unlink(first)
            let isClean = try fsck(fixture.path).isClean
            #expect(!isClean)
            let file = try File(first, .create(permissions: 0o600))
            try file.write(bytes.span)
            let findings = try fsck(fixture.path).findings
            #expect(findings == [])
            try FileSystem.removeTree(paths.state)
            // Its loss is not forgiven: what was read on a day with a digest is gone.
            let report = try fsck(fixture.path)
            #expect(report.findings.contains { $0.path == paths.access && $0.severity == .damage })
            #expect(report.findings.count { $0.path == paths.credentialsFile } == 2)
        }
    }
}
