/// A SHA-256 digest: 32 bytes, held as four words so that it is a plain, comparable value.
///
/// Word 0 holds bytes 0...7, the first byte in its highest bits: digests order as their bytes do.
public struct SHA256Digest: Hashable, Sendable {
    /// How many bytes a digest has.
    public static let sizeBytes = 32

    /// The first 8 bytes, as a short checksum takes them.
    package let word0: UInt64
    package let word1: UInt64
    let word2: UInt64
    let word3: UInt64

    init(_ word0: UInt64, _ word1: UInt64, _ word2: UInt64, _ word3: UInt64) {
        self.word0 = word0
        self.word1 = word1
        self.word2 = word2
        self.word3 = word3
    }

    /// Takes exactly 32 bytes; `nil` for any other count.
    public init?(_ bytes: Span<UInt8>) {
        guard bytes.count == Self.sizeBytes else { return nil }
        let words = unsafe bytes.withUnsafeBytes { raw in
            unsafe (
                raw.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
                raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
                raw.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
                raw.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
            )
        }
        self.init(
            UInt64(bigEndian: words.0),
            UInt64(bigEndian: words.1),
            UInt64(bigEndian: words.2),
            UInt64(bigEndian: words.3)
        )
    }

    /// Takes exactly 64 lowercase hexadecimal digits; `nil` for anything else.
    public init?(hex: some StringProtocol) {
        guard let bytes = Hex.decode(hex) else { return nil }
        self.init(bytes.span)
    }

    /// Takes the canonical, padded base64 form (44 characters); `nil` for anything else.
    public init?(base64: some StringProtocol) {
        guard let bytes = Base64.decode(base64) else { return nil }
        self.init(bytes.span)
    }

    /// The 32 bytes.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return bytes
    }

    /// Appends the 32 bytes.
    public func append(to output: inout [UInt8]) {
        withSpan { bytes in
            unsafe bytes.withUnsafeBufferPointer { unsafe output.append(contentsOf: $0) }
        }
    }

    /// The 64 lowercase hexadecimal digits.
    public var hex: String { withSpan { Hex.encode($0) } }

    /// The padded base64 form, 44 characters.
    public var base64: String { withSpan { Base64.encode($0) } }

    /// Lends the 32 bytes, without a heap allocation.
    public func withSpan<Result: ~Copyable, Failure>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let words = (word0.bigEndian, word1.bigEndian, word2.bigEndian, word3.bigEndian)
        return try unsafe withUnsafeBytes(of: words) { (raw) throws(Failure) -> Result in
            try body(unsafe Span(_unsafeBytes: raw))
        }
    }
}

extension SHA256Digest: CustomStringConvertible {
    /// The same as ``hex``.
    public var description: String { hex }
}

extension SHA256Digest: Comparable {
    /// Orders digests as their bytes do.
    public static func < (left: SHA256Digest, right: SHA256Digest) -> Bool {
        (left.word0, left.word1, left.word2, left.word3)
            < (right.word0, right.word1, right.word2, right.word3)
    }
}
