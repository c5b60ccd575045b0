import CurlClient
import Replication
import XMLReader

/// What a store says when it refuses.
struct ErrorReply: Equatable {
    let status: Int
    /// `nil` without a body, as after HEAD, or with one that is no S3 error.
    let code: String?
    let message: String
    let region: String?

    init(_ response: ClientResponse) {
        self.init(
            status: response.status,
            body: response.body,
            region: response.fields["x-amz-bucket-region"]
        )
    }

    init(status: Int, body: [UInt8], region: String?) {
        self.status = status
        guard let root = try? XMLElement(parsing: body.span), root.name == "Error" else {
            code = nil
            message = ""
            self.region = region
            return
        }
        code = root.text("Code")
        message = root.text("Message") ?? ""
        self.region = region ?? root.text("Region")
    }

    init(status: Int, code: String, message: String) {
        self.status = status
        self.code = code
        self.message = message
        region = nil
    }

    /// For a person.
    var detail: String {
        excerpt(
            (code.map { "\($0) (status \(status))" } ?? "status \(status)")
                + (message.isEmpty ? "" : ": \(message)")
        )
    }

    /// By status first, then by code: the same refusal has other codes on other stores.
    var failure: StoreFailure {
        if let fault = setupFault { return .invalid(fault, detail: detail) }
        switch status {
        case 304, 412: return .preconditionFailed
        case 400: return badRequest
        case 401, 403: return .accessDenied(detail: detail)
        case 404: return .notFound
        case 408: return .unavailable(detail: detail)
        case 409: return .conflict(detail: detail)
        case 429: return .throttled(detail: detail)
        case 501: return .unsupported(detail: detail)
        case 503: return code == "ServiceUnavailable" ? .unavailable(detail: detail) : slowDown
        case 500...: return .unavailable(detail: detail)
        default: return .rejected(detail: detail)
        }
    }

    private var slowDown: StoreFailure {
        code == "SlowDown" ? .throttled(detail: detail) : .unavailable(detail: detail)
    }

    private var badRequest: StoreFailure {
        switch code {
        // The connection stood still for too long.
        case "RequestTimeout": .unavailable(detail: detail)
        // The bytes that came are not those that were sent.
        case "BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody", "InvalidDigest":
            .corrupt(detail: detail)
        default: .rejected(detail: detail)
        }
    }

    /// What no repetition helps against.
    private var setupFault: StoreFailure.SetupFault? {
        if status == 301 || status == 307 { return .wrongRegion(region) }
        guard (400..<500).contains(status) else { return nil }
        return switch code {
        case "NoSuchBucket": .bucketMissing
        case "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
            .wrongRegion(region)
        case "InvalidAccessKeyId": .unknownAccessKey
        case "SignatureDoesNotMatch": .wrongSecretKey
        case "ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired":
            .expiredCredentials
        case "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture": .clockSkew
        case "InvalidBucketState", "InvalidBucketName": .bucketState
        case "KMS.DisabledException", "KMS.NotFoundException", "KMS.InvalidKeyUsageException",
            "KMS.KMSInvalidStateException", "InvalidEncryptionAlgorithmError":
            .encryptionKey
        default: nil
        }
    }
}

/// A transfer takes longer than what it has carried allows.
struct TooSlow: Error {}

extension StoreFailure {
    /// Without a reply.
    init(_ error: CurlError, callbackError: (any Error)?) {
        switch error {
        case .unreachable: self = .transport(.notSent, detail: "\(error)")
        case .connectionLost, .timedOut, .protocolError:
            self = .transport(.unknown, detail: "\(error)")
        case .tlsFailed: self = .invalid(.tls, detail: "\(error)")
        case .aborted where callbackError is TooSlow:
            self = .transport(.unknown, detail: "the store sends too slowly")
        case .aborted: self = .local(detail: callbackError.map { "\($0)" } ?? "\(error)")
        case .responseTooLarge: self = .corrupt(detail: "\(error)")
        case .invalidRequest: self = .rejected(detail: "\(error)")
        }
    }

    /// What it says of the store's health.
    var outcome: CircuitBreaker.Outcome {
        switch self {
        case .throttled, .unavailable, .transport, .invalid(.tls, _): .fault
        case .invalid(.noCredentials, _), .local, .circuitOpen: .neutral
        default: .sound
        }
    }

    /// Whether the store may have done what was asked.
    var mayHaveActed: Bool {
        switch self {
        case .unavailable, .transport(.unknown, _): true
        default: false
        }
    }

    /// Whether a repetition may help, once it is known to be harmless.
    var isPassing: Bool {
        switch self {
        case .throttled, .unavailable, .transport, .conflict, .corrupt: true
        default: false
        }
    }
}
