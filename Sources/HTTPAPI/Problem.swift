import EvidenceModel
import HTTPMessage
import TransparencyLog

/// A refusal or failure as a client sees it.
///
/// Every slug is documented in `Schemas/problems.md`.
///
/// Reference: RFC 9457.
struct Problem: Sendable {
    /// The last part of the problem's `type`.
    enum Slug: String, CaseIterable, Sendable {
        case badRequest = "bad-request"
        case digestMismatch = "digest-mismatch"
        case unauthorized = "unauthorized"
        case forbidden = "forbidden"
        case crossOrigin = "cross-origin"
        case notFound = "not-found"
        case methodNotAllowed = "method-not-allowed"
        case conflict = "idempotency-conflict"
        case locked = "locked"
        case refused = "refused"
        case logClosed = "log-closed"
        case busy = "busy"
        case erased = "erased"
        case contentTooLarge = "content-too-large"
        case targetTooLong = "target-too-long"
        case unsupportedMediaType = "unsupported-media-type"
        case rangeNotSatisfiable = "range-not-satisfiable"
        case expectationFailed = "expectation-failed"
        case limit = "limit-exceeded"
        case retention = "retention-refused"
        case tooManyFailures = "too-many-failures"
        case headerTooLarge = "header-too-large"
        case damaged = "damaged"
        case overloaded = "overloaded"
        case unavailable = "unavailable"
        case clockUnsettled = "clock-unsettled"
        case policyChanged = "policy-changed"
        case copyPending = "copy-pending"
        case storageFull = "storage-full"
        case notCosigned = "not-cosigned"
        case noWitnesses = "no-witnesses"
        case targetUnknown = "target-unknown"
        case targetExists = "target-exists"
        case targetUnsuitable = "target-unsuitable"
        case targetRefused = "target-refused"
        case targetUnavailable = "target-unavailable"
    }

    let slug: Slug
    /// What, where, and what to do next.
    let detail: String
    /// That of the slug, unless the resource answers in a way of its own.
    var status: Int
    var index: RecordIndex?
    var retryAfterSeconds: Int?
    var lockedUntil: Timestamp?
    /// The `payload.erased` record.
    var certificate: RecordIndex?
    /// Of a request that names several records: each with its own reason.
    var refused: [RefusedRecord] = []
    /// Header fields that belong to the refusal.
    var fields: [(name: StaticString, value: String)] = []

    init(
        _ slug: Slug,
        _ detail: String,
        index: RecordIndex? = nil,
        retryAfterSeconds: Int? = nil
    ) {
        self.slug = slug
        self.detail = detail
        status = slug.status
        self.index = index
        self.retryAfterSeconds = retryAfterSeconds
    }

    /// The document.
    var object: JSONObject {
        var object: JSONObject = [
            "detail": .string(detail),
            "status": .integer(Int64(status)),
            "title": .string(slug.title),
            "type": .string("https://strongroom.dev/problems/" + slug.rawValue),
        ]
        object["index"] = index.map { .index($0) }
        object["retryAfter"] = retryAfterSeconds.map { .integer(Int64($0)) }
        object["lockedUntil"] = lockedUntil.map { .string($0.rfc3339Seconds) }
        object["certificate"] = certificate.map { .index($0) }
        if !refused.isEmpty { object["refused"] = .array(refused.map(\.json)) }
        return object
    }

    /// The reply.
    var response: Response {
        var reply = HTTPFields(["Content-Type": "application/problem+json"])
        if let retryAfterSeconds { reply.append("Retry-After", String(retryAfterSeconds)) }
        for field in fields { reply.append(field.name, field.value) }
        return Response(
            status: status,
            fields: reply,
            body: .bytes(CanonicalJSON.encode(.object(object)))
        )
    }
}

/// A record that a request names and that is left as it is.
struct RefusedRecord: Sendable {
    let index: RecordIndex
    let problem: Problem

    var json: JSONValue {
        .object(["index": .index(index), "problem": .object(problem.object)])
    }
}
