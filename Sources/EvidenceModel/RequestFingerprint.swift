internal import Cryptography

/// What a request asked for, in 16 bytes: a repeated idempotency key must come with the same one.
///
/// The first 16 bytes of SHA-256 over the canonical JSON of the payload's `digest`, the `name`, the
/// `labels` and the requested `lock` (`mode`, and `retain` or `until`); members that say nothing
/// are absent.
public struct RequestFingerprint: Hashable, Sendable {
    /// The size of a fingerprint.
    public static let sizeBytes = 16

    private let value: SixteenBytes

    /// The fingerprint of a request.
    public init(description: EvidenceDescription, lockRequest: LockRequest) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(256)
        bytes.append(ascii: "{\"digest\":\"")
        description.payloadDigest.appendHex(to: &bytes)
        bytes.append(ascii: "\",")
        description.appendLabels(to: &bytes)
        lockRequest.appendCanonicalMember(to: &bytes)
        bytes.append(ascii: "\"name\":")
        CanonicalJSON.append(string: description.name.text, to: &bytes)
        bytes.append(JSONReader.closeBrace)
        value = SixteenBytes(prefixOf: SHA256.hash(bytes.span))
    }

    /// A stored fingerprint; `nil` unless there are 16 bytes.
    public init?(_ bytes: Span<UInt8>) {
        guard let value = SixteenBytes(bytes) else { return nil }
        self.value = value
    }

    /// The 16 bytes.
    public var bytes: [UInt8] { value.bytes }

    /// Appends the 16 bytes.
    public func append(to bytes: inout [UInt8]) {
        value.append(to: &bytes)
    }
}

/// An idempotency key and its scope, in 16 bytes: the first of SHA-256(collection 0x00 submitter
/// 0x00 key).
public struct KeyHash: Hashable, Sendable {
    /// The size of a hash.
    public static let sizeBytes = 16

    private let value: SixteenBytes

    /// The hash of a key in its scope.
    public init(collection: CollectionName, submitter: Submitter, key: IdempotencyKey) {
        var bytes: [UInt8] = []
        bytes.append(ascii: collection.text)
        bytes.append(0)
        bytes.append(ascii: submitter.text)
        bytes.append(0)
        bytes.append(ascii: key.text)
        value = SixteenBytes(prefixOf: SHA256.hash(bytes.span))
    }

    /// The hash of a description's key; `nil` if it has none.
    public init?(collection: CollectionName, description: EvidenceDescription) {
        guard let key = description.idempotencyKey else { return nil }
        self.init(collection: collection, submitter: description.submitter, key: key)
    }

    /// The 16 bytes as two big-endian words, for filters.
    package var words: (UInt64, UInt64) { (value.high, value.low) }

    /// A stored hash; `nil` unless there are 16 bytes.
    public init?(_ bytes: Span<UInt8>) {
        guard let value = SixteenBytes(bytes) else { return nil }
        self.value = value
    }

    /// The 16 bytes.
    public var bytes: [UInt8] { value.bytes }

    /// Appends the 16 bytes.
    public func append(to bytes: inout [UInt8]) {
        value.append(to: &bytes)
    }
}

extension LockRequest {
    /// Appends `"lock":{…},` or nothing where nothing is requested.
    fileprivate func appendCanonicalMember(to bytes: inout [UInt8]) {
        guard self != .standard else { return }
        bytes.append(ascii: "\"lock\":{")
        if let mode { bytes.append(ascii: "\"mode\":\"\(mode.rawValue)\"") }
        if mode != nil, retention != .standard { bytes.append(JSONReader.comma) }
        switch retention {
        case .standard: break
        case .duration(let duration): bytes.append(ascii: "\"retain\":\"\(duration)\"")
        case .until(let until): bytes.append(ascii: "\"until\":\"\(until.rfc3339)\"")
        }
        bytes.append(ascii: "},")
    }
}

/// Sixteen bytes as two words in big-endian order: hashable without an allocation.
private struct SixteenBytes: Hashable, Sendable {
    let high: UInt64
    let low: UInt64

    init(prefixOf digest: SHA256Digest) {
        (high, low) = digest.withSpan { (Self.word($0, at: 0), Self.word($0, at: 8)) }
    }

    init?(_ bytes: Span<UInt8>) {
        guard bytes.count == 16 else { return nil }
        high = Self.word(bytes, at: 0)
        low = Self.word(bytes, at: 8)
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(16)
        append(to: &bytes)
        return bytes
    }

    func append(to bytes: inout [UInt8]) {
        Self.append(high, to: &bytes)
        Self.append(low, to: &bytes)
    }

    private static func append(_ word: UInt64, to bytes: inout [UInt8]) {
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: word >> shift))
        }
    }

    private static func word(_ bytes: Span<UInt8>, at offset: Int) -> UInt64 {
        var word: UInt64 = 0
        for index in offset..<(offset + 8) { word = word << 8 | UInt64(bytes[index]) }
        return word
    }
}
