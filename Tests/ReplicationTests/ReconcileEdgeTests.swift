import EvidenceModel
import EvidenceStore
import Platform
import StoreDouble
import Testing
import TransparencyLog

@testable import Replication

/// What a comparison meets besides damage: locks that are over, the register, objects of others.
@Suite struct ReconcileEdgeTests {
    /// A store takes no lock that has ended, and an object without one is no copy.
    @Test func aPackWhoseLockIsOverIsLockedShortly() throws {
        let fixture = try CopyFixture()
        let short = LockRequest(retention: .duration(try RetentionDuration(60, .seconds)))
        let indexes = try fixture.fill(10, lock: short)
        _ = try fixture.settle()
        fixture.advance(seconds: 3_600)
        let pack = try #require(fixture.bucket.versions(below: "packs/").first)
        fixture.bucket.vanish(pack.name)
        let report = try fixture.service.reconcile(fixture.name, repairing: true) { _ in }
        #expect(report.findings.map(\.what) == [pack.name.key.text])
        #expect(report.findings.allSatisfy { $0.isRepaired }, "\(report.findings)")
        let anew = try #require(fixture.bucket.versions(below: "packs/").first)
        #expect(anew.name.key == pack.name.key && anew.bytes == pack.bytes)
        let now = fixture.store.clock.reading.granting
        #expect(try #require(anew.lock).until > now)
        #expect(anew.lock?.mode == pack.lock?.mode)
        // And it is purged as any other.
        fixture.advance(seconds: 3_600)
        let facts = try indexes.map { try fixture.store.facts(of: $0) }
        _ = try fixture.store.propose(.erase(facts), by: .system, reason: nil)
        #expect(fixture.eventually { fixture.bucket.versions(below: "packs/").isEmpty })
    }

    /// The register is no object of the ledger, and has no lock.
    @Test func aRegisterThatIsGoneIsWrittenAnew() throws {
        let fixture = try CopyFixture()
        try fixture.fill(3)
        _ = try fixture.settle()
        let note = fixture.bucket.bytes(of: ObjectLayout.checkpoint)
        func expectRepair() throws {
            let found = try fixture.service.reconcile(fixture.name, repairing: false) { _ in }
            #expect(found.findings.map(\.what) == ["log/checkpoint"])
            #expect(fixture.bucket.bytes(of: ObjectLayout.checkpoint) != note)
            let report = try fixture.service.reconcile(fixture.name, repairing: true) { _ in }
            #expect(report.findings.map(\.isRepaired) == [true], "\(report.findings)")
            #expect(fixture.bucket.bytes(of: ObjectLayout.checkpoint) == note)
        }
        fixture.bucket.mark(ObjectLayout.checkpoint)
        try expectRepair()
        #expect(!fixture.bucket.versions().contains { $0.isDeleteMarker })
        fixture.bucket.vanish(ObjectLayout.checkpoint)
        try expectRepair()
        // An older one is this log's, too.
        let older = try fixture.store.signedCheckpoint(at: TreeSize(2)).note
        fixture.bucket.overwrite(ObjectLayout.checkpoint, with: Array(older.utf8))
        try expectRepair()
    }

    /// What another node with the same key has left is told, and is neither taken over nor removed.
    @Test func journalObjectsOfAnotherNodeAreStrays() throws {
        let fixture = try CopyFixture()
        let indexes = try fixture.fill(8)
        _ = try fixture.settle()
        let (first, last) = (indexes[2], indexes[4])
        let note = try fixture.store.signedCheckpoint(at: TreeSize(last.value + 1)).note
        func journal(_ first: RecordIndex, other: RecordIndex?, origin: String) throws -> [UInt8] {
            let range = (first.value...last.value).map { RecordIndex($0) }
            let entries = range.map { PackEntry(index: $0, content: .none) }
            let now = fixture.store.clock.reading.granting
            let writer = try PackWriter(
                .journal(origin: origin, first: first, entries),
                indexTime: now,
                to: .memory
            )
            for index in range {
                var bytes = try fixture.store.recordBytes(at: index)
                if index == other { bytes[bytes.count - 3] ^= 1 }
                try writer.append(index: index, record: bytes.span, received: now, opening: nil)
            }
            try writer.checkpoint(note)
            return try writer.finish().bytes
        }
        let origin = fixture.store.description.origin
        let key = ObjectLayout.journal(first: first, count: 3)
        let version = fixture.bucket.overwrite(
            key,
            with: try journal(first, other: indexes[3], origin: origin)
        )
        let own = ObjectLayout.journal(first: indexes[3], count: 2)
        fixture.bucket.overwrite(own, with: try journal(indexes[3], other: nil, origin: origin))
        let foreign = ObjectLayout.journal(first: indexes[4], count: 1)
        fixture.bucket.overwrite(foreign, with: try journal(indexes[4], other: nil, origin: "x/y"))
        fixture.bucket.overwrite(try #require(ObjectKey("journal/junk")), with: [1, 2, 3])
        let before = fixture.bucket.versions().filter { $0.name.key != ObjectLayout.checkpoint }
        let report = try fixture.service.reconcile(fixture.name, repairing: true) { _ in }
        #expect(report.findings.isEmpty, "\(report.findings)")
        let said = Dictionary(uniqueKeysWithValues: report.strays.map { ($0.what, $0.problem) })
        #expect(said.count == 4)
        let other = try #require(said[key.text])
        #expect(other.contains("another node") && other.contains("record \(indexes[3])"))
        #expect(report.strays.contains { $0.what == key.text && $0.version == version.text })
        #expect(said[own.text]?.contains("those of this log") == true)
        #expect(said[foreign.text]?.contains("x/y") == true)
        #expect(said["journal/junk"] != nil)
        let after = fixture.bucket.versions().filter { $0.name.key != ObjectLayout.checkpoint }
        #expect(after == before)
    }

    /// A node that lost the race has nothing that the copy should be repaired from.
    @Test func whoIsFencedRepairsNothing() throws {
        let fixture = try CopyFixture()
        try fixture.fill(3)
        _ = try fixture.settle()
        let pack = try #require(fixture.bucket.versions(below: "packs/").first)
        fixture.bucket.vanish(pack.name)
        try fixture.service.replicator(fixture.name).update { $0.health = .fenced("another node") }
        let found = try fixture.service.reconcile(fixture.name, repairing: false) { _ in }
        #expect(found.findings.map(\.what) == [pack.name.key.text])
        #expect {
            _ = try fixture.service.reconcile(fixture.name, repairing: true) { _ in }
        } throws: { error in
            "\(error)".contains("another node") && "\(error)".contains("target-fenced.md")
        }
        #expect(fixture.bucket.versions(below: "packs/").isEmpty)
    }

    /// A comparison may take hours; neither a stop nor a second one waits for it.
    @Test func aComparisonEndsWhenTheServiceStops() throws {
        let fixture = try CopyFixture()
        try fixture.fill(3)
        _ = try fixture.settle()
        let (begun, outcome) = (Switch(), Mutex<String?>(nil))
        let (service, name) = (fixture.service, fixture.name)
        let gate = Switch()
        let thread = Thread(name: "comparison") {
            do {
                _ = try service.reconcile(name, repairing: false) { _ in
                    begun.isOn = true
                    while !gate.isOn { Clock.sleep(milliseconds: 1) }
                }
                outcome.withLock { $0 = "done" }
            } catch {
                outcome.withLock { $0 = "\(error)" }
            }
        }
        #expect(fixture.eventually { begun.isOn })
        #expect(throws: TargetError.self) {
            _ = try service.reconcile(name, repairing: false) { _ in }
        }
        #expect(throws: TargetError.self) {
            _ = try service.remove(name, by: try CopyFixture.boss(), reason: try Reason("r"))
        }
        let stopper = Thread(name: "stopper") { service.stop() }
        #expect(fixture.eventually { service.isStopping })
        gate.isOn = true
        stopper.join()
        thread.join()
        #expect(outcome.withLock { $0 }?.contains("stopping") == true)
        try fixture.reopen()
        let report = try fixture.service.reconcile(name, repairing: false) { _ in }
        #expect(report.findings.isEmpty, "\(report.findings)")
    }

    /// A pack names the object of a large payload as replication did, of two the stronger.
    @Test func aPackThatMovedForALargePayloadIsMadeAsItWas() throws {
        let fixture = try CopyFixture()
        let store = fixture.store
        let lock = LockRequest(mode: .governance)
        let index = try fixture.fill(1, bytes: 1_200_000, lock: lock)[0]
        _ = try fixture.settle()
        let until = try #require(
            try store.lockReport(of: index).standing.lock.until.adding(milliseconds: 86_400_000)
        )
        _ = try store.propose(
            .extendLock(try store.facts(of: index), LockExtension(until: until, mode: .compliance)),
            by: try CopyFixture.keeper(),
            reason: try Reason("stronger")
        )
        #expect(
            try fixture.eventually {
                try fixture.service.status(of: fixture.name).pending == 0
                    && !fixture.versions("packs/extended/").isEmpty
                    && fixture.versions("payloads/").count == 2
            }
        )
        _ = try fixture.settle()
        func objects() -> [StoredVersion] {
            fixture.bucket.versions().filter { $0.name.key != ObjectLayout.checkpoint }
        }
        let before = objects()
        for version in before { fixture.bucket.vanish(version.name) }
        let report = try fixture.service.reconcile(fixture.name, repairing: true) { _ in }
        #expect(report.findings.allSatisfy { $0.isRepaired }, "\(report.findings)")
        let after = objects()
        #expect(after.map(\.name.key) == before.map(\.name.key))
        for (old, new) in zip(before, after) where old.name.key.text.hasPrefix("p") {
            #expect(old.bytes == new.bytes)
        }
        let found = try fixture.service.reconcile(fixture.name, repairing: false) { _ in }
        #expect(found.findings.isEmpty && found.strays.isEmpty, "\(found)")
    }

    /// A node that was restored knows its objects from the bucket itself.
    @Test func whatWasAdoptedIsNoStray() throws {
        let fixture = try CopyFixture()
        try fixture.fill(300)
        try fixture.fill(1, bytes: 1_200_000)
        _ = try fixture.settle()
        try fixture.reopen {
            for suffix in ["", "-lock"] {
                let path = "\(fixture.path)/state/targets/\(fixture.name).mdb\(suffix)"
                try FileSystem.unlinkIfPresent(path)
            }
        }
        _ = try fixture.settle()
        let report = try fixture.service.reconcile(fixture.name, repairing: false) { _ in }
        #expect(report.findings.isEmpty && report.strays.isEmpty, "\(report)")
        #expect(report.checkedObjects > 4)
    }

    /// An upload that another's object has refused is forgotten, or no purge would be complete.
    @Test func anUploadThatWasRefusedByAStrayIsForgotten() throws {
        let fixture = try CopyFixture()
        try fixture.fill(3)
        _ = try fixture.settle()
        let size = fixture.store.checkpoint.size.value
        let key = ObjectLayout.journal(first: RecordIndex(size), count: 1)
        fixture.bucket.overwrite(key, with: [1, 2, 3])
        try fixture.fill(1)
        let isPlanned = { () throws -> Bool in
            let ledger = try fixture.service.replicator(fixture.name).ledger
            return try ledger.entries().contains { $0.key == key }
        }
        #expect(try fixture.eventually(isPlanned))
        let stray = try fixture.service.reconcile(fixture.name, repairing: false) { _ in }
        #expect(stray.strays.map(\.what) == [key.text])
        try fixture.fill(2)
        _ = try fixture.settle()
        try fixture.care()
        try fixture.care()
        #expect(try fixture.eventually { try !isPlanned() })
        let report = try fixture.service.reconcile(fixture.name, repairing: true) { _ in }
        #expect(report.findings.isEmpty && report.strays.map(\.what) == [key.text], "\(report)")
    }

    /// Most of a young log stands in its active segment.
    @Test func smallPayloadsOfTheActiveSegmentComeBack() throws {
        let fixture = try CopyFixture()
        let indexes = try fixture.fill(20, bytes: 3_000)
        _ = try fixture.settle()
        let reader = try fixture.store.payload(at: indexes[7])
        let payload = try reader.read(at: 0, limit: 3_000)
        let path = fixture.store.paths.active(SegmentNumber(0))
        let bytes = try FileSystem.contents(path, limitBytes: 1 << 30)
        let offset = try #require(place(of: Array(payload.prefix(64)), in: bytes))
        let file = try File(path, .readWrite)
        try file.write([bytes[offset + 5] ^ 1].span, at: UInt64(offset + 5))
        let found = try fixture.service.reconcile(fixture.name, repairing: false) { _ in }
        #expect(found.findings.map(\.what) == ["record \(indexes[7])"])
        #expect(found.findings.allSatisfy { $0.side == .local && !$0.isRepaired })
        let report = try fixture.service.reconcile(fixture.name, repairing: true) { _ in }
        #expect(report.findings.allSatisfy { $0.isRepaired }, "\(report.findings)")
        let again = try fixture.store.payload(at: indexes[7])
        #expect(try again.read(at: 0, limit: 3_000) == payload)
        // The log goes on in the file that was written anew.
        try fixture.fill(5)
        _ = try fixture.settle()
        try fixture.reopen()
        let last = try fixture.service.reconcile(fixture.name, repairing: false) { _ in }
        #expect(last.findings.isEmpty && last.checkedPayloads == 25, "\(last.findings)")
    }
}
