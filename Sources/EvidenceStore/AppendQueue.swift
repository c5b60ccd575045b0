package import EvidenceModel
import Platform

/// One piece of evidence that is to be appended.
package struct Submission: Sendable {
    package let draft: EvidenceDraft
    package let payload: StagedPayload

    package init(draft: EvidenceDraft, payload: StagedPayload) {
        self.draft = draft
        self.payload = payload
    }

    /// Bytes in memory that wait with it.
    var sizeBytes: Int {
        switch payload.content {
        case .chunk(let bytes, _, _): 1024 + bytes.count
        case .file: 1024
        }
    }
}

extension Submission {
    /// The frame of its record, and the chunk that goes into the segment's table.
    func frame() -> (RecordFrame, chunk: [UInt8]?) {
        let fingerprint = draft.keyHash == nil ? nil : draft.fingerprint
        let size = payload.sizeBytes
        switch payload.content {
        case .chunk(let bytes, let codec, let checksum):
            return (
                RecordFrame(
                    payload: .table(codec: codec, checksum: checksum),
                    payloadSizeBytes: size,
                    storedPayloadSizeBytes: UInt64(bytes.count),
                    fingerprint: fingerprint
                ), bytes
            )
        case .file(let file, let storedSize, let checksum):
            return (
                RecordFrame(
                    payload: .file(file.id, checksum: checksum),
                    payloadSizeBytes: size,
                    storedPayloadSizeBytes: storedSize,
                    fingerprint: fingerprint
                ), nil
            )
        }
    }
}

/// What became of a submission.
package enum AppendOutcome: Sendable {
    /// A new record; its bytes and index, and the checkpoint that covers it.
    case appended(RecordIndex, record: [UInt8], PublishedCheckpoint)
    /// An equal request had made this record before.
    case existing(RecordIndex, PublishedCheckpoint)

    package var index: RecordIndex {
        switch self {
        case .appended(let index, _, _), .existing(let index, _): index
        }
    }
}

/// Submissions that are taken together, all or none, and whom to tell.
struct AppendRequest: Sendable {
    let submissions: [Submission]
    let enqueuedNanoseconds: UInt64
    let completion: @Sendable (Result<[AppendOutcome], StoreError>) -> Void

    /// Within a request, too, an idempotency key belongs to one piece of evidence.
    ///
    /// - Throws: `conflict` if it comes with two; equal ones are joined.
    func checkKeys() throws(StoreError) {
        guard submissions.count > 1 else { return }
        var fingerprints: [KeyHash: RequestFingerprint] = [:]
        for submission in submissions {
            guard let key = submission.draft.keyHash else { continue }
            let fingerprint = submission.draft.fingerprint
            guard (fingerprints.updateValue(fingerprint, forKey: key) ?? fingerprint) == fingerprint
            else { throw .conflict(nil) }
        }
    }
}

/// Appends that wait for the sequencer: bounded by count and by bytes.
final class AppendQueue: Sendable {
    private struct State {
        var requests: [AppendRequest] = []
        var records = 0
        var bytes = 0
        var closedBecause: StoreError?
    }

    private let limitRecords: Int
    private let limitBytes: Int
    private let state = Mutex(State())
    private let arrived = Condition()

    /// Bytes that the sequencer takes at once.
    private static let batchBytes = 8 << 20
    private static let batchRecords = 4096

    init(limitRecords: Int, limitBytes: Int) {
        self.limitRecords = limitRecords
        self.limitBytes = limitBytes
    }

    /// Records that wait.
    var depth: Int { state.withLock { $0.records } }

    /// Takes a request in, or refuses it before anything is promised.
    ///
    /// A request that alone exceeds a limit is taken when nothing else waits.
    func enqueue(_ request: AppendRequest) throws(StoreError) {
        let bytes = request.submissions.reduce(0) { $0 + $1.sizeBytes }
        try state.withLock { state throws(StoreError) in
            if let reason = state.closedBecause { throw reason }
            let isFull =
                state.records + request.submissions.count > limitRecords
                || state.bytes + bytes > limitBytes
            guard state.requests.isEmpty || !isFull else {
                throw .overloaded(retryAfterSeconds: 1)
            }
            state.requests.append(request)
            state.records += request.submissions.count
            state.bytes += bytes
        }
        arrived.signal()
    }

    /// Waits for requests and takes a batch of them; nil once the queue is closed and empty.
    func dequeue() -> [AppendRequest]? {
        state.withLock(
            when: { !$0.requests.isEmpty || $0.closedBecause != nil },
            on: arrived
        ) { state in
            guard !state.requests.isEmpty else { return nil }
            var (count, records, bytes) = (0, 0, 0)
            for request in state.requests {
                let size = request.submissions.reduce(0) { $0 + $1.sizeBytes }
                let isEnough =
                    bytes + size > Self.batchBytes
                    || records + request.submissions.count > Self.batchRecords
                if count > 0 && isEnough { break }
                count += 1
                records += request.submissions.count
                bytes += size
            }
            let batch: [AppendRequest]
            if count == state.requests.count {
                batch = state.requests
                state.requests = []
            } else {
                batch = Array(state.requests[..<count])
                state.requests.removeFirst(count)
            }
            state.records -= records
            state.bytes -= bytes
            return batch
        }
    }

    /// Refuses what comes from now on; what waits is still taken.
    func close(because reason: StoreError) {
        state.withLock { state in
            if state.closedBecause == nil { state.closedBecause = reason }
        }
        arrived.broadcast()
    }

    var closedBecause: StoreError? { state.withLock { $0.closedBecause } }
}
