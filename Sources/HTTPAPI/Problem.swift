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
        case crossOrigin = "cross-origin"
        case notFound = "not-found"
        case methodNotAllowed = "method-not-allowed"
        case conflict = "idempotency-conflict"
        case contentTooLarge = "content-too-large"
        case targetTooLong = "target-too-long"
        case unsupportedMediaType = "unsupported-media-type"
        case rangeNotSatisfiable = "range-not-satisfiable"
        case expectationFailed = "expectation-failed"
        case limit = "limit-exceeded"
        case retention = "retention-refused"
        case headerTooLarge = "header-too-large"
        case damaged = "damaged"
        case overloaded = "overloaded"
        case unavailable = "unavailable"
        case storageFull = "storage-full"

        var status: Int {
            switch self {
            case .badRequest, .digestMismatch: 400
            case .crossOrigin: 403
            case .notFound: 404
            case .methodNotAllowed: 405
            case .conflict: 409
            case .contentTooLarge: 413
            case .targetTooLong: 414
            case .unsupportedMediaType: 415
            case .rangeNotSatisfiable: 416
            case .expectationFailed: 417
            case .limit, .retention: 422
            case .headerTooLarge: 431
            case .damaged: 500
            case .overloaded, .unavailable: 503
            case .storageFull: 507
            }
        }

        var title: String {
            switch self {
            case .badRequest: "The request cannot be understood"
            case .digestMismatch: "The body is not what was announced"
            case .crossOrigin: "A web page of another origin must not write here"
            case .notFound: "There is no such thing here"
            case .methodNotAllowed: "The resource does not take this method"
            case .conflict: "The idempotency key belongs to another request"
            case .contentTooLarge: "The content is too large"
            case .targetTooLong: "A part of the request's address is too long"
            case .unsupportedMediaType: "The content is not of a form that is taken here"
            case .rangeNotSatisfiable: "The range lies outside of the payload"
            case .expectationFailed: "The expectation cannot be met"
            case .limit: "A value is outside its limits"
            case .retention: "The requested lock is not allowed"
            case .headerTooLarge: "A header field is too large"
            case .damaged: "What is stored is not what was written"
            case .overloaded: "More work is waiting than the server takes"
            case .unavailable: "The server does not take evidence now"
            case .storageFull: "The disk is full"
            }
        }
    }

    let slug: Slug
    /// What, where, and what to do next.
    let detail: String
    var index: RecordIndex?
    var retryAfterSeconds: Int?

    init(
        _ slug: Slug,
        _ detail: String,
        index: RecordIndex? = nil,
        retryAfterSeconds: Int? = nil
    ) {
        self.slug = slug
        self.detail = detail
        self.index = index
        self.retryAfterSeconds = retryAfterSeconds
    }

    /// The reply.
    var response: Response {
        var object: JSONObject = [
            "detail": .string(detail),
            "status": .integer(Int64(slug.status)),
            "title": .string(slug.title),
            "type": .string("https://strongroom.dev/problems/" + slug.rawValue),
        ]
        if let index { object["index"] = .integer(Int64(index.value)) }
        if let retryAfterSeconds { object["retryAfter"] = .integer(Int64(retryAfterSeconds)) }
        var fields = HTTPFields(["Content-Type": "application/problem+json"])
        if let retryAfterSeconds { fields.append("Retry-After", String(retryAfterSeconds)) }
        return Response(
            status: slug.status,
            fields: fields,
            body: .bytes(CanonicalJSON.encode(.object(object)))
        )
    }
}
