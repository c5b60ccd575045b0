import Cryptography
import EvidenceModel
import EvidenceStore
import Platform
import StoreDouble
import Testing
import TransparencyLog

@testable import Replication

/// A node from the bucket alone.
@Suite struct RestorationTests {
    /// A log with everything that there is, all of it in the bucket.
    private func filled() throws -> CopyFixture {
        let fixture = try CopyFixture()
        try fixture.fill(300)
        try fixture.fill(30, isSealed: true)
        try fixture.fill(2, bytes: 1_300_000)
        try fixture.fill(1, bytes: 1_300_000, isSealed: true)
        try fixture.fill(3, bytes: 0)
        _ = try fixture.settle()
        return fixture
    }

    private func failure(
        _ fixture: CopyFixture,
        key: VerifierKey? = nil
    ) -> RestorationError? {
        do throws(RestorationError) {
            _ = try RestoredLog().restore(fixture, key: key)
            return nil
        } catch { return error }
    }

    private func isUnverified(_ error: RestorationError?) -> Bool {
        if case .unverified? = error { true } else { false }
    }

    @Test func everythingComesBack() throws {
        let fixture = try filled()
        let records = [RecordIndex(5), RecordIndex(320)]
        let facts = try records.map { index in try fixture.store.facts(of: index) }
        let boss = try CopyFixture.boss()
        let reason = try Reason("a test")
        let until = try #require(Timestamp(rfc3339Seconds: "2099-01-01T00:00:00Z"))
        _ = try fixture.store.propose(
            .extendLock(facts[0], LockExtension(until: until)),
            by: boss,
            reason: reason
        )
        let matter = try Matter("case/7")
        _ = try fixture.store.propose(
            .placeHold(matter, .records(IndexRanges(records)), facts),
            by: boss,
            reason: reason
        )
        let status = try fixture.settle()
        let receipt = try fixture.store.receipt(for: records[1])
        let restored = RestoredLog()
        let report = try restored.restore(fixture)
        #expect(report.missing.isEmpty && report.findings.isEmpty, "\(report.findings)")
        #expect(report.payloads == 336 && report.erased == 0)
        guard case .refused = report.signing else {
            Issue.record("nothing says that nothing newer was signed")
            return
        }
        #expect(try restored.damage() == [])
        let store = try restored.open()
        #expect(store.readOnly != nil)
        #expect(store.checkpoint.size == status.size)
        #expect(store.checkpoint.note == fixture.store.checkpoint.note)
        try expectEqual(store, fixture.store, upTo: status.size.value)
        #expect(try store.receipt(for: records[1]).encodedJSON == receipt.encodedJSON)
        for index in records {
            let (found, expected) = try (
                store.lockReport(of: index), fixture.store.lockReport(of: index)
            )
            #expect("\(found)" == "\(expected)")
        }
        #expect(throws: StoreError.self) { try store.checkReadiness() }
        #expect(throws: StoreError.self) {
            try store.propose(.close, by: boss, reason: reason)
        }
        store.close()
        #expect(try restored.damage() == [])
    }

    /// The journal still has what packs no longer have.
    @Test func whatWasErasedIsNotBroughtBack() throws {
        let fixture = try CopyFixture()
        try fixture.fill(20)
        let seconds = LockRequest(retention: .duration(try RetentionDuration(60, .seconds)))
        let due = try fixture.fill(6, lock: seconds, collection: "short")
        let hidden = try fixture.fill(6, lock: seconds, collection: "short", isSealed: true)
        _ = try fixture.settle()
        let gone = try (due + hidden).map { try payload($0, of: fixture.store) }
        fixture.advance(seconds: 3_600)
        let facts = try (due + hidden).map { try fixture.store.facts(of: $0) }
        _ = try fixture.store.propose(.erase(facts), by: .system, reason: nil)
        #expect(fixture.eventually { fixture.store.withState { $0.unpurged.isEmpty } })
        _ = try fixture.settle()
        let restored = RestoredLog()
        let report = try restored.restore(fixture)
        #expect(report.erased == 12 && report.missing.isEmpty)
        for bytes in gone { #expect(try !restored.holds(bytes)) }
        #expect(try restored.damage() == [])
        let store = try restored.open()
        for index in due + hidden {
            #expect(throws: StoreError.self) { try store.payload(at: index) }
            #expect(try store.record(at: index).opening == nil)
            #expect(try store.certificate(for: index) != nil)
        }
        store.close()
    }

    @Test func aClosedLogMayGoOn() throws {
        let fixture = try filled()
        _ = try fixture.store.propose(
            .close,
            by: try CopyFixture.boss(),
            reason: try Reason("a test")
        )
        _ = try fixture.settle()
        let restored = RestoredLog()
        #expect(try restored.restore(fixture).signing == .allowed("its last record is log.closed"))
        let store = try restored.open(fixture.signer)
        #expect(store.readOnly == nil)
        store.close()
        // And it can be looked at without its key.
        let shown = try restored.open()
        #expect(shown.readOnly != nil)
        shown.close()
    }

    @Test func withTheNewestCheckpointItGoesOn() throws {
        let fixture = try filled()
        let note = fixture.store.checkpoint.note
        let restored = RestoredLog()
        guard case .allowed = try restored.restore(fixture, atLeast: note).signing else {
            Issue.record("the checkpoint is covered")
            return
        }
        let store = try restored.open(fixture.signer)
        let size = store.checkpoint.size.value
        _ = try store.propose(
            .placeHold(
                Matter("m"),
                .records(IndexRanges(RecordIndex(7))),
                [
                    store.facts(of: RecordIndex(7))
                ]
            ),
            by: try CopyFixture.boss(),
            reason: try Reason("a test")
        )
        #expect(store.checkpoint.size.value > size)
        store.close()
        #expect(try restored.damage() == [])
    }

    @Test func aNewerCheckpointThanTheBucketsIsNotCovered() throws {
        let fixture = try filled()
        fixture.service.stop()
        try fixture.fill(3)
        let newest = fixture.store.checkpoint
        let refused = RestoredLog()
        let why = try #require(refused.whatIsLacking(fixture, atLeast: newest.note))
        #expect(why.contains("\(newest.size)"))
        #expect(try !FileSystem.exists(refused.path))
    }

    @Test func aLaggingBucketIsRefused() throws {
        let fixture = try filled()
        let last = try fixture.versions("journal/").map(\.name).max { left, right in
            left.key < right.key
        }
        fixture.bucket.vanish(try #require(last))
        let error = failure(fixture)
        guard case .lagging? = error else {
            Issue.record("it was not refused: \(String(describing: error))")
            return
        }
    }

    /// A journal object that the newest records stand in alone: what is wrong with it is told.
    @Test func aDamagedJournalIsNamed() throws {
        let fixture = try filled()
        let last = try fixture.versions("journal/").map(\.name).max { left, right in
            left.key < right.key
        }
        let name = try #require(last)
        fixture.bucket.flipBit(of: name, at: 60)
        guard case .lagging(let why)? = failure(fixture) else {
            Issue.record("it was not refused")
            return
        }
        #expect(why.contains(name.key.text))
    }

    @Test func anotherKeyIsRefused() throws {
        let fixture = try filled()
        let key = try NoteSigner(
            name: fixture.signer.name,
            privateKey: .generate()
        ).verifierKey
        #expect(isUnverified(failure(fixture, key: key)))
    }

    /// What is known of a log is a key that signed what its bucket names last.
    @Test func aRotatedLogComesBackByItsPresentKey() throws {
        let fixture = try CopyFixture()
        try fixture.fill(300)
        _ = try fixture.settle()
        _ = try fixture.store.rotateKey(
            overlap: RetentionDuration(1, .seconds),
            by: CopyFixture.boss(),
            reason: Reason("a test")
        )
        fixture.time.advance(milliseconds: 2_000)
        try fixture.fill(300)
        _ = try fixture.settle()
        let (old, new) = (fixture.store.verifierKeys[0], fixture.store.verifierKeys[1])
        #expect(isUnverified(failure(fixture, key: old)))
        let restored = RestoredLog()
        let report = try restored.restore(fixture, key: new)
        #expect(report.checkpoint.signers == [new])
        #expect(try restored.damage().isEmpty)
        let copy = try restored.open()
        defer { copy.close() }
        #expect(copy.verifierKeys == [old, new])
        let size = report.checkpoint.checkpoint.size.value
        try expectEqual(copy, fixture.store, upTo: size)
    }

    @Test func changedRecordsAreNoticed() throws {
        let fixture = try filled()
        let bundle = try #require(try fixture.versions("log/tile/entries/").first)
        fixture.bucket.flipBit(of: bundle.name, at: 5_000)
        #expect(failure(fixture) != nil)
    }

    /// What comes later under a key is not what was written.
    @Test func laterVersionsAndDeleteMarkersAreOfNoMeaning() throws {
        let fixture = try filled()
        for (number, entry) in try fixture.versions().enumerated()
        where entry.name.key.text != "log/checkpoint" {
            if number.isMultiple(of: 2) {
                _ = fixture.bucket.mark(entry.name.key)
            } else {
                _ = fixture.bucket.overwrite(entry.name.key, with: Array("other".utf8))
            }
        }
        let restored = RestoredLog()
        let report = try restored.restore(fixture)
        #expect(report.missing.isEmpty && report.findings.isEmpty, "\(report.findings)")
        #expect(try restored.damage() == [])
    }

    /// The journal has what a damaged pack has lost; a payload's own object has no second copy.
    @Test func damagedPayloadsAreNamed() throws {
        let fixture = try filled()
        for entry in try fixture.versions("packs/") {
            fixture.bucket.flipBit(of: entry.name, at: 100)
        }
        let first = RestoredLog()
        let report = try first.restore(fixture)
        #expect(report.missing.isEmpty && !report.findings.isEmpty)
        #expect(try first.damage() == [])

        let large = try #require(try fixture.versions("payloads/").first)
        fixture.bucket.flipBit(of: large.name, at: 1_000)
        let second = RestoredLog()
        let worse = try second.restore(fixture)
        #expect(worse.missing.count == 1)
        #expect(try second.damage().count == 1)
    }

    /// What was signed is published before the bucket has it: only the acknowledgement waits.
    @Test func aPhaseThatWaitsForTheBucketIsNoProof() throws {
        let fixture = try filled()
        let checkpoint = fixture.store.checkpoint
        _ = try fixture.store.propose(
            .changePhase(
                TargetPhaseChange(
                    target: fixture.name,
                    from: .local,
                    to: .dual,
                    size: checkpoint.size,
                    localRoot: checkpoint.root,
                    targetRoot: checkpoint.root
                )
            ),
            by: try CopyFixture.boss(),
            reason: try Reason("a test")
        )
        _ = try fixture.settle()
        guard case .refused = try RestoredLog().restore(fixture).signing else {
            Issue.record("a newer checkpoint may have been served")
            return
        }
    }
}
