import Cryptography
import EvidenceModel
import Platform
import Synchronization
import Testing
import TransparencyLog

@testable import EvidenceStore

/// A clock that the test moves.
final class TestClock: Sendable {
    private let state: Platform.Mutex<(wall: Int64, boot: UInt64)>

    init(wall: Timestamp) {
        state = Platform.Mutex((wall.milliseconds, 1_000_000_000))
    }

    /// Real time goes by: both clocks run.
    func run(seconds: Int64) {
        state.withLock { state in
            state.wall += seconds * 1000
            state.boot += UInt64(seconds) * 1_000_000_000
        }
    }

    /// Somebody sets the wall clock.
    func jump(seconds: Int64) { state.withLock { $0.wall += seconds * 1000 } }

    var source: TimeSource {
        TimeSource(
            wallMilliseconds: { [self] in state.withLock { $0.wall } },
            bootNanoseconds: { [self] in state.withLock { $0.boot } }
        )
    }
}

@Suite struct ActTests {
    static let reason = try? Reason("a test")

    /// A log whose clocks the test moves.
    private func fixture(founders: [String] = ["tester"]) throws -> (Fixture, TestClock) {
        let wall = try #require(Timestamp(milliseconds: Clock.wallMilliseconds()))
        let clock = TestClock(wall: wall)
        var configuration = StoreConfiguration()
        configuration.time = clock.source
        return (try Fixture(configuration: configuration, founders: founders), clock)
    }

    private func lock(_ text: String) throws -> LockRequest {
        LockRequest(retention: .duration(try RetentionDuration(parsing: text)))
    }

    @Test func holdIsHonouredUntilItIsReleasedAndErasureLeavesACertificate() throws {
        let (fixture, clock) = try fixture()
        let index = try fixture.append(fixture.submission([1, 2, 3], lock: lock("60s")))
        let other = try fixture.append(fixture.submission([4], lock: lock("60s")))
        let matter = try Matter("case-1")
        let store = fixture.store
        _ = try store.propose(
            .placeHold(matter, .records(IndexRanges([index])), [try store.facts(of: index)]),
            by: .anonymous,
            reason: Self.reason
        )
        clock.run(seconds: 120)
        let report = try store.eraseDue(
            collection: nil,
            records: nil,
            by: .anonymous,
            reason: Self.reason
        )
        #expect(report.erased == 1)
        #expect(try store.certificate(for: other) == report.acts[0])
        #expect(try store.certificate(for: index) == nil)
        #expect(throws: StoreError.erased(other, certificate: report.acts[0])) {
            try fixture.payload(other)
        }
        #expect(try fixture.payload(index) == [1, 2, 3])
        _ = try store.propose(
            .releaseHold(matter, nil),
            by: .anonymous,
            reason: Self.reason
        )
        let second = try store.eraseDue(
            collection: nil,
            records: nil,
            by: .anonymous,
            reason: Self.reason
        )
        #expect(second.erased == 1)
        for index in [index, other] {
            let receipt = try store.receipt(for: index)
            _ = try ReceiptVerification.verify(
                receipt,
                payload: nil,
                keys: [fixture.signer.verifierKey]
            )
        }
    }

    @Test func nothingIsErasedUnderALockWhateverTheWallClockSays() throws {
        let (fixture, clock) = try fixture()
        let index = try fixture.append(fixture.submission([1], lock: lock("7y")))
        for _ in 0..<20 {
            clock.jump(seconds: 11 * 365 * 86_400)
            try fixture.reopen()
            #expect(throws: StoreError.self) { try fixture.append(fixture.submission([2])) }
            #expect(throws: StoreError.self) {
                try fixture.store.eraseDue(
                    collection: nil,
                    records: IndexRanges([index]),
                    by: .anonymous,
                    reason: Self.reason
                )
            }
            clock.jump(seconds: -11 * 365 * 86_400)
        }
        try fixture.reopen()
        _ = try fixture.append(fixture.submission([3]))
        #expect(try fixture.payload(index) == [1])
    }

    @Test func stateIsTheSameAfterReopeningAndWithoutItsCatalog() throws {
        let (fixture, _) = try fixture()
        try fixture.fill(300)
        for value in 1..<60 {
            let index = RecordIndex(UInt64(value))
            let facts = try fixture.store.facts(of: index)
            _ = try fixture.store.propose(
                .placeHold(try Matter("m\(value % 5)"), .records(IndexRanges([index])), [facts]),
                by: .anonymous,
                reason: Self.reason
            )
        }
        try fixture.fill(600)
        fixture.waitForSeals()
        let before = fixture.store.withState { $0.exported }
        try fixture.reopen()
        #expect(fixture.store.withState { $0.exported } == before)
        try fixture.reopen { try FileSystem.removeTree(fixture.path + "/catalog") }
        #expect(fixture.store.withState { $0.exported } == before)
        fixture.store.close()
        var fsck = try Fsck(path: fixture.path)
        let report = try fsck.run()
        #expect(report.findings.isEmpty)
        #expect(report.stateDigest == SHA256.hash(before.span).hex)
    }

    @Test func everySealIsFollowedByACensusOfWhatChanged() throws {
        let (fixture, _) = try fixture()
        try fixture.fill(200, collection: "a")
        try fixture.fill(200, collection: "b")
        try fixture.fill(300, collection: "b")
        fixture.waitForSeals()
        var found: [RecordIndex: Set<String>] = [:]
        for value in 0..<fixture.store.checkpoint.size.value {
            let record = try fixture.store.record(at: RecordIndex(value)).record
            guard case .act(let act) = record,
                case .census(let before, _, _, let collections) = act.act
            else { continue }
            #expect(before == RecordIndex(value))
            found[RecordIndex(value)] = Set(collections.keys.map(\.text))
        }
        #expect(found == [RecordIndex(256): ["a", "b"], RecordIndex(512): ["b"]])
    }

    @Test func twoPersonsMoveTheClockAndOneDoesNot() throws {
        let (fixture, clock) = try fixture(founders: ["alice", "bob"])
        let store = fixture.store
        for name in ["alice", "bob"] {
            _ = try store.createToken(
                AccessGrant(
                    name: try PrincipalName(name),
                    role: .admin,
                    rights: [],
                    collections: nil,
                    expires: nil
                ),
                by: .local
            )
        }
        clock.jump(seconds: 40 * 86_400)
        try fixture.reopen()
        let principals = try ["alice", "bob"].map { name in
            let name = try PrincipalName(name)
            let reading = fixture.store.clock.reading
            return try #require(
                fixture.store.withState { $0.principal(named: name, at: reading) }
            )
        }
        let reason = try #require(Self.reason)
        #expect(!fixture.store.clock.reading.isSettled)
        _ = try fixture.store.resync(by: principals[0], reason: reason)
        #expect(throws: StoreError.self) {
            _ = try fixture.store.resync(by: principals[0], reason: reason)
        }
        #expect(!fixture.store.clock.reading.isSettled)
        _ = try fixture.store.resync(by: principals[1], reason: reason)
        #expect(fixture.store.clock.reading.isSettled)
        _ = try fixture.append(fixture.submission([1]))
        try fixture.reopen()
        #expect(fixture.store.clock.reading.isSettled)
    }

    /// Also if both are decided on in one batch, which is up to the sequencer.
    @Test func aSecondResyncIsDecidedByTheClockThatTheFirstHasSet() throws {
        for _ in 0..<8 {
            let (fixture, clock) = try fixture()
            clock.jump(seconds: 40 * 86_400)
            try fixture.reopen()
            let wall = try #require(fixture.store.clock.reading.wall)
            let times = (1...2).map { number in
                AuthenticatedTime(
                    kind: .timestamp,
                    source: "tsa-\(number)",
                    size: TreeSize(1),
                    time: wall,
                    evidence: [UInt8(number)]
                )
            }
            let answers = (1...2).map { _ in Answer<ActOutcome>() }
            for answer in answers {
                fixture.store.propose(.resyncByTimes(times), by: .system, reason: nil) {
                    answer.give($0)
                }
            }
            let acts = try answers.map { try $0.wait().acts.count }
            #expect(acts == [1, 0] && fixture.store.clock.reading.isSettled)
        }
    }
}
