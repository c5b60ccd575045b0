import Cryptography
import EvidenceModel
import EvidenceStore
import HTTPMessage
import Platform

/// What a request to append says besides the payload; checked before the payload is read.
struct EvidenceRequest: Sendable {
    let collection: CollectionName
    let submitter: Submitter
    let labels: Labels
    let lockRequest: LockRequest
    let mediaType: MediaType
    let idempotencyKey: IdempotencyKey?
    let traceparent: Traceparent?
    let declaredDigest: SHA256Digest?

    /// Reads the head, and of the query `label`, `retain`, `retainUntil` and `mode`.
    init(
        _ head: RequestHead,
        _ query: Query,
        collection: String,
        submitter: PrincipalName
    ) throws(Refused) {
        self.collection = try limiting { () throws(LimitViolation) in
            try CollectionName(collection)
        }
        self.submitter = try limiting { () throws(LimitViolation) in
            try Submitter(submitter.text)
        }
        labels = try limiting { () throws(LimitViolation) in
            try Labels(userInput: query.all("label"))
        }
        lockRequest = try Self.lockRequest(query)
        mediaType = try Self.mediaType(head)
        idempotencyKey = try Self.idempotencyKey(head)
        declaredDigest = try Self.declaredDigest(head)
        // A traceparent that cannot be read is ignored: W3C Trace Context section 3.2.
        traceparent = head.fields.first("traceparent").flatMap { try? Traceparent($0) }
        try Self.checkCoding(head)
    }

    /// Bodies are taken as they are.
    static func checkCoding(_ head: RequestHead) throws(Refused) {
        let codings = head.fields.all("content-encoding")
        if let coding = codings.first(where: { $0.lowercased() != "identity" }) {
            throw Refused(
                .unsupportedMediaType,
                "Content-Encoding '\(Query.excerpt(coding))' is not taken; send the body as it "
                    + "is, it is compressed here."
            )
        }
    }

    /// A draft for one payload.
    func draft(
        name: EvidenceName,
        key: IdempotencyKey?,
        payload: StagedPayload,
        mediaType: MediaType,
        isSealed: Bool
    ) -> EvidenceDraft {
        let description = EvidenceDescription(
            name: name,
            mediaType: mediaType,
            labels: labels,
            payloadDigest: payload.digest,
            payloadSize: payload.sizeBytes,
            idempotencyKey: key,
            submitter: submitter,
            traceparent: traceparent
        )
        let form: EvidenceDraft.Form =
            isSealed
            ? .sealed(
                description,
                SealedOpening(
                    salt: Random.bytes(count: SealedOpening.saltSizeBytes),
                    evidence: description
                )
            )
            : .open(description)
        return EvidenceDraft(collection: collection, form: form, lockRequest: lockRequest)
    }

    private static func lockRequest(_ query: Query) throws(Refused) -> LockRequest {
        let mode: RetentionMode? = try limiting { () throws(LimitViolation) in
            guard let text = query.first("mode") else { return nil }
            return try RetentionMode(userInput: text)
        }
        switch (query.first("retain"), query.first("retainUntil")) {
        case (nil, nil): return LockRequest(mode: mode)
        case (let text?, nil):
            let duration = try limiting { () throws(LimitViolation) in
                try RetentionDuration(parsing: text)
            }
            return LockRequest(mode: mode, retention: .duration(duration))
        case (nil, let text?):
            let until = try limiting { () throws(LimitViolation) in
                try Timestamp(userInput: text)
            }
            return LockRequest(mode: mode, retention: .until(until))
        case (_?, _?):
            throw Refused(.badRequest, "Give 'retain' or 'retainUntil', not both.")
        }
    }

    private static func mediaType(_ head: RequestHead) throws(Refused) -> MediaType {
        guard let text = head.fields.first("content-type"), !text.isEmpty else {
            return .octetStream
        }
        return try limiting { () throws(LimitViolation) in try MediaType(text) }
    }

    private static func idempotencyKey(_ head: RequestHead) throws(Refused) -> IdempotencyKey? {
        let keys = head.fields.all("idempotency-key")
        guard keys.count <= 1 else {
            throw Refused(.badRequest, "Idempotency-Key is given twice.")
        }
        guard let key = keys.first else { return nil }
        return try limiting { () throws(LimitViolation) in try IdempotencyKey(key) }
    }

    /// The SHA-256 that the body must have, if the head says one.
    static func declaredDigest(_ head: RequestHead) throws(Refused) -> SHA256Digest? {
        switch DeclaredDigest(head.fields.all("content-digest")) {
        case .none: return nil
        case .malformed, .otherAlgorithms: break
        case .sha256(let text):
            if let digest = SHA256Digest(base64: text) { return digest }
        }
        throw Refused(
            .badRequest,
            "Content-Digest must have a SHA-256, written sha-256=:base64 of 32 bytes: (RFC 9530); "
                + "no other digest is checked here."
        )
    }
}
