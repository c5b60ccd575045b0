import Cryptography
import EvidenceModel
import EvidenceStore
import Platform
import TransparencyLog

@testable import Attestation

/// A log in a temporary directory whose checkpoints witnesses in memory are asked for.
final class WitnessFixture {
    let path = "/tmp/strongroom-witness-\(Hex.encode(Random.bytes(count: 8).span))"
    let signer: NoteSigner
    let witnesses: DoubleWitnesses
    let policy: TlogPolicy
    let events = Mutex<[WitnessEvent]>([])
    /// The wall clock of the service.
    let wall = Mutex<UInt64>(1_800_000_000)
    private let configuration: WitnessConfiguration
    private(set) var store: EvidenceStore
    private(set) var service: WitnessService
    private var written = 0

    init(
        _ names: [String] = ["a", "b", "c"],
        needing count: Int = 2,
        _ change: (inout WitnessConfiguration) -> Void = { _ in }
    ) throws {
        signer = try NoteSigner(name: "log.example/t", privateKey: Ed25519PrivateKey.generate())
        guard let geometry = SegmentGeometry(height: 8) else {
            preconditionFailure("a height that logs can have")
        }
        _ = try EvidenceStore.create(at: path, geometry: geometry, signer: signer, founders: ["t"])
        witnesses = try DoubleWitnesses(names, of: [signer.verifierKey])
        policy = try witnesses.policy(names, needing: count)
        // Nothing happens by itself within a test, unless it says so.
        var settings = WitnessConfiguration()
        settings.everySeconds = 3600
        settings.timeoutSeconds = 60
        change(&settings)
        configuration = settings
        store = try Self.open(path, signer)
        service = try Self.service(store, policy, witnesses, settings, events, wall)
    }

    deinit {
        witnesses.release()
        service.stop()
        store.close()
        try? FileSystem.removeTree(path)
    }

    private static func open(_ path: String, _ signer: NoteSigner) throws -> EvidenceStore {
        try EvidenceStore(path: path, keys: SigningKeys(signer)) { error in
            preconditionFailure("the log stopped: \(error)")
        }
    }

    private static func service(
        _ store: EvidenceStore,
        _ policy: TlogPolicy,
        _ witnesses: DoubleWitnesses,
        _ configuration: WitnessConfiguration,
        _ events: Mutex<[WitnessEvent]>,
        _ wall: Mutex<UInt64>
    ) throws -> WitnessService {
        try WitnessService(
            store: store,
            policy: policy,
            transport: witnesses,
            configuration: configuration,
            time: WitnessService.TimeSource { wall.withLock { $0 } }
        ) { event in
            events.withLock { $0.append(event) }
        }
    }

    /// Closes everything and opens it again; nobody is asked before `service.start()`.
    func reopen(policy other: TlogPolicy? = nil, _ change: () throws -> Void = {}) throws {
        service.stop()
        store.close()
        try change()
        store = try Self.open(path, signer)
        service = try Self.service(
            store,
            other ?? policy,
            witnesses,
            configuration,
            events,
            wall
        )
    }

    /// Appends records.
    func grow(_ count: Int = 1) throws {
        for _ in 0..<count {
            written += 1
            let name = try PrincipalName("boss")
            _ = try store.propose(
                .setPolicy(try CollectionName("c\(written)"), .standard),
                by: Principal(name: name, role: .admin, rights: [], chain: [name]),
                reason: nil
            )
        }
    }

    /// Asks all witnesses now, and waits for those that answer.
    func attest(seconds: UInt64 = 60) -> WitnessRoll? {
        service.attest(
            covering: store.checkpoint.size,
            deadlineNanoseconds: Clock.monotonicNanoseconds() + seconds * 1_000_000_000
        )
    }

    func status(_ name: String) -> WitnessStatus {
        guard let found = service.statuses.first(where: { $0.name.description == name }) else {
            preconditionFailure("there is no witness \(name)")
        }
        return found
    }
}
