internal import Cryptography
internal import Observability
internal import Platform
internal import TransparencyLog

/// Cosigns checkpoints of the logs that it follows: each a continuation of the one before.
///
/// What is decided stands in `WitnessState`; here are the lock around it, the disk and the clock.
/// For one log a request is judged, signed, made durable and taken over in one piece; logs do not
/// wait for each other. Any thread.
final class Witness: Sendable {
    /// Where the time comes from.
    struct TimeSource: Sendable {
        /// Wall clock, seconds since 1970 UTC; 0 for a time before.
        var wallSeconds: @Sendable () -> UInt64
        /// A clock that nobody sets.
        var monotonicNanoseconds: @Sendable () -> UInt64

        static let machine = TimeSource(
            wallSeconds: { UInt64(max(0, Clock.wallMilliseconds()) / 1000) },
            monotonicNanoseconds: { Clock.monotonicNanoseconds() }
        )
    }

    /// A replay of what was cosigned so shortly before gets the same line again, without a write.
    static let replaySeconds: UInt64 = 10
    /// Cosignatures of one log: so many at once, and so many a second.
    static let burst = 50.0
    static let perSecond = 10.0

    /// What is known of one log; behind its own lock.
    private struct Followed {
        var state: WitnessState
        var cosigned: CosignedCheckpoint?
        var bucket: TokenBucket
        /// The disk has failed: nothing is signed any more.
        var isBroken = false
    }

    /// By the hash of the origin, so that origins are compared byte for byte.
    private let logs: [String: Mutex<Followed>]
    private let directory: WitnessDirectory
    private let time: TimeSource
    private let events: EventLog
    /// One at a time keeps a request.
    private let keeping = Mutex(())
    private let onFailure: @Sendable (SystemError) -> Void

    /// A witness for the logs of these keys; a log can have several, of one name.
    ///
    /// `onFailure` is told, once or more often, that the disk has failed: the process must end.
    init(
        _ directory: WitnessDirectory,
        logKeys: [VerifierKey],
        time: TimeSource = .machine,
        events: EventLog,
        onFailure: @escaping @Sendable (SystemError) -> Void
    ) throws(CommandFailure) {
        var keys: [String: [VerifierKey]] = [:]
        for key in logKeys {
            let hash = WitnessDirectory.hash(key.name)
            if keys[hash]?.contains(key) != true { keys[hash, default: []].append(key) }
        }
        var logs: [String: Mutex<Followed>] = [:]
        for (hash, keys) in keys {
            let cosigned = try directory.latest(ofLogWith: keys)
            logs[hash] = Mutex(
                Followed(
                    state: WitnessState(keys: keys, latest: cosigned?.latest),
                    cosigned: cosigned,
                    bucket: TokenBucket(
                        capacity: Self.burst,
                        perSecond: Self.perSecond,
                        nowNanoseconds: time.monotonicNanoseconds()
                    )
                )
            )
        }
        self.logs = logs
        self.directory = directory
        self.time = time
        self.events = events
        self.onFailure = onFailure
    }

    /// Answers a request, given its body.
    func answer(_ body: [UInt8]) -> AddCheckpointResponse {
        let request: AddCheckpointRequest
        do throws(AddCheckpointError) {
            request = try AddCheckpointRequest(parsing: body)
        } catch {
            return .refused(.malformed, detail: "\(error)")
        }
        guard let log = logs[WitnessDirectory.hash(request.origin)] else {
            return WitnessRefusal.unknownLog(origin: request.origin).response
        }
        let (response, refusal) = log.withLock { log in judge(request, &log) }
        if let refusal { report(refusal, of: request) }
        return response
    }

    /// The latest cosigned checkpoint of the log whose origin has this hash, as a note.
    func latest(originHash: String) -> [UInt8]? {
        logs[originHash]?.withLock { $0.cosigned }.map { Array($0.note.encoded.utf8) }
    }

    /// What the witness follows, for a person: each log and the size that was cosigned last.
    var overview: [(origin: String, size: TreeSize?)] {
        logs.values.map { log in log.withLock { ($0.state.origin, $0.state.latest?.size) } }
            .sorted { $0.origin < $1.origin }
    }

    private func judge(
        _ request: AddCheckpointRequest,
        _ log: inout Followed
    ) -> (AddCheckpointResponse, WitnessRefusal?) {
        guard !log.isBroken else {
            return (.failed(status: 503, detail: "the witness's disk has failed"), nil)
        }
        let now = time.wallSeconds()
        let signed: SignedCheckpoint
        switch log.state.decide(on: request, nowSeconds: now) {
        case .refuse(let refusal): return (refusal.response, refusal)
        case .cosign(let verified): signed = verified
        }
        if let last = log.cosigned, last.checkpoint == signed.checkpoint,
            now - last.cosignature.timestampSeconds <= Self.replaySeconds
        {
            return (.cosigned([last.cosignature.signature]), nil)
        }
        guard log.bucket.take(nowNanoseconds: time.monotonicNanoseconds()) else {
            return (.failed(status: 429, detail: "too many checkpoints of this log"), nil)
        }
        return (cosign(signed, now, &log), nil)
    }

    /// Signs, saves, takes over: in this order, and nothing is given away before the end.
    private func cosign(
        _ signed: SignedCheckpoint,
        _ now: UInt64,
        _ log: inout Followed
    ) -> AddCheckpointResponse {
        let cosignature = directory.cosigner.cosign(signed.checkpoint, timestampSeconds: now)
        let cosigned: CosignedCheckpoint
        do throws(NoteError) {
            cosigned = try CosignedCheckpoint(signed, cosignature)
        } catch {
            return .refused(.malformed, detail: "there is no room for a cosignature: \(error)")
        }
        do throws(SaveFailure) {
            try directory.save(cosigned)
        } catch {
            switch error {
            case .full(let reason):
                events.record(.error, "witness.full", [.text("reason", "\(reason)")])
                return .failed(status: 507, detail: "the witness has no space left")
            case .broken(let reason):
                log.isBroken = true
                onFailure(reason)
                return .failed(status: 503, detail: "the witness's disk has failed")
            }
        }
        log.state.advance(to: signed.checkpoint, timestampSeconds: now)
        log.cosigned = cosigned
        events.record(
            .info,
            "witness.cosigned",
            [
                .text("origin", signed.checkpoint.origin),
                .number("size", signed.checkpoint.size.value),
                .text("root", signed.checkpoint.root.base64),
            ]
        )
        return .cosigned([cosignature.signature])
    }

    /// Tells of a refusal, and keeps the request if it speaks against the log.
    private func report(_ refusal: WitnessRefusal, of request: AddCheckpointRequest) {
        let level: EventLog.Level =
            switch refusal {
            // What anybody can send is no news.
            case .malformed, .unknownLog, .untrusted: .debug
            case .oldSizeTooLarge, .conflict, .rollback: .info
            case .fork, .inconsistent, .wrongEmptyRoot: .warning
            case .clock: .error
            }
        events.record(
            level,
            "witness.refused",
            [.text("origin", request.origin), .text("reason", "\(refusal)")]
        )
        guard refusal.isEvidence else { return }
        let kind = if case .inconsistent = refusal { "inconsistent" } else { "fork" }
        do throws(SystemError) {
            let file = try keeping.withLock { (_) throws(SystemError) in
                try directory.keep(request, kind: kind)
            }
            guard let file else { return }
            events.record(.warning, "witness.kept", [.text("file", file)])
        } catch {
            events.record(.error, "witness.kept", [.text("failed", "\(error)")])
        }
    }
}
