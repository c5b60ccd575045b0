import Cryptography
package import EvidenceModel

/// What stands before a record's bytes in the `records` table: a fixed header.
///
/// ```
/// offset size
///      0    1  version, 1
///      1    1  record codec: 0 as it is
///      2    1  payload place: 0 none, 1 the segment's `payloads` table, 2 a payload file
///      3    1  payload codec: 0 as it is, 1 one zstd frame a chunk of 1 MiB
///      4    4  record size in bytes
///      8    4  dictionary id, 0: none
///     12    4  zero
///     16    8  payload size in bytes, as it was pushed
///     24    8  payload size in bytes, as it is stored
///     32    8  payload checksum: first 8 bytes of SHA-256 of the stored chunk or file
///     40   16  upload id of the payload file (place 2), else zero
///     56   16  request fingerprint, zero if the request had no idempotency key
///     72    8  checksum: first 8 bytes of SHA-256 of bytes 0-71 and the record as stored
///     80    …  the record as stored
/// ```
///
/// Integers are big-endian. Normative text: `Schemas/record-format.md`.
package struct RecordFrame: Hashable, Sendable {
    /// Where a record's payload is.
    package enum PayloadPlace: Hashable, Sendable {
        case none
        case table(codec: PayloadCodec, checksum: UInt64)
        case file(UploadID, checksum: UInt64)
    }

    /// How a chunk of a payload is stored.
    package enum PayloadCodec: UInt8, Hashable, Sendable {
        case asItIs = 0
        case zstd = 1
    }

    package let payload: PayloadPlace
    package let payloadSizeBytes: UInt64
    package let storedPayloadSizeBytes: UInt64
    package let fingerprint: RequestFingerprint?

    static let version: UInt8 = 1
    static let headerSizeBytes = 80
    private static let checksumOffset = 72

    /// The header followed by the record.
    func encoded(record: Span<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.headerSizeBytes + record.count)
        let (place, codec, checksum): (UInt8, UInt8, UInt64) =
            switch payload {
            case .none: (0, 0, 0)
            case .table(let codec, let checksum): (1, codec.rawValue, checksum)
            case .file(_, let checksum): (2, PayloadCodec.zstd.rawValue, checksum)
            }
        bytes.append(contentsOf: [Self.version, 0, place, codec])
        BigEndian.append(UInt32(record.count), to: &bytes)
        BigEndian.append(UInt64(0), to: &bytes)
        BigEndian.append(payloadSizeBytes, to: &bytes)
        BigEndian.append(storedPayloadSizeBytes, to: &bytes)
        BigEndian.append(checksum, to: &bytes)
        if case .file(let id, _) = payload {
            id.append(to: &bytes)
        } else {
            appendZero(to: &bytes)
        }
        if let fingerprint {
            fingerprint.append(to: &bytes)
        } else {
            appendZero(to: &bytes)
        }
        BigEndian.append(Self.checksum(header: bytes.span, record: record), to: &bytes)
        unsafe record.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
        return bytes
    }

    /// Takes a frame apart, checking version, sizes and checksum.
    ///
    /// - Returns: The header, or nil if these bytes are no frame that `encoded` wrote.
    init?(parsing bytes: Span<UInt8>) {
        guard bytes.count >= Self.headerSizeBytes, bytes[0] == Self.version, bytes[1] == 0,
            let recordSize = BigEndian.read(UInt32.self, from: bytes, at: 4),
            Int(recordSize) == bytes.count - Self.headerSizeBytes,
            BigEndian.read(UInt64.self, from: bytes, at: 8) == 0,
            let payloadSize = BigEndian.read(UInt64.self, from: bytes, at: 16),
            let storedSize = BigEndian.read(UInt64.self, from: bytes, at: 24),
            let payloadChecksum = BigEndian.read(UInt64.self, from: bytes, at: 32),
            let codec = PayloadCodec(rawValue: bytes[3]),
            let checksum = BigEndian.read(UInt64.self, from: bytes, at: Self.checksumOffset),
            checksum
                == Self.checksum(
                    header: bytes.extracting(0..<Self.checksumOffset),
                    record: bytes.extracting(Self.headerSizeBytes...)
                )
        else { return nil }
        switch bytes[2] {
        case 0: payload = .none
        case 1: payload = .table(codec: codec, checksum: payloadChecksum)
        case 2:
            guard let id = UploadID(bytes.extracting(40..<56)) else { return nil }
            payload = .file(id, checksum: payloadChecksum)
        default: return nil
        }
        payloadSizeBytes = payloadSize
        storedPayloadSizeBytes = storedSize
        let print = bytes.extracting(56..<72)
        fingerprint = Self.isZero(print) ? nil : RequestFingerprint(print)
    }

    init(
        payload: PayloadPlace,
        payloadSizeBytes: UInt64,
        storedPayloadSizeBytes: UInt64,
        fingerprint: RequestFingerprint?
    ) {
        self.payload = payload
        self.payloadSizeBytes = payloadSizeBytes
        self.storedPayloadSizeBytes = storedPayloadSizeBytes
        self.fingerprint = fingerprint
    }

    /// A record without a payload.
    static let withoutPayload = RecordFrame(
        payload: .none,
        payloadSizeBytes: 0,
        storedPayloadSizeBytes: 0,
        fingerprint: nil
    )

    /// The first 8 bytes of a SHA-256, as frames hold them.
    static func shortChecksum(_ bytes: Span<UInt8>) -> UInt64 {
        SHA256.hash(bytes).word0
    }

    private static func checksum(header: Span<UInt8>, record: Span<UInt8>) -> UInt64 {
        var hasher = SHA256Hasher()
        hasher.update(header)
        hasher.update(record)
        return hasher.finalize().word0
    }

    private static func isZero(_ bytes: Span<UInt8>) -> Bool {
        for position in 0..<bytes.count where bytes[position] != 0 { return false }
        return true
    }

    private func appendZero(to bytes: inout [UInt8]) {
        bytes.append(contentsOf: repeatElement(0, count: 16))
    }
}

/// A payload file's name: 16 random bytes, so that nobody can guess or collide.
package struct UploadID: Hashable, Sendable, CustomStringConvertible {
    private let high: UInt64
    private let low: UInt64

    package init?(_ bytes: Span<UInt8>) {
        guard bytes.count == 16, let high = BigEndian.read(UInt64.self, from: bytes, at: 0),
            let low = BigEndian.read(UInt64.self, from: bytes, at: 8)
        else { return nil }
        self.high = high
        self.low = low
    }

    func append(to bytes: inout [UInt8]) {
        BigEndian.append(high, to: &bytes)
        BigEndian.append(low, to: &bytes)
    }

    /// 32 lowercase hexadecimal digits.
    package var description: String {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return Hex.encode(bytes.span)
    }

    /// Reads back what `description` gives.
    init?(name: some StringProtocol) {
        guard let bytes = Hex.decode(name), let id = UploadID(bytes.span) else { return nil }
        self = id
    }
}

// Other things that LMDB keeps, and of which it would not notice a changed byte.
extension RecordFrame {
    /// The bytes behind their checksum.
    package static func withChecksum(_ bytes: [UInt8]) -> [UInt8] {
        BigEndian.bytes(of: shortChecksum(bytes.span)) + bytes
    }

    /// What `withChecksum` was given; nil if a byte was changed.
    package static func checked(_ value: Span<UInt8>) -> [UInt8]? {
        guard let checksum = BigEndian.read(UInt64.self, from: value, at: 0) else { return nil }
        let bytes = value.extracting(8...)
        guard shortChecksum(bytes) == checksum else { return nil }
        return bytes.array
    }
}
