import HTTPMessage
import Replication
import Testing

@testable import S3

/// What a reply means, by status first, then by code.
@Suite struct FailureTests {
    private func failure(of response: Response) throws -> StoreFailure? {
        let server = try FakeServer([response])
        defer { server.stop() }
        let client = try client(server) { $0.retry.attempts = 1 }
        let name = try key("k")
        return S3Tests.failure { () throws(StoreFailure) in
            try client.get(name, version: nil, range: nil) { _ in }
        }
    }

    @Test(
        arguments: [
            (404, "NoSuchBucket", .bucketMissing), (403, "InvalidAccessKeyId", .unknownAccessKey),
            (403, "SignatureDoesNotMatch", .wrongSecretKey),
            (400, "InvalidBucketState", .bucketState),
            (409, "InvalidBucketState", .bucketState),
            (400, "KMS.NotFoundException", .encryptionKey),
        ] as [(Int, String, StoreFailure.SetupFault)]
    )
    func setupFaultsAreNamed(status: Int, code: String, fault: StoreFailure.SetupFault) throws {
        let detail = "\(code) (status \(status)): because"
        #expect(try failure(of: .error(status, code)) == .invalid(fault, detail: detail))
    }

    @Test(
        arguments: [
            (304, "NotModified", .preconditionFailed),
            (412, "PreconditionFailed", .preconditionFailed),
            (404, "NoSuchKey", .notFound), (404, "NoSuchVersion", .notFound),
            (404, "Other", .notFound),
        ] as [(Int, String, StoreFailure)]
    )
    func plainRefusals(status: Int, code: String, expected: StoreFailure) throws {
        #expect(try failure(of: .error(status, code)) == expected)
    }

    /// The same status means the same, whatever the code, except where the code says more.
    @Test func classesByStatus() throws {
        for (status, code, name) in [
            (401, "Other", "accessDenied"), (403, "AccessDenied", "accessDenied"),
            (403, "Other", "accessDenied"), (400, "InvalidRequest", "rejected"),
            (400, "InvalidArgument", "rejected"), (405, "MethodNotAllowed", "rejected"),
            (416, "InvalidRange", "rejected"), (411, "MissingContentLength", "rejected"),
            (409, "OperationAborted", "conflict"), (409, "ConditionalRequestConflict", "conflict"),
            (429, "TooManyRequests", "throttled"), (503, "SlowDown", "throttled"),
            (503, "ServiceUnavailable", "unavailable"), (503, "Other", "unavailable"),
            (500, "InternalError", "unavailable"), (502, "Other", "unavailable"),
            (400, "RequestTimeout", "unavailable"), (408, "Other", "unavailable"),
            (501, "NotImplemented", "unsupported"), (400, "BadDigest", "corrupt"),
            (400, "XAmzContentSHA256Mismatch", "corrupt"),
        ] {
            let found = try #require(try failure(of: .error(status, code)))
            let label = Mirror(reflecting: found).children.first?.label
            #expect(label == name, "\(status) \(code): \(found)")
        }
    }

    @Test func anotherRegionIsNamed() throws {
        let found = [
            try failure(of: .error(301, "PermanentRedirect", ["x-amz-bucket-region": "eu-west-1"])),
            try failure(
                of: .error(
                    400,
                    "AuthorizationHeaderMalformed",
                    more: "<Region>eu-west-1</Region>"
                )
            ),
            try failure(of: .text(307, "", ["Location": "http://elsewhere/"])),
        ]
        for (failure, region) in zip(found, ["eu-west-1", "eu-west-1", nil]) {
            guard case .invalid(.wrongRegion(region), _) = failure else {
                Issue.record("\(String(describing: failure))")
                continue
            }
        }
    }

    @Test func aSkewedClockIsToldWithBothTimes() throws {
        guard
            case .invalid(.clockSkew, let detail) = try failure(
                of: .error(403, "RequestTimeTooSkewed")
            )
        else {
            Issue.record("not told as skew")
            return
        }
        #expect(detail.contains("RequestTimeTooSkewed"))
        #expect(detail.contains("this machine says 20261121T000000Z"))
        #expect(detail.contains("the store's "))
    }

    @Test func aDeleteMarkerIsNotAnAbsence() throws {
        for status in [404, 405] {
            let found = try failure(
                of: .error(status, "NoSuchKey", ["x-amz-delete-marker": "true"])
            )
            #expect(found == .deleteMarker)
        }
    }

    /// Bodies that are no S3 error: the status still counts.
    @Test(arguments: ["", "<html>", "not XML", "<!DOCTYPE a><Error/>", "<Error/>", "{}"])
    func statusWithoutAnErrorDocument(body: String) throws {
        guard case .unavailable(let detail) = try failure(of: .text(502, body)) else {
            Issue.record("not unavailable")
            return
        }
        #expect(detail == "status 502")
    }

    @Test func whatTheStoreSaysIsOneLine() throws {
        let long = String(repeating: "x\n", count: 1_000)
        let body = "<Error><Code>Other</Code><Message>\(long)</Message></Error>"
        guard case .accessDenied(let detail) = try failure(of: .text(403, body)) else {
            Issue.record("not denied")
            return
        }
        #expect(!detail.contains("\n") && detail.count < 310)
    }

    @Test func nobodyListens() throws {
        let time = FakeTime()
        var configuration = try configuration("http://127.0.0.1:1")
        configuration.retry.attempts = 2
        let client = S3Client(
            configuration,
            credentials: CredentialCache(StaticCredentials(try credentials())),
            surroundings: time.surroundings
        )
        guard
            case .transport(.notSent, _) = S3Tests.failure({
                () throws(StoreFailure) in try client.bucketFacts()
            })
        else {
            Issue.record("something answered")
            return
        }
        #expect(client.statistics.requests == 2)
        #expect(client.statistics.faults == 2)
        #expect(time.slept == [200])
    }

    @Test func aStoreThatIsNotTrustedIsNotTalkedTo() throws {
        let server = try FakeServer([.stored])
        defer { server.stop() }
        let client = try client(server) { configuration in
            let secure = server.url.replacing("http:", with: "https:")
            configuration.endpoint = S3Endpoint(secure) ?? configuration.endpoint
        }
        guard
            case .invalid(.tls, _) = S3Tests.failure({
                () throws(StoreFailure) in try client.bucketFacts()
            })
        else {
            Issue.record("talked to a server without TLS")
            return
        }
        #expect(server.requests.isEmpty)
    }
}
