/// What a `Range` header selects of a representation.
///
/// Reference: RFC 9110 section 14.2.
package enum RangeSelection: Equatable, Sendable {
    /// Everything: no `Range`, or one that a server ignores (another unit, several ranges,
    /// nonsense).
    case whole
    case part(Range<UInt64>)
    /// Starts at or after the end; answered by 416.
    case unsatisfiable

    /// Reads the value of `Range`, if there is one.
    package init(_ field: String?, lengthBytes: UInt64) {
        self = .whole
        guard let field, field.lowercased().hasPrefix("bytes=") else { return }
        let parts = field.dropFirst("bytes=".count).split(
            separator: "-",
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        guard parts.count == 2 else { return }
        let first = parts[0].drop { $0 == " " }
        let last = parts[1].prefix { $0 != " " }
        if first.isEmpty {
            guard let suffix = Self.number(last) else { return }
            let count = min(suffix, lengthBytes)
            self = count == 0 ? .unsatisfiable : .part((lengthBytes - count)..<lengthBytes)
            return
        }
        guard let start = Self.number(first) else { return }
        guard !last.isEmpty else {
            self = start < lengthBytes ? .part(start..<lengthBytes) : .unsatisfiable
            return
        }
        guard let end = Self.number(last), start <= end else { return }
        guard start < lengthBytes else {
            self = .unsatisfiable
            return
        }
        self = .part(start..<(min(end, lengthBytes - 1) + 1))
    }

    /// A number of decimal digits; one beyond 64 bits is the largest there is.
    private static func number(_ text: Substring) -> UInt64? {
        guard !text.isEmpty, text.utf8.allSatisfy(\.isDigit) else { return nil }
        return UInt64(text) ?? .max
    }
}
