/// Where a target is and how it is used, as the record `target.added` says it; never a secret.
public struct TargetDescription: Hashable, Sendable {
    /// The longest of the texts.
    public static let maximumTextSizeBytes = 256
    /// The longest time for which tiles are locked at once.
    public static let maximumLogRetentionYears: Int64 = 100

    /// The name.
    public let name: TargetName
    /// The bucket.
    public let bucket: String
    /// Scheme, host and port; `nil`: Amazon's own in the region.
    public var endpoint: String?
    /// The region that requests are signed for.
    public var region: String
    /// What stands before every key; empty, or ends with a slash.
    public var prefix = ""
    /// Whether the bucket stands in the path instead of the host name.
    public var isPathStyle = false
    /// The key with which the store encrypts (SSE-KMS).
    public var kmsKey: String?
    /// The profile of the shared credential files that writes.
    public var profile: String?
    /// The profile that may delete versions; `nil`: nothing is deleted in the target.
    public var retentionProfile: String?
    /// How long tiles are locked; prolonged yearly.
    public var logRetention: RetentionDuration

    /// A description with the usual settings.
    ///
    /// What the texts may be is told by ``check()``, and decided when an act is.
    public init(
        name: TargetName,
        bucket: String,
        region: String,
        logRetention: RetentionDuration
    ) {
        self.name = name
        self.bucket = bucket
        self.region = region
        self.logRetention = logRetention
    }

    /// Checks what `target.added` can say of a target: the form of each text.
    ///
    /// - Throws: `LimitViolation` of the field `.target`, whose rule begins with the member.
    public func check() throws(LimitViolation) {
        guard let fault else { return }
        throw LimitViolation(.target, rule: "\(fault.member) \(fault.rule)", given: name.text)
    }

    /// Whether objects of both stand among each other: one bucket, and one prefix within the other.
    ///
    /// An endpoint that is written in two ways is not seen through; the register of the bucket is
    /// what finds that out.
    func sharesPlace(with other: TargetDescription) -> Bool {
        bucket == other.bucket && endpoint == other.endpoint
            && (endpoint != nil || region == other.region)
            && (prefix.hasPrefix(other.prefix) || other.prefix.hasPrefix(prefix))
    }
}

extension TargetDescription {
    /// The member that is not as `target.added` may have it, and the rule.
    var fault: (member: String, rule: String)? {
        if !Self.isBucket(bucket) {
            return ("bucket", "must be 3 to 63 of a-z, 0-9, - and ., by Amazon's rules")
        }
        if let endpoint, !Self.isEndpoint(endpoint) {
            return (
                "endpoint",
                "must be http:// or https://, a host in lower case, at most a port, nothing behind"
            )
        }
        if !Self.isRegion(region) { return ("region", "must be 1 to 64 of A-Z, a-z, 0-9, - and _") }
        if !Self.isPrefix(prefix) {
            return (
                "prefix",
                "must be empty, or visible ASCII that ends with a slash, without an empty, . or .. "
                    + "part, of at most \(Self.maximumTextSizeBytes) bytes"
            )
        }
        let texts = [
            ("kmsKey", kmsKey), ("profile", profile), ("retentionProfile", retentionProfile),
        ]
        for case (let member, let text?) in texts where !Self.isVisible(text) {
            return (member, "must be 1 to \(Self.maximumTextSizeBytes) characters of visible ASCII")
        }
        if logRetention.nominalSeconds > Self.maximumLogRetentionSeconds {
            return ("logRetention", "must be at most \(Self.maximumLogRetentionYears)y")
        }
        return nil
    }

    private static let maximumLogRetentionSeconds =
        RetentionDuration(unchecked: maximumLogRetentionYears, .years).nominalSeconds

    /// Reference: Amazon S3 User Guide, "Bucket naming rules".
    private static func isBucket(_ text: String) -> Bool {
        (3...63).contains(text.utf8.count) && text.utf8.first?.isLowercaseOrDigit == true
            && text.utf8.last?.isLowercaseOrDigit == true && !text.contains("..")
            && text.utf8.allSatisfy {
                $0.isLowercaseOrDigit || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
            }
    }

    private static func isRegion(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                byte.isLowercaseOrDigit || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
            }
    }

    private static func isPrefix(_ text: String) -> Bool {
        if text.isEmpty { return true }
        guard isVisible(text), text.hasSuffix("/") else { return false }
        return text.dropLast().split(separator: "/", omittingEmptySubsequences: false)
            .allSatisfy { !["", ".", ".."].contains($0) }
    }

    static func isVisible(_ text: String) -> Bool {
        (1...maximumTextSizeBytes).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    private static func isEndpoint(_ text: String) -> Bool {
        guard isVisible(text), let scheme = ["http://", "https://"].first(where: text.hasPrefix)
        else { return false }
        let authority = text.utf8.dropFirst(scheme.utf8.count)
        let isBracketed = authority.first == UInt8(ascii: "[")
        var host = authority
        if let colon = authority.lastIndex(of: UInt8(ascii: ":")),
            !isBracketed || authority.last != UInt8(ascii: "]")
        {
            host = authority[..<colon]
            let digits = authority[authority.index(after: colon)...]
            guard isPort(digits) else { return false }
        }
        guard isBracketed else {
            return !host.isEmpty && host.allSatisfy { isInHost($0) }
        }
        let inner = host.dropFirst().dropLast()
        return host.last == UInt8(ascii: "]") && !inner.isEmpty
            && inner.allSatisfy { isInHost($0) || $0 == UInt8(ascii: ":") }
    }

    private static func isInHost(_ byte: UInt8) -> Bool {
        byte.isLowercaseOrDigit || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
    }

    private static func isPort(_ digits: Substring.UTF8View) -> Bool {
        guard (1...5).contains(digits.count), digits.first != UInt8(ascii: "0"),
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return false }
        return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) } <= 65_535
    }
}
