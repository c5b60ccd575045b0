import Cryptography
import EvidenceModel
import EvidenceStore
import Platform
import StoreDouble
import Testing
import TransparencyLog

@testable import Replication

/// Another node that goes on with a fixture's log from where that was closed.
private final class OtherNode {
    let path = "/tmp/strongroom-other-\(Hex.encode(Random.bytes(count: 8).span))"
    private(set) var store: EvidenceStore?

    /// Opens a copy of the fixture's directory; the fixture is reopened.
    init(_ fixture: CopyFixture) throws {
        try fixture.reopen { try Self.copy(fixture.path, to: path) }
        store = try EvidenceStore(path: path, keys: SigningKeys(fixture.signer)) { error in
            preconditionFailure("the log stopped: \(error)")
        }
    }

    deinit {
        store?.close()
        try? FileSystem.removeTree(path)
    }

    private static func copy(_ path: String, to other: String) throws {
        try FileSystem.makeDirectory(other)
        for name in try FileSystem.list(path) {
            let (from, to) = ("\(path)/\(name)", "\(other)/\(name)")
            if try FileSystem.information(from)?.kind == .directory {
                try copy(from, to: to)
            } else {
                let bytes = try FileSystem.contents(from, limitBytes: 64 << 20)
                try FileSystem.writeDurably(bytes.span, to: to, permissions: 0o600)
            }
        }
    }

    /// Places holds: records that the other log does not have.
    func grow(by count: UInt64) throws {
        let store = try #require(store)
        for number in 0..<count {
            _ = try store.propose(
                .placeHold(
                    try Matter("stray/\(number)"),
                    .records(IndexRanges(RecordIndex(5))),
                    [try store.facts(of: RecordIndex(5))]
                ),
                by: try CopyFixture.boss(),
                reason: try Reason("a test")
            )
        }
    }
}

extension CopyFixture {
    /// Puts the journal object of a log's newest records into the bucket.
    fileprivate func putJournal(
        of log: EvidenceStore,
        from size: TreeSize
    ) throws -> ObjectKey {
        let job = JournalJob(first: RecordIndex(size.value), end: log.checkpoint.size)
        let until = try #require(Timestamp(rfc3339Seconds: "2099-01-01T00:00:00Z"))
        let (contents, bytes) = try job.make(log, lockedUntil: until)
        _ = try MemoryStore(bucket).put(contents.entry.request(.bytes(bytes)))
        return contents.entry.key
    }
}

/// Two nodes with one bucket: what the one that lost the register has left in the journal.
@Suite struct StrayTests {
    private func started() throws -> (CopyFixture, OtherNode, TreeSize) {
        let fixture = try CopyFixture()
        try fixture.fill(270)
        _ = try fixture.settle()
        let other = try OtherNode(fixture)
        _ = try fixture.settle()
        return (fixture, other, fixture.store.checkpoint.size)
    }

    @Test func recordsThatLeadToTheRegisterCount() throws {
        let (fixture, other, size) = try started()
        let log = try #require(other.store)
        try other.grow(by: 5)
        // Under the very key that the other node's next object would have.
        let stray = try fixture.putJournal(of: log, from: size)
        try fixture.fill(5)
        try fixture.fill(3)
        let status = try fixture.settle()
        let restored = RestoredLog()
        let note = fixture.store.checkpoint.note
        let report = try restored.restore(fixture, atLeast: note)
        #expect(report.findings.contains { $0.contains(stray.text) }, "\(report.findings)")
        #expect(report.missing.isEmpty)
        #expect(report.signing == .allowed("the checkpoint that was given is covered"))
        #expect(try restored.damage() == [])
        let store = try restored.open()
        #expect(store.checkpoint.note == note)
        try expectEqual(store, fixture.store, upTo: status.size.value)
        store.close()
        // Nor does a node without a ledger take it for its own.
        try fixture.reopen { try FileSystem.removeTree("\(fixture.path)/state/targets") }
        _ = try fixture.settle()
        let known = try fixture.service.replicator(fixture.name).ledger.entries().map(\.key)
        #expect(known.contains { $0.text.hasPrefix("journal/") } && !known.contains(stray))
    }

    /// Of records that the register does not name there are journal objects, and nothing else.
    @Test func whoLosesTheRaceLeavesNothingButTheJournal() throws {
        let fixture = try CopyFixture()
        try fixture.fill(10)
        _ = try fixture.settle()
        fixture.bucket.fail(
            next: .max,
            [.put],
            below: ObjectLayout.checkpoint.text,
            with: .unavailable(detail: "injected")
        )
        try fixture.fill(600)
        try fixture.fill(1, bytes: 1_300_000)
        let size = fixture.store.checkpoint.size
        let isThere = try fixture.eventually {
            try fixture.versions("journal/").contains { version in
                guard
                    case .journal(let first, let count) = ObjectLayout.meaning(
                        of: version.name.key
                    )
                else { return false }
                return first.value + count == size.value
            }
        }
        #expect(isThere)
        Clock.sleep(milliseconds: 200)
        #expect(try fixture.versions("log/tile/").isEmpty)
        #expect(try fixture.versions("payloads/").isEmpty)
        fixture.bucket.heal()
        _ = try fixture.settle()
        #expect(try !fixture.versions("log/tile/").isEmpty)
        #expect(try fixture.versions("payloads/").count == 1)
    }

    /// The other node's newest checkpoint is of another tree.
    @Test func aCheckpointOfTheOtherNodeIsNotCovered() throws {
        let (fixture, other, size) = try started()
        try other.grow(by: 5)
        _ = try fixture.putJournal(of: try #require(other.store), from: size)
        try fixture.fill(9)
        _ = try fixture.settle()
        let note = try #require(other.store).checkpoint.note
        let error = #expect(throws: RestorationError.self) {
            try RestoredLog().restore(fixture, atLeast: note)
        }
        guard case .unverified(let why)? = error else {
            Issue.record("it is of another tree: \(String(describing: error))")
            return
        }
        #expect(why.contains("--at-least"))
    }

    /// Beyond the register nothing tells which of two nodes was right: neither signs on.
    @Test func twoWaysBeyondTheRegisterForbidSigning() throws {
        let (fixture, other, size) = try started()
        fixture.service.stop()
        try other.grow(by: 2)
        _ = try fixture.putJournal(of: try #require(other.store), from: size)
        try fixture.fill(5)
        _ = try fixture.putJournal(of: fixture.store, from: size)
        let restored = RestoredLog()
        let note = fixture.store.checkpoint.note
        let report = try restored.restore(fixture, atLeast: note)
        // That of --at-least leads on, and confirms what it leads to.
        #expect(report.checkpoint.encoded == note)
        #expect(report.signing == .allowed("the checkpoint that was given is covered"))
        let without = try RestoredLog().restore(fixture)
        #expect(without.checkpoint.encoded == note)
        guard case .refused(let why) = without.signing else {
            Issue.record("two nodes went on")
            return
        }
        #expect(why.contains("two nodes"))
    }

    @Test func whatASuccessorIsBegunWith() throws {
        let (fixture, _, size) = try started()
        try fixture.fill(10)
        _ = try fixture.settle()
        let journals = try fixture.versions("journal/").map(\.name)
        for name in journals {
            guard case .journal(let first, _) = ObjectLayout.meaning(of: name.key),
                first.value >= size.value
            else { continue }
            fixture.bucket.vanish(name)
        }
        let restored = RestoredLog()
        let report = try restored.restore(fixture, successor: "log.example/next")
        #expect(report.checkpoint.checkpoint.size == size)
        #expect(report.newestKnown == fixture.store.checkpoint.size)
        guard case .refused(let why) = report.signing else {
            Issue.record("a successor goes on")
            return
        }
        #expect(why.contains("log.example/next"))
        #expect(report.missing.isEmpty)
        #expect(try restored.damage() == [])
    }

    /// The journal ends in the middle of what bundles hold: only what a checkpoint proves counts.
    @Test func bundlesThatNothingProvesAreLeftOut() throws {
        let fixture = try CopyFixture()
        try fixture.fill(100)
        _ = try fixture.settle()
        try fixture.fill(170)
        _ = try fixture.settle()
        for name in try fixture.versions("journal/").map(\.name) {
            guard case .journal(let first, let count) = ObjectLayout.meaning(of: name.key) else {
                continue
            }
            if first.value + count > 200 { fixture.bucket.vanish(name) }
        }
        let restored = RestoredLog()
        let refused = RestoredLog()
        #expect(throws: RestorationError.self) { try refused.restore(fixture) }
        let left = try fixture.versions("journal/").compactMap { version -> UInt64? in
            guard case .journal(let first, let count) = ObjectLayout.meaning(of: version.name.key)
            else { return nil }
            return first.value + count
        }
        let proven = try #require(left.max())
        let report = try restored.restore(fixture, successor: "log.example/next")
        #expect(report.checkpoint.checkpoint.size == TreeSize(proven))
        #expect(try restored.damage() == [])
    }
}
