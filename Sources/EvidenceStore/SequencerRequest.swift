import EvidenceModel
import Platform

/// What waits for the sequencer.
enum SequencerRequest: Sendable {
    case append(AppendRequest)
    case act(ActRequest)
    case replaceActive(ActiveReplacement)

    /// How much of the queue's limits it takes.
    var recordCount: Int {
        switch self {
        case .append(let request): request.submissions.count
        case .act, .replaceActive: 1
        }
    }

    var sizeBytes: Int {
        switch self {
        case .append(let request): request.submissions.reduce(0) { $0 + $1.sizeBytes }
        case .act: 1024
        case .replaceActive: 0
        }
    }

    /// Tells whoever waits that it was not done.
    func fail(_ error: StoreError) {
        switch self {
        case .append(let request): request.completion(.failure(error))
        case .act(let request): request.completion(.failure(error))
        case .replaceActive(let replacement): replacement.completion(.failure(error))
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

/// An act that a principal proposes, and whom to tell.
struct ActRequest: Sendable {
    let proposal: ActProposal
    let principal: Principal
    let reason: Reason?
    let completion: @Sendable (Result<ActOutcome, StoreError>) -> Void
}

/// A copy of the active segment without what was erased, which is to take its place.
struct ActiveReplacement: Sendable {
    let rewrite: SegmentRewrite
    let completion: @Sendable (Result<Void, StoreError>) -> Void
}
