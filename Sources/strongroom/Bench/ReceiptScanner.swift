internal import Cryptography
internal import TransparencyLog

/// Takes a receipt apart without building a JSON value, for the load generator.
///
/// Knows the one form in which a server writes receipts: these members in this order, no space
/// between them, and of the escapes only those for `"`, `\` and line feed. Anything else is not an
/// error but "not understood": the generator then reads it in full. What is taken out is the same
/// either way.
struct ReceiptScanner {
    private(set) var index: UInt64 = 0
    private(set) var treeSize: UInt64 = 0
    /// The record's bytes, without JSON's escapes.
    private(set) var record: [UInt8] = []
    private(set) var leafHash: MerkleHash?
    private(set) var proof: [MerkleHash] = []
    /// Where the checkpoint stands in the receipt, escapes and all: equal bytes are equal
    /// checkpoints.
    private(set) var checkpoint = 0..<0

    private var position = 0
    private var digest = [UInt8](repeating: 0, count: 32)

    /// Reads a receipt of an open record; false: not understood.
    mutating func scan(_ bytes: Span<UInt8>) -> Bool {
        position = 0
        proof.removeAll(keepingCapacity: true)
        record.removeAll(keepingCapacity: true)
        guard skip(#"{"type":"strongroom-receipt-v1","index":"#, bytes),
            let index = number(bytes), skip(#","treeSize":"#, bytes), let size = number(bytes),
            skip(#","record":""#, bytes), readRecord(bytes), skip(#","leafHash":""#, bytes),
            let leaf = readDigest(bytes), skip(#","proof":["#, bytes), readProof(bytes),
            skip(#","checkpoint":""#, bytes), skipCheckpoint(bytes),
            skip("}", bytes), position == bytes.count
        else { return false }
        (self.index, treeSize, leafHash) = (index, size, leaf)
        return true
    }

    private mutating func skip(_ text: StaticString, _ bytes: Span<UInt8>) -> Bool {
        let count = text.utf8CodeUnitCount
        guard position + count <= bytes.count else { return false }
        let start = position
        let isEqual = text.withUTF8Buffer { wanted in
            for place in wanted.indices {
                let letter = unsafe wanted[place]
                guard bytes[start + place] == letter else { return false }
            }
            return true
        }
        if isEqual { position += count }
        return isEqual
    }

    private mutating func number(_ bytes: Span<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        let start = position
        while position < bytes.count, (0x30...0x39).contains(bytes[position]) {
            guard position - start < 16 else { return nil }
            value = value * 10 + UInt64(bytes[position] - 0x30)
            position += 1
        }
        return position > start ? value : nil
    }

    /// The record up to its closing quote, which is taken too.
    private mutating func readRecord(_ bytes: Span<UInt8>) -> Bool {
        var start = position
        while position < bytes.count {
            let byte = bytes[position]
            guard byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else {
                position += 1
                continue
            }
            append(bytes.extracting(start..<position))
            guard byte == UInt8(ascii: "\\") else {
                position += 1
                return true
            }
            guard position + 1 < bytes.count else { return false }
            let escaped = bytes[position + 1]
            guard escaped == UInt8(ascii: "\"") || escaped == UInt8(ascii: "\\") else {
                return false
            }
            record.append(escaped)
            position += 2
            start = position
        }
        return false
    }

    private mutating func append(_ part: Span<UInt8>) {
        unsafe part.withUnsafeBufferPointer { unsafe record.append(contentsOf: $0) }
    }

    private mutating func readProof(_ bytes: Span<UInt8>) -> Bool {
        if skip("]", bytes) { return true }
        repeat {
            guard proof.count < 64, skip("\"", bytes), let hash = readDigest(bytes) else {
                return false
            }
            proof.append(hash)
        } while skip(",", bytes)
        return skip("]", bytes)
    }

    /// 43 characters of base64, `=` and the closing quote.
    private mutating func readDigest(_ bytes: Span<UInt8>) -> MerkleHash? {
        guard position + 45 <= bytes.count, bytes[position + 43] == UInt8(ascii: "="),
            bytes[position + 44] == UInt8(ascii: "\"")
        else { return nil }
        // A local name: each use of the static one asks whether it is initialized.
        let values = Self.base64Values
        var bits: UInt32 = 0
        var filled = 0
        for place in 0..<43 {
            let value = values[Int(bytes[position + place])]
            guard value < 64 else { return nil }
            bits = bits << 6 | UInt32(value)
            if place % 4 == 3 {
                digest[filled] = UInt8(truncatingIfNeeded: bits >> 16)
                digest[filled + 1] = UInt8(truncatingIfNeeded: bits >> 8)
                digest[filled + 2] = UInt8(truncatingIfNeeded: bits)
                filled += 3
            }
        }
        // The last three characters hold 18 bits: two bytes and two bits that must be zero.
        guard bits & 0b11 == 0 else { return nil }
        digest[30] = UInt8(truncatingIfNeeded: bits >> 10)
        digest[31] = UInt8(truncatingIfNeeded: bits >> 2)
        position += 45
        return MerkleHash(digest.span)
    }

    /// The checkpoint up to its closing quote, which is taken too.
    private mutating func skipCheckpoint(_ bytes: Span<UInt8>) -> Bool {
        let start = position
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                checkpoint = start..<position
                position += 1
                return true
            case UInt8(ascii: "\\"):
                // Line ends only: what else would be escaped does not stand in a checkpoint.
                guard position + 1 < bytes.count, bytes[position + 1] == UInt8(ascii: "n") else {
                    return false
                }
                position += 2
            default: position += 1
            }
        }
        return false
    }

    private static let base64Values: [UInt8] = {
        var values = [UInt8](repeating: 0xff, count: 256)
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        for (value, letter) in alphabet.utf8.enumerated() { values[Int(letter)] = UInt8(value) }
        return values
    }()
}
