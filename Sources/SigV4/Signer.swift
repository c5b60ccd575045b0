import Cryptography

/// The name of a region or a service, as it stands in a signature's scope.
package struct ScopeName: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    package static let s3 = ScopeName(unchecked: "s3")

    /// `nil` unless 1 to 64 of letters, digits, `-` and `_`.
    package init?(_ text: String) {
        let isValid = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard isValid, (1...64).contains(text.utf8.count) else { return nil }
        self.text = text
    }

    private init(unchecked text: String) {
        self.text = text
    }

    package var description: String { text }
}

/// How long a presigned URL works: one second to seven days.
package struct PresignedLifetime: Hashable, Sendable {
    package let seconds: Int

    package init?(seconds: Int) {
        guard (1...604_800).contains(seconds) else { return nil }
        self.seconds = seconds
    }
}

/// Signs requests with AWS Signature Version 4.
///
/// Keeps the key that it derives for a day, so that a signature costs one HMAC and two hashes.
///
/// Reference: AWS Identity and Access Management User Guide, "Create a signed AWS API request";
/// Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)".
package struct Signer: Sendable {
    static let algorithm = "AWS4-HMAC-SHA256"

    package let credentials: SigningCredentials
    package let region: ScopeName
    package let service: ScopeName
    private let payloadField: PayloadField
    private var dayKey: (date: String, key: SHA256Digest)?

    /// Whether the hash of the payload is sent in a field of its own.
    package enum PayloadField: Sendable { case included, omitted }

    /// `payloadField`: S3 demands it.
    package init(
        credentials: SigningCredentials,
        region: ScopeName,
        service: ScopeName = .s3,
        payloadField: PayloadField = .included
    ) {
        self.credentials = credentials
        self.region = region
        self.service = service
        self.payloadField = payloadField
    }

    /// The fields that make a request a signed one; send them with those that the request names.
    package mutating func fields(
        signing request: SigningRequest,
        at time: SigningTime
    ) -> [SigningRequest.Item] {
        var added = [SigningRequest.Item("x-amz-date", time.text)]
        if payloadField == .included {
            added.append(SigningRequest.Item("x-amz-content-sha256", request.payload.text))
        }
        if let token = credentials.sessionToken {
            added.append(SigningRequest.Item("x-amz-security-token", token.revealed))
        }
        let canonical = CanonicalRequest(
            request,
            query: request.query,
            fields: SigningRequest.joined(request.fields + added)
        )
        let signature = sign(canonical, at: time)
        let credential = "\(credentials.accessKeyID)/\(scope(at: time))"
        let authorization =
            "\(Self.algorithm) Credential=\(credential), SignedHeaders=\(canonical.signedNames), "
            + "Signature=\(signature.hex)"
        return added + [SigningRequest.Item("authorization", authorization)]
    }

    /// The query of a URL that needs no further signature; the fields that the request names must
    /// be sent with it.
    package mutating func query(
        presigning request: SigningRequest,
        at time: SigningTime,
        lifetime: PresignedLifetime
    ) -> String {
        let names = request.fields.map(\.name).joined(separator: ";")
        var added = [
            SigningRequest.Item("X-Amz-Algorithm", Self.algorithm),
            SigningRequest.Item(
                "X-Amz-Credential",
                "\(credentials.accessKeyID)/\(scope(at: time))"
            ),
            SigningRequest.Item("X-Amz-Date", time.text),
            SigningRequest.Item("X-Amz-Expires", String(lifetime.seconds)),
            SigningRequest.Item("X-Amz-SignedHeaders", names),
        ]
        if let token = credentials.sessionToken {
            added.append(SigningRequest.Item("X-Amz-Security-Token", token.revealed))
        }
        let query = SigningRequest.sorted(request.query + added.map(SigningRequest.encoded))
        let canonical = CanonicalRequest(request, query: query, fields: request.fields)
        let items = query.map { "\($0.name)=\($0.value)" }
        let signature = sign(canonical, at: time)
        return (items + ["X-Amz-Signature=\(signature.hex)"]).joined(separator: "&")
    }

    private func scope(at time: SigningTime) -> String {
        "\(time.date)/\(region)/\(service)/aws4_request"
    }

    private mutating func sign(
        _ canonical: CanonicalRequest,
        at time: SigningTime
    ) -> SHA256Digest {
        let text = canonical.stringToSign(at: time, scope: scope(at: time))
        return key(for: time.date).withSpan { HMACSHA256.authenticate(text.span, key: $0) }
    }

    private mutating func key(for date: String) -> SHA256Digest {
        if let dayKey, dayKey.date == date { return dayKey.key }
        let secret = Array("AWS4\(credentials.secretAccessKey.revealed)".utf8)
        var key = HMACSHA256.authenticate(Array(date.utf8).span, key: secret.span)
        for part in [region.text, service.text, "aws4_request"] {
            key = key.withSpan { HMACSHA256.authenticate(Array(part.utf8).span, key: $0) }
        }
        dayKey = (date, key)
        return key
    }
}

extension Signer: CustomStringConvertible, CustomReflectable {
    package var description: String { "\(credentials) for \(service) in \(region)" }
    /// Shows no key.
    package var customMirror: Mirror { Mirror(self, children: []) }
}
