import Cryptography
import Testing

@testable import SigV4

@Suite struct PublishedSuiteTests {
    let suite: PublishedSuite

    init() throws {
        suite = try Vectors.suite()
    }

    private func signer(for vector: PublishedSuite.Case) throws -> Signer {
        let credentials = try #require(
            SigningCredentials(
                accessKeyID: suite.accessKey,
                secretAccessKey: suite.secretKey,
                sessionToken: vector.token
            )
        )
        return Signer(
            credentials: credentials,
            region: try #require(ScopeName("us-east-1")),
            service: try #require(ScopeName("service")),
            // The published cases send it where there is a body.
            payloadField: vector.body.isEmpty ? .omitted : .included
        )
    }

    private func request(_ vector: PublishedSuite.Case) throws -> SigningRequest {
        try SigningRequest(
            method: vector.method,
            host: suite.host,
            path: vector.path,
            query: items(vector.query),
            fields: items(vector.fields),
            payload: .signed(SHA256.hash(Array(vector.body.utf8).span))
        )
    }

    @Test(.tags(.golden)) func everyCaseIsSignedAsPublished() throws {
        let time = try #require(SigningTime(secondsSince1970: suite.time))
        #expect(suite.cases.count == 29 && suite.skipped.count == 9)
        for vector in suite.cases {
            var signer = try signer(for: vector)
            let fields = signer.fields(signing: try request(vector), at: time)
            let authorization = try #require(fields.last { $0.name == "authorization" })
            #expect(
                authorization.value.hasSuffix(", Signature=\(vector.signature)"),
                "\(vector.name)"
            )
        }
    }

    @Test(.tags(.golden)) func everyStepOfACaseIsAsPublished() throws {
        let time = try #require(SigningTime(secondsSince1970: suite.time))
        for vector in suite.cases {
            let request = try request(vector)
            var added = [SigningRequest.Item("x-amz-date", time.text)]
            if let token = vector.token { added.append(.init("x-amz-security-token", token)) }
            if !vector.body.isEmpty {
                added.append(.init("x-amz-content-sha256", request.payload.text))
            }
            let canonical = CanonicalRequest(
                request,
                query: request.query,
                fields: SigningRequest.joined(request.fields + added)
            )
            let text = String(decoding: canonical.bytes, as: UTF8.self)
            #expect(text == vector.canonicalRequest, "\(vector.name)")
            let scope = "20150830/us-east-1/service/aws4_request"
            let toSign = String(
                decoding: canonical.stringToSign(at: time, scope: scope),
                as: UTF8.self
            )
            #expect(toSign == vector.stringToSign, "\(vector.name)")
        }
    }

    @Test(.tags(.golden)) func everyCaseIsPresignedAsPublished() throws {
        let time = try #require(SigningTime(secondsSince1970: suite.time))
        let lifetime = try #require(PresignedLifetime(seconds: 3_600))
        for vector in suite.cases {
            guard let expected = vector.presignedSignature else { continue }
            var signer = try signer(for: vector)
            let query = signer.query(
                presigning: try request(vector),
                at: time,
                lifetime: lifetime
            )
            #expect(query.hasSuffix("&X-Amz-Signature=\(expected)"), "\(vector.name)")
        }
    }
}

@Suite struct DrawnRequestTests {
    @Test(.tags(.golden)) func aThousandKindsOfRequestsAreSignedAsBotocoreSignsThem() throws {
        let drawn = try Vectors.drawn()
        #expect(drawn.count == 3_000)
        #expect(drawn.count { $0.lifetime != nil } > 1_000)
        for vector in drawn {
            var signer = Signer(credentials: vector.credentials, region: vector.region)
            let text: String
            if let lifetime = vector.lifetime {
                text = signer.query(
                    presigning: vector.request,
                    at: vector.time,
                    lifetime: lifetime
                )
            } else {
                text = signer.fields(signing: vector.request, at: vector.time).last?.value ?? ""
            }
            #expect(text.hasSuffix("Signature=\(vector.signature)"), "\(vector.request)")
        }
    }

    /// One signer for all days and requests gives what a new one for each would.
    @Test func theKeyOfADayIsOfThatDay() throws {
        let vector = try #require(try Vectors.drawn().first { $0.lifetime == nil })
        var signer = Signer(credentials: vector.credentials, region: vector.region)
        for day in [0, 1, 1, 0] {
            let time = try #require(SigningTime(secondsSince1970: Int64(day) * 86_400 + 7))
            var fresh = Signer(credentials: vector.credentials, region: vector.region)
            let expected = fresh.fields(signing: vector.request, at: time)
            #expect(signer.fields(signing: vector.request, at: time) == expected)
        }
    }
}
