// What each slug says in general, as in `Schemas/problems.md`.

extension Problem.Slug {
    var status: Int {
        switch self {
        case .badRequest, .digestMismatch: 400
        case .unauthorized: 401
        case .forbidden, .crossOrigin: 403
        case .notFound, .targetUnknown, .noWitnesses: 404
        case .methodNotAllowed: 405
        case .conflict, .locked, .refused, .logClosed, .busy, .targetExists, .targetRefused: 409
        case .erased: 410
        case .contentTooLarge: 413
        case .targetTooLong: 414
        case .unsupportedMediaType: 415
        case .rangeNotSatisfiable: 416
        case .expectationFailed: 417
        case .limit, .retention, .targetUnsuitable: 422
        case .tooManyFailures: 429
        case .headerTooLarge: 431
        case .damaged: 500
        case .overloaded, .unavailable, .clockUnsettled, .policyChanged, .targetUnavailable,
            .copyPending, .notCosigned:
            503
        case .storageFull: 507
        }
    }

    var title: String {
        switch self {
        case .badRequest: "The request cannot be understood"
        case .digestMismatch: "The body is not what was announced"
        case .unauthorized: "There is no valid token with the request"
        case .forbidden: "The token does not allow this"
        case .crossOrigin: "A web page of another origin must not write here"
        case .notFound: "There is no such thing here"
        case .methodNotAllowed: "The resource does not take this method"
        case .conflict: "The idempotency key belongs to another request"
        case .locked: "The record is locked"
        case .refused: "The rules do not allow this now"
        case .logClosed: "The log is closed"
        case .busy: "Another request does this already"
        case .erased: "The payload was erased"
        case .contentTooLarge: "The content is too large"
        case .targetTooLong: "A part of the request's address is too long"
        case .unsupportedMediaType: "The content is not of a form that is taken here"
        case .rangeNotSatisfiable: "The range lies outside of the payload"
        case .expectationFailed: "The expectation cannot be met"
        case .limit: "A value is outside its limits"
        case .retention: "The requested lock is not allowed"
        case .tooManyFailures: "Too many wrong tokens came from this address"
        case .headerTooLarge: "A header field is too large"
        case .damaged: "What is stored is not what was written"
        case .overloaded: "More work is waiting than the server takes"
        case .unavailable: "The server does not take evidence now"
        case .clockUnsettled: "The clocks do not agree"
        case .policyChanged: "The collection's policy changed meanwhile"
        case .copyPending: "The second copy does not have the record yet"
        case .storageFull: "The disk is full"
        case .notCosigned: "Witnesses have not confirmed that yet"
        case .noWitnesses: "This server asks no witnesses"
        case .targetUnknown: "There is no such target"
        case .targetExists: "There is a target of this name already"
        case .targetUnsuitable: "The bucket cannot be used as it is"
        case .targetRefused: "As the target stands, this is not allowed"
        case .targetUnavailable: "The target's store does not do its work now"
        }
    }
}
