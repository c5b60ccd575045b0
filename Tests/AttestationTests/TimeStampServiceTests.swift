import Cryptography
import EvidenceModel
import EvidenceStore
import Platform
import Testing
import TransparencyLog

@testable import Attestation

/// A log, and authorities that a transport without a network asks.
private final class Fixture {
    let path: String
    let store: EvidenceStore
    let transport = TestTransport()
    let events = Platform.Mutex<[TimeStampEvent]>([])
    let clock = Platform.Mutex<Int64>(0)
    private let principal = Principal(name: try! PrincipalName("tester"))

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
        store = try EvidenceStore(path: path, signer: signer) { error in
            preconditionFailure("the log stopped: \(error)")
        }
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
        _ = try store.propose(
            .extendHolds,
            by: principal,
            reason: nil
        )
    }
}
