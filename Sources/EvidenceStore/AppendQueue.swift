import EvidenceModel
import Platform

/// What waits for the sequencer: bounded by count and by bytes.
final class AppendQueue: Sendable {
    private struct State {
        var requests: [SequencerRequest] = []
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
    func enqueue(_ request: SequencerRequest) throws(StoreError) {
        let (records, bytes) = (request.recordCount, request.sizeBytes)
        try state.withLock { state throws(StoreError) in
            if let reason = state.closedBecause { throw reason }
            let isFull =
                state.records + records > limitRecords
                || state.bytes + bytes > limitBytes
            guard state.requests.isEmpty || !isFull else {
                throw .overloaded(retryAfterSeconds: 1)
            }
            state.requests.append(request)
            state.records += records
            state.bytes += bytes
        }
        arrived.signal()
    }

    /// Waits for requests and takes a batch of them; nil once the queue is closed and empty.
    func dequeue() -> [SequencerRequest]? {
        state.withLock(
            when: { !$0.requests.isEmpty || $0.closedBecause != nil },
            on: arrived
        ) { state in
            guard !state.requests.isEmpty else { return nil }
            var (count, records, bytes) = (0, 0, 0)
            for request in state.requests {
                let size = request.sizeBytes
                let isEnough =
                    bytes + size > Self.batchBytes
                    || records + request.recordCount > Self.batchRecords
                if count > 0 && isEnough { break }
                count += 1
                records += request.recordCount
                bytes += size
            }
            let batch: [SequencerRequest]
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
