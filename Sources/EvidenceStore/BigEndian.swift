/// Big-endian integers, as keys and frames hold them.
package enum BigEndian {
    package static func append<Integer: FixedWidthInteger>(
        _ value: Integer,
        to bytes: inout [UInt8]
    ) {
        var shift = Integer.bitWidth - 8
        while shift >= 0 {
            bytes.append(UInt8(truncatingIfNeeded: value >> Integer(shift)))
            shift -= 8
        }
    }

    /// The integer at `offset`, or nil if the bytes end before it does.
    package static func read<Integer: FixedWidthInteger>(
        _ type: Integer.Type,
        from bytes: Span<UInt8>,
        at offset: Int
    ) -> Integer? {
        let width = Integer.bitWidth / 8
        guard offset >= 0, offset + width <= bytes.count else { return nil }
        var value: Integer = 0
        for position in offset..<offset + width {
            value = value << 8 | Integer(truncatingIfNeeded: bytes[position])
        }
        return value
    }

    package static func bytes<Integer: FixedWidthInteger>(of value: Integer) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Integer.bitWidth / 8)
        append(value, to: &bytes)
        return bytes
    }
}

extension Span<UInt8> {
    /// A copy, which outlives what it was lent from.
    package var array: [UInt8] { unsafe withUnsafeBufferPointer { unsafe Array($0) } }
}
