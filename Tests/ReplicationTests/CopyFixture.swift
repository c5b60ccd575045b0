import Cryptography
import EvidenceModel
import EvidenceStore
import Platform
import StoreDouble
import TransparencyLog

@testable import Replication

/// Clocks that go on when a test says so, and with the machine's in between.
final class MovingTime: Sendable {
    private let ahead = Mutex<Int64>(0)

    var source: TimeSource {
        TimeSource(
            wallMilliseconds: { [self] in Clock.wallMilliseconds() + ahead.withLock { $0 } },
            bootNanoseconds: { [self] in
                Clock.bootNanoseconds() + UInt64(ahead.withLock { $0 }) * 1_000_000
            }
        )
    }

    func advance(milliseconds: Int64) { ahead.withLock { $0 += milliseconds } }
}

/// A switch for any thread.
final class Switch: Sendable {
    private let state = Mutex(false)

    var isOn: Bool {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}

/// A log in a temporary directory with a target in memory.
final class CopyFixture {
    let path = "/tmp/strongroom-copy-\(Hex.encode(Random.bytes(count: 8).span))"
    let bucket = MemoryBucket()
    let time = MovingTime()
    let name: TargetName
    let collection: CollectionName
    let signer: NoteSigner
    /// Whether the store of the target cannot even be opened.
    let cannotOpen = Switch()
    /// In force from the next start on.
    var configuration: ReplicationConfiguration
    private(set) var store: EvidenceStore
    private(set) var service: TargetService

    init(_ change: (inout ReplicationConfiguration) -> Void = { _ in }) throws {
        signer = try NoteSigner(
            name: "log.example/copy",
            privateKey: Ed25519PrivateKey.generate()
        )
        guard let geometry = SegmentGeometry(height: 8) else {
            preconditionFailure("a height that logs can have")
        }
        _ = try EvidenceStore.create(at: path, geometry: geometry, signer: signer, founders: ["t"])
        name = try TargetName("second")
        collection = try CollectionName("tests")
        var settings = ReplicationConfiguration()
        settings.journalMilliseconds = 20
        settings.acknowledgementSeconds = 60
        change(&settings)
        configuration = settings
        bucket.setUp()
        store = try Self.open(path, signer, time)
        service = Self.service(store, settings, bucket, cannotOpen)
        var description = TargetDescription(
            name: name,
            bucket: "evidence",
            region: "us-east-1",
            logRetention: try RetentionDuration(10, .years)
        )
        description.retentionProfile = "retention"
        _ = try store.propose(.addTarget(description), by: Self.boss(), reason: nil)
        let report = ProbeReport(
            findings: Dictionary(
                uniqueKeysWithValues: ProbeReport.Rule.allCases.map { ($0, .enforced) }
            ),
            hasConditions: true,
            hasChecksums: true
        )
        _ = try store.propose(.probedTarget(name, report), by: .system, reason: nil)
        service.start()
    }

    deinit {
        service.stop()
        store.close()
        try? FileSystem.removeTree(path)
    }

    static func boss() throws -> Principal {
        let name = try PrincipalName("boss")
        return Principal(name: name, role: .admin, rights: [.bypass], chain: [name])
    }

    static func keeper() throws -> Principal {
        let name = try PrincipalName("keeper")
        return Principal(name: name, role: .retention, chain: [name])
    }

    private static func open(
        _ path: String,
        _ signer: NoteSigner,
        _ time: MovingTime
    ) throws -> EvidenceStore {
        var configuration = StoreConfiguration()
        configuration.time = time.source
        return try EvidenceStore(
            path: path,
            keys: SigningKeys(signer),
            configuration: configuration
        ) { error in
            preconditionFailure("the log stopped: \(error)")
        }
    }

    private static func service(
        _ store: EvidenceStore,
        _ configuration: ReplicationConfiguration,
        _ bucket: MemoryBucket,
        _ cannotOpen: Switch
    ) -> TargetService {
        TargetService(store: store, configuration: configuration) {
            description,
            purpose throws(StoreFailure) in
            if cannotOpen.isOn { throw .rejected(detail: "injected") }
            switch purpose {
            case .writing: return MemoryStore(bucket, allowing: StoreOperation.writing)
            case .deleting: return MemoryStore(bucket, allowing: StoreOperation.deleting)
            }
        }
    }

    /// Closes everything, and opens it again.
    func reopen(_ change: () throws -> Void = {}) throws {
        service.stop()
        store.close()
        try change()
        store = try Self.open(path, signer, time)
        service = Self.service(store, configuration, bucket, cannotOpen)
        service.start()
    }

    /// Both clocks go on.
    func advance(seconds: Int64) {
        time.advance(milliseconds: seconds * 1_000)
        bucket.advance(milliseconds: seconds * 1_000)
    }

    // MARK: Evidence

    /// Appends records; returns their indexes.
    @discardableResult
    func fill(
        _ count: Int,
        bytes: Int = 200,
        lock: LockRequest = .standard,
        collection: String = "tests",
        isSealed: Bool = false
    ) throws -> [RecordIndex] {
        let submissions = try (0..<count).map { number in
            let upload = try store.beginUpload(expectedSizeBytes: nil)
            let payload = Random.bytes(count: bytes)
            for start in stride(from: 0, to: bytes, by: 100_000) {
                try upload.write(payload.span.extracting(start..<min(bytes, start + 100_000)))
            }
            let staged = try upload.finish()
            let description = EvidenceDescription(
                name: try EvidenceName("file-\(number)"),
                mediaType: .octetStream,
                labels: try Labels([]),
                payloadDigest: staged.digest,
                payloadSize: staged.sizeBytes,
                idempotencyKey: nil,
                submitter: .anonymous,
                traceparent: nil
            )
            let opening = SealedOpening(salt: Random.bytes(count: 32), evidence: description)
            return Submission(
                draft: EvidenceDraft(
                    collection: try CollectionName(collection),
                    form: isSealed ? .sealed(description, opening) : .open(description),
                    lockRequest: lock
                ),
                payload: staged
            )
        }
        let answer = Mutex<Result<[AppendOutcome], StoreError>?>(nil)
        let arrived = Condition()
        store.append(submissions) { result in
            answer.withLock { $0 = result }
            arrived.signal()
        }
        return try answer.withLock(when: { $0 != nil }, on: arrived) { result in
            guard let result else { preconditionFailure("an answer arrived") }
            return try result.get().map(\.index)
        }
    }

    /// Waits until everything so far is verified in the target.
    func settle() throws -> TargetStatus {
        let deadline = Clock.monotonicNanoseconds() + 300_000_000_000
        return try service.wait(
            for: name,
            size: store.checkpoint.size,
            deadlineNanoseconds: deadline
        ).status
    }

    /// Waits until something holds.
    func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
        let deadline = Clock.monotonicNanoseconds() + 300_000_000_000
        while try !condition() {
            guard Clock.monotonicNanoseconds() < deadline else { return false }
            Clock.sleep(milliseconds: 10)
        }
        return true
    }

    /// Lets the copy look after its objects now, and waits until it has.
    func care() throws {
        let replicator = try service.replicator(name)
        replicator.post { $0.nextCareNanoseconds = 0 }
        let isDone = Switch()
        _ = eventually {
            replicator.post { replicator in
                if replicator.nextCareNanoseconds != 0, !replicator.isCaring { isDone.isOn = true }
            }
            return isDone.isOn
        }
    }

    // MARK: The bucket

    /// All versions below a prefix.
    func versions(_ prefix: String = "") throws -> [VersionEntry] {
        let store = MemoryStore(bucket)
        var entries: [VersionEntry] = []
        var cursor: ListCursor?
        repeat {
            let page = try store.listVersions(
                prefix: prefix,
                depth: .all,
                after: cursor,
                limit: 1_000
            )
            entries += page.entries
            cursor = page.next
        } while cursor != nil
        return entries
    }

    /// An object of the bucket, as a pack or journal object.
    func contents(_ name: VersionedKey) throws -> PackContents {
        let bytes = ByteSink()
        _ = try MemoryStore(bucket).get(name.key, version: name.version, range: nil) {
            bytes.append($0)
        }
        return try PackContents(bytes.bytes)
    }

    func head(_ name: VersionedKey) throws -> HeadResult {
        try MemoryStore(bucket).head(name.key, version: name.version)
    }
}

/// What stands in a pack or journal object.
struct PackContents {
    let index: PackIndex
    private(set) var records: [RecordIndex: [UInt8]] = [:]
    private(set) var openings: [RecordIndex: SealedOpening] = [:]
    private(set) var payloads: [RecordIndex: [UInt8]] = [:]
    private(set) var checkpoint: String?

    init(_ bytes: [UInt8]) throws {
        let source = Pieces(bytes)
        let reader = PackReader { source.next() }
        index = try reader.index()
        while let member = try reader.next() {
            switch member {
            case .record(let index, let bytes): records[index] = bytes
            case .opening(let index, let opening): openings[index] = opening
            case .payload(let index, _):
                var (bytes, piece): ([UInt8], [UInt8]) = ([], [])
                while try reader.nextPiece(into: &piece) { bytes += piece }
                payloads[index] = bytes
            case .checkpoint(let note): checkpoint = note
            }
        }
    }
}

private final class Pieces {
    private var bytes: [UInt8]?

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func next() -> [UInt8]? { bytes.take() }
}
