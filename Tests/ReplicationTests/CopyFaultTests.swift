import Cryptography
import EvidenceModel
import EvidenceStore
import Platform
import StoreDouble
import Testing
import TransparencyLog

@testable import Replication

/// What goes wrong between two steps of the copy, and what comes in between.
@Suite struct CopyFaultTests {
    private static func minute() throws -> LockRequest {
        LockRequest(retention: .duration(try RetentionDuration(60, .seconds)))
    }

    private static func isJournaled(_ fixture: CopyFixture) throws -> Bool {
        try fixture.service.status(of: fixture.name).replicated == fixture.store.checkpoint.size
    }

    private static func hold(_ fixture: CopyFixture, _ index: RecordIndex) throws {
        _ = try fixture.store.propose(
            .placeHold(
                try Matter("case/1"),
                .records(IndexRanges(index)),
                [try fixture.store.facts(of: index)]
            ),
            by: try CopyFixture.keeper(),
            reason: try Reason("a case")
        )
    }

    private static func release(_ fixture: CopyFixture) throws {
        _ = try fixture.store.propose(
            .releaseHold(try Matter("case/1"), nil),
            by: try CopyFixture.boss(),
            reason: try Reason("settled")
        )
    }

    private static func isHeld(_ fixture: CopyFixture) throws -> Bool {
        try fixture.service.status(of: fixture.name).pending == 0
            && fixture.versions("packs/held/").contains { try fixture.head($0.name).hold == .on }
    }

    // MARK: Locks that end

    @Test func whatIsPackedAfterItsLockHasEndedStandsAllTheSame() throws {
        let fixture = try CopyFixture()
        let indexes = try fixture.fill(3, lock: Self.minute())
        let large = try fixture.fill(1, bytes: 1_200_000, lock: Self.minute())
        fixture.bucket.fail(
            next: .max,
            [.put],
            below: "payloads/",
            with: .unavailable(detail: "injected")
        )
        #expect(
            try fixture.eventually {
                try fixture.versions("journal/").contains {
                    try fixture.contents($0.name).records[large[0]] != nil
                }
            }
        )
        fixture.advance(seconds: 3_600)
        fixture.bucket.heal()
        let status = try fixture.settle()
        #expect(status.unpacked == 0 && status.replicated == status.size)
        let packs = try fixture.versions("packs/").map { try fixture.contents($0.name) }
        #expect(indexes.allSatisfy { index in packs.contains { $0.payloads[index] != nil } })
    }

    // MARK: Large payloads

    @Test func aPayloadObjectThatIsMissingIsNotForgottenByAStart() throws {
        let fixture = try CopyFixture()
        fixture.bucket.fail(
            next: .max,
            [.put],
            below: "payloads/",
            with: .unavailable(detail: "injected")
        )
        let large = try fixture.fill(1, bytes: 1_200_000)[0]
        let small = try fixture.fill(2)
        try fixture.service.replicator(fixture.name).flush(below: fixture.store.checkpoint.size)
        let packed = {
            try fixture.versions("packs/").flatMap { entry in
                try fixture.contents(entry.name).records.keys
            }
        }
        #expect(try fixture.eventually { try Set(packed()).isSuperset(of: small) })
        // A pack that names the object comes after it.
        #expect(try !packed().contains(large))
        try fixture.reopen { fixture.bucket.heal() }
        #expect(try fixture.eventually { try !fixture.versions("payloads/").isEmpty })
        let status = try fixture.settle()
        #expect(status.unpacked == 0 && status.replicated == status.size)
        #expect(try packed().contains(large))
    }

    // MARK: Holds

    @Test func aRecordIsHeldForTheSameMatterAgain() throws {
        let fixture = try CopyFixture()
        let index = try fixture.fill(3)[1]
        _ = try fixture.settle()
        try Self.hold(fixture, index)
        #expect(try fixture.eventually { try Self.isHeld(fixture) })
        try Self.release(fixture)
        #expect(
            try fixture.eventually {
                try fixture.versions("packs/held/").allSatisfy {
                    try fixture.head($0.name).hold == .off
                }
            }
        )
        try Self.hold(fixture, index)
        #expect(try fixture.eventually { try Self.isHeld(fixture) })
    }

    @Test func aHoldThatComesWhileAnotherIsTakenOffIsInForce() throws {
        let fixture = try CopyFixture()
        let index = try fixture.fill(3)[1]
        _ = try fixture.settle()
        try Self.hold(fixture, index)
        #expect(try fixture.eventually { try Self.isHeld(fixture) })
        let (isOpen, isThere) = (Switch(), Switch())
        fixture.bucket.intercept { request in
            guard request.operation == .setLegalHold else { return }
            isThere.isOn = true
            while !isOpen.isOn { Clock.sleep(milliseconds: 5) }
        }
        try Self.release(fixture)
        #expect(fixture.eventually { isThere.isOn })
        try Self.hold(fixture, index)
        #expect(try fixture.eventually { try Self.isJournaled(fixture) })
        isOpen.isOn = true
        try fixture.care()
        #expect(try fixture.eventually { try Self.isHeld(fixture) })
    }

    @Test func aHoldThatFailsIsTriedAgainThoughTheLockWasExtended() throws {
        let fixture = try CopyFixture()
        let index = try fixture.fill(1, bytes: 1_200_000)[0]
        _ = try fixture.settle()
        let payload = try #require(try fixture.versions("payloads/").first).name
        let before = try #require(try fixture.head(payload).lock)
        fixture.bucket.fail(
            next: .max,
            [.setLegalHold],
            below: "payloads/",
            with: .unavailable(detail: "injected")
        )
        try Self.hold(fixture, index)
        let later = try #require(before.until.adding(milliseconds: 86_400_000))
        _ = try fixture.store.propose(
            .extendLock(try fixture.store.facts(of: index), LockExtension(until: later)),
            by: try CopyFixture.keeper(),
            reason: try Reason("longer")
        )
        #expect(try fixture.eventually { try fixture.head(payload).lock?.until == later })
        fixture.bucket.forgetRequests()
        #expect(
            fixture.eventually {
                fixture.bucket.requests.contains { $0.operation == .setLegalHold }
            }
        )
        #expect(
            try fixture.eventually { try fixture.service.status(of: fixture.name).pending == 1 }
        )
        fixture.bucket.heal()
        #expect(try fixture.eventually { try fixture.head(payload).hold == .on })
    }

    @Test func aHoldThatEndsBeforeItsPackIsMadeMakesNoOtherCopy() throws {
        let fixture = try CopyFixture()
        let index = try fixture.fill(3)[1]
        _ = try fixture.settle()
        fixture.bucket.fail(
            next: .max,
            [.put],
            below: "packs/",
            with: .unavailable(detail: "injected")
        )
        try Self.hold(fixture, index)
        #expect(
            try fixture.eventually { try fixture.service.status(of: fixture.name).pending == 1 }
        )
        try Self.release(fixture)
        #expect(try fixture.eventually { try Self.isJournaled(fixture) })
        fixture.bucket.heal()
        let status = try fixture.settle()
        #expect(status.unpacked == 0)
        #expect(
            try fixture.eventually { try fixture.service.status(of: fixture.name).pending == 0 }
        )
        #expect(try fixture.versions("packs/").count == 1)
    }

    // MARK: Uploads of which the reply is lost

    @Test func whatALostReplyLeftThereIsPurgedToo() throws {
        let fixture = try CopyFixture()
        let indexes = try fixture.fill(3, lock: Self.minute())
        #expect(try fixture.eventually { try Self.isJournaled(fixture) })
        fixture.bucket.fail(
            [.put],
            below: "packs/",
            with: .transport(.unknown, detail: "injected"),
            effect: .done
        )
        fixture.bucket.fail(
            next: .max,
            [.put],
            below: "packs/",
            with: .unavailable(detail: "injected")
        )
        try fixture.service.replicator(fixture.name).flush(below: fixture.store.checkpoint.size)
        #expect(try fixture.eventually { try fixture.versions("packs/").count == 1 })
        // The next try has a record more, and so another key.
        try fixture.fill(1, lock: Self.minute())
        #expect(try fixture.eventually { try Self.isJournaled(fixture) })
        fixture.bucket.heal()
        _ = try fixture.settle()
        #expect(try fixture.versions("packs/").count == 2)
        fixture.advance(seconds: 3_600)
        let facts = try indexes.map { try fixture.store.facts(of: $0) }
        _ = try fixture.store.propose(.erase(facts), by: .system, reason: nil)
        fixture.advance(seconds: 31 * 86_400)
        try fixture.fill(300)
        _ = try fixture.settle()
        #expect(
            try fixture.eventually {
                try fixture.care()
                return try fixture.service.status(of: fixture.name).unpurged == 0
            }
        )
        for entry in try fixture.versions("packs/") + fixture.versions("journal/") {
            let payloads = try fixture.contents(entry.name).payloads
            #expect(indexes.allSatisfy { payloads[$0] == nil }, "\(entry.name.key)")
        }
    }

    @Test func aWholeJournalObjectMayExceedTheLimit() throws {
        let fixture = try CopyFixture()
        try fixture.fill(10, bytes: 1_000_000)
        let size = fixture.store.checkpoint.size
        let end = try #require(fixture.store.clock.reading.granting.roundedUpToSecond())
        for isWhole in [true, false] {
            let job = JournalJob(first: RecordIndex(0), end: size, isWhole: isWhole)
            let (contents, _) = try job.make(fixture.store, lockedUntil: end)
            #expect((contents.size == size) == isWhole)
        }
    }

    // MARK: Acknowledgements

    private static func dual(_ fixture: CopyFixture) throws {
        _ = try fixture.settle()
        _ = try fixture.service.change(
            fixture.name,
            to: .dual,
            by: try CopyFixture.boss(),
            reason: try Reason("now")
        )
    }

    @Test func nothingIsAcknowledgedForACopyThatCannotBegin() throws {
        let fixture = try CopyFixture()
        try fixture.fill(1)
        try Self.dual(fixture)
        fixture.cannotOpen.isOn = true
        fixture.configuration.acknowledgementSeconds = 1
        try fixture.reopen()
        #expect(throws: StoreError.self) { try fixture.fill(1) }
    }

    @Test func whoComesAfterTheCopyHasStoppedIsAnswered() throws {
        let fixture = try CopyFixture()
        try fixture.fill(1)
        try Self.dual(fixture)
        fixture.service.stop()
        #expect(throws: StoreError.self) { try fixture.fill(1) }
    }

    // MARK: Other nodes

    /// Another node that went on with the log.
    private static func goOn(_ fixture: CopyFixture) throws {
        let root = MerkleTree.leafHash([1, 2, 3].span)
        let checkpoint = try Checkpoint(
            origin: fixture.store.description.origin,
            size: TreeSize(1_000_000),
            root: root
        )
        let note = try SignedCheckpoint.sign(checkpoint, by: fixture.signer).encoded
        _ = try MemoryStore(fixture.bucket).put(
            PutRequest(key: ObjectLayout.checkpoint, bytes: Array(note.utf8))
        )
    }

    private static func isFenced(_ fixture: CopyFixture) throws -> Bool {
        if case .fenced = try fixture.service.status(of: fixture.name).health {
            true
        } else {
            false
        }
    }

    @Test func aBucketThatIsAwayAtTheStartIsAskedLater() throws {
        let fixture = try CopyFixture { $0.startSeconds = 0 }
        try fixture.fill(3)
        _ = try fixture.settle()
        fixture.service.stop()
        try Self.goOn(fixture)
        fixture.bucket.fail(next: .max, with: .unavailable(detail: "injected"))
        try fixture.reopen()
        try fixture.fill(1)
        fixture.bucket.heal()
        #expect(
            fixture.eventually {
                do throws(StoreError) {
                    _ = try fixture.store.propose(
                        .census(before: RecordIndex(0), [:]),
                        by: .system,
                        reason: nil
                    )
                } catch .unavailable {
                    return true
                } catch {}
                return false
            }
        )
        #expect(try fixture.eventually { try Self.isFenced(fixture) })
    }

    @Test func anotherNodesJournalObjectFences() throws {
        let fixture = try CopyFixture()
        try fixture.fill(3)
        _ = try fixture.settle()
        let size = fixture.store.checkpoint.size.value
        for count in UInt64(1)...8 {
            var request = PutRequest(
                key: ObjectLayout.journal(first: RecordIndex(size), count: count),
                bytes: [1, 2, 3]
            )
            request.lock = ObjectLock(
                mode: .compliance,
                until: try #require(
                    fixture.bucket.now.adding(milliseconds: 60_000)?.roundedUpToSecond()
                )
            )
            _ = try MemoryStore(fixture.bucket).put(request)
        }
        try Self.goOn(fixture)
        try fixture.fill(1)
        #expect(try fixture.eventually { try Self.isFenced(fixture) })
    }

    @Test func whoIsFencedStaysSo() throws {
        let fixture = try CopyFixture()
        let replicator = try fixture.service.replicator(fixture.name)
        replicator.update { $0.health = .fenced("another node") }
        replicator.update { $0.health = .failing("the store is away") }
        replicator.update { $0.health = .running }
        #expect(try Self.isFenced(fixture))
    }
}
