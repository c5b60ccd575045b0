import Cryptography
import EvidenceModel
import EvidenceStore
import Platform
import Testing
import TransparencyLog

@testable import Attestation

/// A log that was off for a month, and witnesses and authorities that know what time it is.
private final class Sleeper {
    let path = "/tmp/strongroom-settler-\(Hex.encode(Random.bytes(count: 8).span))"
    let store: EvidenceStore
    let witnesses: DoubleWitnesses
    let witnessService: WitnessService
    let events = Platform.Mutex<[ClockSettler.Event]>([])
    /// How far the wall clock is ahead of the machine's.
    private let offset: Platform.Mutex<Int64>

    static let day: Int64 = 86_400_000

    init(daysOff days: Int64 = 30, names: [String] = ["a", "b", "c"]) throws {
        let offset = Platform.Mutex<Int64>(0)
        self.offset = offset
        let signer = try NoteSigner(
            name: "log.example/t",
            privateKey: Ed25519PrivateKey.generate()
        )
        let geometry = try #require(SegmentGeometry(height: 8))
        _ = try EvidenceStore.create(at: path, geometry: geometry, signer: signer, founders: ["t"])
        var configuration = StoreConfiguration()
        configuration.time = TimeSource(
            wallMilliseconds: { Clock.wallMilliseconds() + offset.withLock { $0 } },
            bootNanoseconds: { Clock.bootNanoseconds() }
        )
        offset.withLock { $0 = days * Self.day }
        store = try EvidenceStore(
            path: path,
            keys: SigningKeys(signer),
            configuration: configuration
        ) { error in
            preconditionFailure("the log stopped: \(error)")
        }
        witnesses = try DoubleWitnesses(names, of: [signer.verifierKey])
        witnesses.set(milliseconds: Clock.wallMilliseconds() + days * Self.day)
        var settings = WitnessConfiguration()
        settings.everySeconds = 3600
        settings.timeoutSeconds = 60
        witnessService = try WitnessService(
            store: store,
            policy: try witnesses.policy(names, needing: 3),
            transport: witnesses,
            configuration: settings
        ) { _ in }
        witnessService.start()
    }

    deinit {
        witnesses.release()
        witnessService.stop()
        store.close()
        try? FileSystem.removeTree(path)
    }

    func settler() -> ClockSettler {
        ClockSettler(store: store, witnesses: witnessService, timestamps: nil) { [events] event in
            events.withLock { $0.append(event) }
        }
    }

    func moveWall(days: Int64) { offset.withLock { $0 += days * Self.day } }

    var last: ClockSettler.Event? { events.withLock { $0.last } }
}

@Suite struct ClockSettlerTests {
    @Test func twoWitnessesSettleTheClockAndStandInTheRecord() throws {
        let log = try Sleeper()
        // The policy wants three: each witness stands for itself here.
        log.witnesses.set("c", .silent)
        let before = log.store.checkpoint.size
        #expect(!log.store.clock.reading.isSettled)
        #expect(log.settler().settle())
        #expect(log.store.clock.reading.isSettled)
        #expect(log.store.checkpoint.size.value == before.value + 1)
        guard case .settled(let from, let to, let times) = log.last else {
            Issue.record("\(String(describing: log.last))")
            return
        }
        #expect(from < to && times.map(\.source) == ["a.example", "b.example"])
        for time in times {
            #expect(time.kind == .cosignature && time.size == before && time.evidence.count == 76)
        }
        #expect(log.settler().settle() && log.store.checkpoint.size.value == before.value + 1)
    }

    @Test func oneIsNotTwo() throws {
        let log = try Sleeper()
        log.witnesses.set("b", .silent)
        log.witnesses.set("c", .silent)
        #expect(!log.settler().settle() && !log.store.clock.reading.isSettled)
        guard case .tooFew(1, 3) = log.last else {
            Issue.record("\(String(describing: log.last))")
            return
        }
    }

    /// Nobody but the wall clock says that it is so late.
    @Test func aWallClockThatIsFurtherAheadMovesNothing() throws {
        let log = try Sleeper()
        log.moveWall(days: 2)
        let size = log.store.checkpoint.size
        #expect(!log.settler().settle() && !log.store.clock.reading.isSettled)
        guard case .refused(.refused(.clockUnsettled), _) = log.last else {
            Issue.record("\(String(describing: log.last))")
            return
        }
        #expect(log.store.checkpoint.size == size)
        // It is put right.
        log.moveWall(days: -2)
        #expect(log.settler().settle() && log.store.clock.reading.isSettled)
    }

    @Test func aClosedLogAsksNobody() throws {
        let log = try Sleeper()
        let boss = try PrincipalName("boss")
        _ = try log.store.propose(
            .close,
            by: Principal(name: boss, role: .admin, chain: [boss]),
            reason: try Reason("over")
        )
        #expect(log.settler().settle() && log.events.withLock { $0.isEmpty })
        #expect(!log.store.clock.reading.isSettled)
    }

    /// A name that no record can have must not keep the others from settling it.
    @Test func whatNoRecordCanHaveIsLeftOut() throws {
        let log = try Sleeper(names: ["a", "é", "c"])
        #expect(log.settler().settle() && log.store.clock.reading.isSettled)
        guard case .unusable(let time) = log.events.withLock({ $0.first }) else {
            Issue.record("\(log.events.withLock { $0 })")
            return
        }
        #expect(time.source == "é.example")
    }

    @Test func nobodyIsAskedWithoutNeed() throws {
        for days: Int64 in [0, -30] {
            let log = try Sleeper(daysOff: days)
            #expect(log.settler().settle() && log.events.withLock { $0.isEmpty })
            #expect(log.store.checkpoint.size.value == 1)
        }
    }

    @Test func theLatestTwoThatAreIndependentCount() throws {
        func vouched(
            _ kind: AuthenticatedTime.Kind,
            _ source: String,
            _ day: Int64,
            _ keys: String...
        ) throws -> VouchedTime {
            VouchedTime(
                time: AuthenticatedTime(
                    kind: kind,
                    source: source,
                    size: TreeSize(1),
                    time: try #require(Timestamp(milliseconds: day * Sleeper.day)),
                    evidence: [1]
                ),
                trust: .authority(Set(keys.map { SHA256.hash(Array($0.utf8).span) }))
            )
        }
        let (one, two) = (
            try vouched(.timestamp, "one", 9, "x"), try vouched(.timestamp, "two", 8, "x")
        )
        let (three, witness) = (
            try vouched(.timestamp, "three", 7, "y"), try vouched(.cosignature, "one", 6, "z")
        )
        #expect(VouchedTime.best(of: []) == nil)
        #expect(VouchedTime.best(of: [one]) == nil)
        // One authority under two names.
        #expect(VouchedTime.best(of: [one, two]) == nil)
        #expect(VouchedTime.best(of: [witness, two, three, one]) == [one.time, three.time])
        #expect(VouchedTime.best(of: [two, one, witness]) == [witness.time, one.time])
        // An authority whose certificates lead to two roots is independent of neither's others.
        let both = try vouched(.timestamp, "zero", 10, "x", "y")
        #expect(
            VouchedTime.best(of: [both, one]) == nil && VouchedTime.best(of: [both, three]) == nil
        )
        #expect(VouchedTime.best(of: [both, one, three]) == [one.time, three.time])
    }

    @Test func askedLessAndLessOften() {
        #expect(
            (0...7).map { ClockSettler.pauseSeconds(afterFailures: $0) }
                == [60, 60, 120, 240, 480, 960, 960, 960]
        )
        #expect(ClockSettler.pauseSeconds(afterFailures: .max) == 960)
    }
}
