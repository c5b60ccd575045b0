package import SigV4

/// Where a store listens: scheme, host and port, nothing else.
package struct S3Endpoint: Hashable, Sendable, CustomStringConvertible {
    package enum Scheme: String, Sendable { case http, https }

    package let scheme: Scheme
    /// In lower case; an IPv6 address in its brackets.
    ///
    /// With its port unless that is the scheme's own.
    package let host: String

    /// `nil` for what is not `http://` or `https://`, a host and at most a port.
    package init?(_ url: String) {
        guard let separator = url.firstRange(of: "://"),
            let scheme = Scheme(rawValue: url[..<separator.lowerBound].lowercased())
        else { return nil }
        var authority = url[separator.upperBound...]
        if authority.hasSuffix("/") { authority.removeLast() }
        var host = authority
        var port: Int?
        let isBracketed = authority.hasPrefix("[")
        if let colon = authority.lastIndex(of: ":"), !isBracketed || authority.last != "]" {
            host = authority[..<colon]
            let digits = authority[authority.index(after: colon)...]
            guard digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let number = Int(digits),
                (1...65_535).contains(number)
            else { return nil }
            port = number
        }
        guard Self.isHost(host, isBracketed: isBracketed) else { return nil }
        self.scheme = scheme
        let isDefault = port == nil || port == (scheme == .https ? 443 : 80)
        self.host = host.lowercased() + (isDefault ? "" : ":\(port ?? 0)")
    }

    private static func isHost(_ text: Substring, isBracketed: Bool) -> Bool {
        var inner = text
        if isBracketed {
            guard inner.count > 2, inner.hasSuffix("]") else { return false }
            inner = inner.dropFirst().dropLast()
        }
        return !inner.isEmpty
            && inner.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."):
                    true
                case UInt8(ascii: ":"): isBracketed
                default: false
                }
            }
    }

    /// Amazon's own in a region.
    package static func aws(_ region: ScopeName) -> S3Endpoint? {
        S3Endpoint("https://s3.\(region).\(awsDomain(region))")
    }

    package var description: String { "\(scheme.rawValue)://\(host)" }
}

/// The domain of Amazon's services in a region.
func awsDomain(_ region: ScopeName) -> String {
    region.text.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
}

/// The name of a bucket.
///
/// Reference: Amazon S3 User Guide, "Bucket naming rules".
package struct BucketName: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    /// `nil` unless 3 to 63 of lower-case letters, digits, `-` and `.`, with a letter or digit at
    /// both ends and no two dots together.
    package init?(_ text: String) {
        func isLetterOrDigit(_ byte: UInt8?) -> Bool {
            guard let byte else { return false }
            return (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        let isValid = text.utf8.allSatisfy {
            isLetterOrDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
        }
        guard isValid, (3...63).contains(text.utf8.count), isLetterOrDigit(text.utf8.first),
            isLetterOrDigit(text.utf8.last), !text.contains("..")
        else { return nil }
        self.text = text
    }

    package var description: String { text }
}

/// What stands before every key of a target in its bucket.
package struct KeyPrefix: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    package static let none = KeyPrefix(unchecked: "")

    /// Empty, or at most 256 bytes that do not begin with a slash; one is added at the end if it is
    /// missing.
    package init?(_ text: String) {
        let ended = text.isEmpty || text.hasSuffix("/") ? text : text + "/"
        guard ended.utf8.count <= 256, !ended.hasPrefix("/") else { return nil }
        self.text = ended
    }

    private init(unchecked text: String) {
        self.text = text
    }

    package var description: String { text }
}

/// A bucket and how to talk to it.
package struct S3Configuration: Sendable {
    /// Where the bucket's name goes.
    package enum Addressing: Sendable {
        /// `https://bucket.host/key`, as Amazon wants it.
        case virtualHost
        /// `https://host/bucket/key`.
        case path
    }

    /// Whether uploads carry a Content-MD5 beside their SHA-256.
    package enum ContentMD5: Sendable { case sent, omitted }

    package var endpoint: S3Endpoint
    package var region: ScopeName
    package var bucket: BucketName
    package var addressing = Addressing.virtualHost
    package var prefix = KeyPrefix.none
    /// Certificates to trust instead of the system's, a PEM file.
    package var authorityFile: String?
    /// The KMS key that the store encrypts with; `nil` leaves it to the bucket.
    package var encryptionKey: String?
    package var contentMD5 = ContentMD5.omitted
    package var retry = RetryPolicy()
    package var breaker = CircuitBreaker.Options()
    package var deadlines = Deadlines()
    /// Requests at once, each on a connection of its own; further callers wait.
    package var connections = 8
    package var userAgent = "strongroom"

    package init(endpoint: S3Endpoint, region: ScopeName, bucket: BucketName) {
        self.endpoint = endpoint
        self.region = region
        self.bucket = bucket
    }
}
