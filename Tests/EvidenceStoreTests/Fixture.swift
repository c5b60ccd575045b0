import Cryptography
import EvidenceModel
import Platform
import Synchronization
import TransparencyLog

@testable import EvidenceStore

/// A log in a temporary directory, with the calls that tests make all the time.
final class Fixture {
    let path: String
    let signer: NoteSigner
    var configuration = StoreConfiguration()
    private(set) var store: EvidenceStore

    init(
        height: UInt8 = 8,
        configuration: StoreConfiguration = StoreConfiguration(),
        founders: [String] = ["tester"]
    ) throws {
        let name = Hex.encode(Random.bytes(count: 8).span)
        path = "/tmp/strongroom-store-\(name)"
        signer = try NoteSigner(
            name: "log.example/test",
            privateKey: Ed25519PrivateKey.generate()
        )
        self.configuration = configuration
        guard let geometry = SegmentGeometry(height: height) else {
            preconditionFailure("a height that logs can have")
        }
        _ = try EvidenceStore.create(
            at: path,
            geometry: geometry,
            signer: signer,
            founders: founders
        )
        store = try Self.open(path, signer, configuration)
    }

    deinit {
        store.close()
        try? FileSystem.removeTree(path)
    }

    private static func open(
        _ path: String,
        _ signer: NoteSigner,
        _ configuration: StoreConfiguration
    ) throws -> EvidenceStore {
        try EvidenceStore(path: path, keys: SigningKeys(signer), configuration: configuration) {
            error in
            preconditionFailure("the log stopped: \(error)")
        }
    }

    /// Closes, lets the test change what is on disk, and opens again.
    func reopen(_ change: () throws -> Void = {}) throws {
        store.close()
        try change()
        store = try Self.open(path, signer, configuration)
    }

    func submission(
        _ payload: [UInt8],
        name: String = "a",
        collection: String = "tests",
        key: String? = nil,
        labels: [(key: String, value: String)] = [],
        lock: LockRequest = .standard,
        isSealed: Bool = false,
        in other: EvidenceStore? = nil
    ) throws -> Submission {
        let upload = try (other ?? store).beginUpload(expectedSizeBytes: nil)
        for start in stride(from: 0, to: payload.count, by: 100_000) {
            try upload.write(payload.span.extracting(start..<min(payload.count, start + 100_000)))
        }
        let staged = try upload.finish()
        let description = EvidenceDescription(
            name: try EvidenceName(name),
            mediaType: .octetStream,
            labels: try Labels(labels),
            payloadDigest: staged.digest,
            payloadSize: staged.sizeBytes,
            idempotencyKey: try key.map { text throws(LimitViolation) in try IdempotencyKey(text) },
            submitter: .anonymous,
            traceparent: nil
        )
        let form: EvidenceDraft.Form =
            isSealed
            ? .sealed(
                description,
                SealedOpening(salt: Random.bytes(count: 32), evidence: description)
            )
            : .open(description)
        return Submission(
            draft: EvidenceDraft(
                collection: try CollectionName(collection),
                form: form,
                lockRequest: lock
            ),
            payload: staged
        )
    }

    /// Appends and waits.
    func append(_ submissions: [Submission]) throws -> [AppendOutcome] {
        let answer = Platform.Mutex<Result<[AppendOutcome], StoreError>?>(nil)
        let arrived = Condition()
        store.append(submissions) { result in
            answer.withLock { $0 = result }
            arrived.signal()
        }
        return try answer.withLock(when: { $0 != nil }, on: arrived) { result in
            guard let result else { preconditionFailure("an answer arrived") }
            return try result.get()
        }
    }

    func append(_ submission: Submission) throws -> RecordIndex {
        try append([submission])[0].index
    }

    /// Appends `count` records in large requests.
    func fill(_ count: Int, collection: String = "tests", keyed: Bool = false) throws {
        var done = 0
        while done < count {
            let batch = try (done..<min(count, done + 500)).map { number in
                try submission(
                    Array("payload \(number)".utf8),
                    name: "dir\(number % 7)/file-\(number)",
                    collection: collection,
                    key: keyed ? "key-\(number)" : nil,
                    labels: [(key: "parity", value: number % 2 == 0 ? "even" : "odd")]
                )
            }
            _ = try append(batch)
            done += batch.count
        }
    }

    func payload(_ index: RecordIndex) throws -> [UInt8] {
        try Self.payload(index, of: store)
    }

    static func payload(_ index: RecordIndex, of store: EvidenceStore) throws -> [UInt8] {
        let reader = try store.payload(at: index)
        var bytes: [UInt8] = []
        while UInt64(bytes.count) < reader.sizeBytes {
            bytes += try reader.read(at: UInt64(bytes.count), limit: 1 << 20)
        }
        return bytes
    }

    /// Waits until there is no index run to make.
    func waitForRuns() {
        waitForSeals()
        let deadline = Clock.monotonicNanoseconds() + 120_000_000_000
        let isIdle = store.runs.waitUntilIdle(
            sealedSegments: store.view.sealedCount,
            deadlineNanoseconds: deadline
        )
        precondition(isIdle, "the runs are not made")
    }

    /// Waits until the sealer has nothing to do.
    func waitForSeals() {
        while store.unsealedSegmentCount > 1 { Clock.sleep(milliseconds: 2) }
    }
}
