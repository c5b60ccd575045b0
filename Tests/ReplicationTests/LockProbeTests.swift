import EvidenceModel
import Replication
import StoreDouble
import Testing

@Suite struct LockProbeTests {
    private let bucket = MemoryBucket()

    init() throws {
        bucket.setClock(try time("2026-01-01T00:00:00Z"))
    }

    private func probe(
        writing: Set<StoreOperation> = StoreOperation.writing,
        deleting: Set<StoreOperation>? = StoreOperation.deleting
    ) -> LockProbe {
        let bucket = bucket
        return LockProbe(
            MemoryStore(bucket, prefix: "p/", allowing: writing),
            deleting: deleting.map { MemoryStore(bucket, prefix: "p/", allowing: $0) },
            clock: ProbeClock(
                now: { bucket.now },
                sleep: { bucket.advance(milliseconds: Int64($0)) }
            )
        )
    }

    @Test func aStrictStoreIsCompliantAndLeftTidy() throws {
        let report = try probe().run()
        #expect(report.isCompliant, "\(report)")
        #expect(report.hasConditions && report.hasChecksums)
        #expect(report.detail == nil)
        #expect(bucket.versions().isEmpty)
    }

    /// Each rule that is off is named, and no other.
    @Test(arguments: [
        (StoreRule.deleteLocked, ProbeReport.Rule.deleteLocked), (.deleteHeld, .deleteHeld),
        (.deleteMixed, .deleteMixed), (.shortenLock, .shortenLock), (.weakenMode, .weakenMode),
        (.lockTold, .lockTold),
    ])
    func aRuleThatIsOffIsNamed(off: StoreRule, named: ProbeReport.Rule) throws {
        bucket.ignoring = [off]
        let report = try probe().run()
        #expect(!report.isCompliant)
        for rule in ProbeReport.Rule.allCases {
            let expected: ProbeReport.Finding = rule == named ? .ignored : .enforced
            #expect(report.findings[rule] == expected, "\(rule): \(report)")
        }
        #expect(report.detail != nil)
        #expect(report.hasConditions && report.hasChecksums)
        #expect(bucket.versions().isEmpty)
    }

    /// Locks that are dropped at the upload, or versions that are not kept: whatever is tried.
    @Test(arguments: [StoreRule.lockKept, .versionsKept])
    func moreThanOneRuleMayFail(off: StoreRule) throws {
        bucket.ignoring = [off]
        if off == .versionsKept { bucket.setUp(versioning: .never) }
        let report = try probe().run()
        #expect(report.findings[.lockTold] == .ignored)
        #expect(!report.isCompliant)
    }

    @Test(arguments: [
        StoreRule.absentCondition, .matchingCondition, .checksumVerified, .checksumTold,
    ])
    func whatIsNoLockIsToldApart(off: StoreRule) throws {
        bucket.ignoring = [off]
        let report = try probe().run()
        #expect(report.isCompliant)
        let isCondition = off == .absentCondition || off == .matchingCondition
        #expect(report.hasConditions == !isCondition)
        #expect(report.hasChecksums == isCondition)
    }

    /// A refusal of credentials that may delete nothing says nothing of locks.
    @Test func credentialsWithoutDeletionProveNothing() throws {
        let report = try probe(deleting: nil).run()
        for rule in [ProbeReport.Rule.deleteLocked, .deleteHeld, .deleteMixed] {
            #expect(report.findings[rule] == .unknown)
        }
        for rule in [ProbeReport.Rule.shortenLock, .weakenMode, .lockTold] {
            #expect(report.findings[rule] == .enforced)
        }
        #expect(try #require(report.detail).contains("deletion cannot be tried"))
    }

    /// Nor does one of credentials that may not change locks.
    @Test func credentialsWithoutLockingProveNothing() throws {
        let report = try probe(writing: StoreOperation.writing.subtracting([.setRetention])).run()
        #expect(report.findings[.shortenLock] == .unknown)
        #expect(report.findings[.weakenMode] == .unknown)
        #expect(report.findings[.deleteLocked] == .enforced)
        #expect(try #require(report.detail).contains("shorten-lock cannot be tried"))
    }

    /// The store is slower than the locks last: what went then says nothing.
    @Test func lateDeletionsProveNothing() throws {
        let bucket = bucket
        bucket.intercept { request throws(StoreFailure) in
            guard request.operation == .delete || request.operation == .deleteMany else { return }
            bucket.advance(milliseconds: 60_000)
        }
        let report = try probe().run()
        #expect(!report.isCompliant)
        #expect(!report.findings.values.contains(.ignored), "\(report)")
    }

    /// The store's clock is behind: the held object is tried when its lock has ended *there*.
    @Test func theStoresClockCounts() throws {
        let bucket = bucket
        let store = MemoryStore(bucket)
        bucket.ignoring = [.deleteHeld]
        let behind = LockProbe(
            store,
            deleting: nil,
            clock: ProbeClock(
                now: { bucket.now.adding(milliseconds: 9_000) ?? .latest },
                sleep: { bucket.advance(milliseconds: Int64($0)) }
            )
        )
        #expect(try behind.run().findings[.deleteHeld] == .ignored)
    }

    @Test func whatKeepsItFromTryingIsThrown() throws {
        let fault = StoreFailure.unavailable(detail: "x")
        for operation in [StoreOperation.put, .delete, .setRetention, .head, .retention] {
            bucket.fail([operation], with: fault)
            #expect(throws: fault) { try probe().run() }
            bucket.heal()
        }
    }

    /// What an earlier run had to leave behind.
    @Test func leftoversAreRemovedLater() throws {
        bucket.fail([.deleteMany], with: .unavailable(detail: "x"))
        #expect(throws: StoreFailure.self) { try probe().run() }
        #expect(!bucket.versions().isEmpty)
        bucket.advance(milliseconds: 7_200_000)
        #expect(try probe().run().isCompliant)
        #expect(bucket.versions().isEmpty)
    }
}
