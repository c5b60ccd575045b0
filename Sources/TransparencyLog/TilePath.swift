/// The part that the paths of hash tiles and entry bundles share: `<N>[.p/<W>]`.
///
/// N is written in groups of three digits, all but the last with an `x` in front; W stands only for
/// a partial tile.
///
/// Reference: C2SP tlog-tiles, "Merkle Tree" and "Partial Tiles".
enum TilePath {
    /// The hashes or entries in a full tile.
    static let fullWidth = 256

    /// Writes `<N>[.p/<W>]`.
    static func format(index: UInt64, width: Int) -> String {
        var number = threeDigits(index % 1000)
        var rest = index / 1000
        while rest > 0 {
            number = "x" + threeDigits(rest % 1000) + "/" + number
            rest /= 1000
        }
        return number + (width == fullWidth ? "" : ".p/\(width)")
    }

    private static func threeDigits(_ group: UInt64) -> String {
        let digits = String(group)
        return String(repeating: "0", count: 3 - digits.count) + digits
    }

    /// Splits a path at its slashes, byte for byte.
    static func split(_ path: some StringProtocol) -> [ArraySlice<UInt8>] {
        Array(path.utf8).split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    }

    /// Reads `<N>[.p/<W>]`; nil unless it is exactly what ``format(index:width:)`` writes.
    static func parse(_ parts: some Collection<ArraySlice<UInt8>>) -> (index: UInt64, width: Int)? {
        var parts = Array(parts)
        var width = fullWidth
        if parts.count >= 2, parts[parts.count - 2].suffix(2).elementsEqual(".p".utf8) {
            guard let value = Decimal.parse(parts.removeLast()),
                (1..<UInt64(fullWidth)).contains(value)
            else { return nil }
            width = Int(value)
            parts[parts.count - 1].removeLast(2)
        }
        // Six groups are more than the largest tree needs, and cannot overflow.
        guard (1...6).contains(parts.count) else { return nil }
        var index: UInt64 = 0
        for (position, part) in parts.enumerated() {
            var digits = part
            if position < parts.count - 1 {
                guard digits.popFirst() == UInt8(ascii: "x") else { return nil }
            }
            guard digits.count == 3, let group = Decimal.value(ofDigits: digits) else { return nil }
            // A leading group of zeros would be a second way to write the same number.
            guard position > 0 || parts.count == 1 || group > 0 else { return nil }
            index = index * 1000 + group
        }
        return (index, width)
    }
}
