import Cryptography
import EvidenceModel
import EvidenceStore
import Platform
import Testing
import TransparencyLog

@testable import Attestation

/// A log, and authorities that a transport without a network asks.
final class StampedLog {
    let path: String
    let signer: NoteSigner
    let store: EvidenceStore
    let transport = TestTransport()
    let events = Platform.Mutex<[TimeStampEvent]>([])
    let clock = Platform.Mutex<Int64>(0)
    private var policies = 0

    init() throws {
        path = "/tmp/strongroom-stamps-\(Hex.encode(Random.bytes(count: 8).span))"
        let signer = try NoteSigner(
            name: "log.example/stamps",
            privateKey: Ed25519PrivateKey.generate()
        )
        _ = try EvidenceStore.create(
            at: path,
            geometry: try #require(SegmentGeometry(height: 8)),
            signer: signer,
            founders: ["tester"]
        )
        store = try EvidenceStore(path: path, keys: SigningKeys(signer)) { error in
            preconditionFailure("the log stopped: \(error)")
        }
        self.signer = signer
    }

    deinit {
        store.close()
        try? FileSystem.removeTree(path)
    }

    func service(
        _ authorities: [(name: String, authority: TestAuthority)],
        renewBeforeDays: Int64 = 90
    ) throws -> TimeStampService {
        var configuration = TimeStampConfiguration()
        configuration.renewBeforeDays = renewBeforeDays
        for (name, authority) in authorities {
            transport.set("tsa:\(name)", authority)
            configuration.authorities.append(
                TimeStampAuthority(name: name, url: "tsa:\(name)", anchors: authority.anchors)
            )
        }
        let (clock, events) = (clock, events)
        return try TimeStampService(
            log: store,
            configuration: configuration,
            transport: transport,
            wall: { Clock.wallMilliseconds() + clock.withLock { $0 } }
        ) { event in
            events.withLock { $0.append(event) }
        }
    }

    func stamp(_ service: TimeStampService) -> TimeStampService.Round {
        let newest = store.checkpoint
        return service.stamp(
            newest.note,
            size: newest.size,
            deadlineNanoseconds: Clock.monotonicNanoseconds() + 60_000_000_000
        )
    }

    /// One more record.
    func grow() throws {
        policies += 1
        _ = try store.propose(
            .setPolicy(
                try CollectionName("c\(policies)"),
                CollectionPolicy(retention: .standard)
            ),
            by: .anonymous,
            reason: try Reason("a test")
        )
    }

    var words: [String] {
        events.withLock { events in
            events.map { event in
                switch event {
                case .stamped(let facts): "stamped \(facts.key.authority) \(facts.key.size)"
                case .failed(let authority, let failure): "failed \(authority) \(failure.word)"
                case .renewed(let authority, let count, let digest, _):
                    "renewed \(authority) \(count) \(digest)"
                case .renewalFailed(let authority, let count, let failure):
                    "renewalFailed \(authority) \(count) \(failure.word)"
                case .damaged(let key, _): "damaged \(key.authority) \(key.size)"
                }
            }
        }
    }
}
