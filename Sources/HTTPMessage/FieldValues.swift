/// A strong entity tag, such as `"9f86…"`.
///
/// Reference: RFC 9110 section 8.8.3.
package struct EntityTag: Equatable, Sendable {
    /// With its quotes.
    package let text: String

    /// - Parameter opaque: The tag without quotes; it must not hold any.
    package init(_ opaque: String) {
        text = "\"\(opaque)\""
    }

    /// Whether `If-None-Match` names this tag, so that the client has what it asks for.
    package func matches(ifNoneMatch fields: [String]) -> Bool {
        fields.contains { field in
            field.split(separator: ",").contains { item in
                let tag = trimmed(item)
                return tag == "*" || tag == text || tag == "W/" + text
            }
        }
    }

    /// Whether `If-Range` allows a part: it does if absent, or if it names this very tag.
    package func allowsRange(ifRange field: String?) -> Bool {
        guard let field else { return true }
        return trimmed(field[...]) == text
    }
}

/// The SHA-256 digest that a `Content-Digest` header declares.
///
/// A header without one is not the same as no header: whoever declares a digest wants it checked.
///
/// Reference: RFC 9530 section 2; RFC 8941 section 3.2.
package enum DeclaredDigest: Equatable, Sendable {
    /// No header.
    case none
    /// The base64 text between the colons; not yet decoded.
    case sha256(String)
    /// A header without a SHA-256 digest.
    case otherAlgorithms
    /// Not a dictionary of byte sequences, or two SHA-256 digests.
    case malformed

    package init(_ fields: [String]) {
        self = fields.isEmpty ? .none : .otherAlgorithms
        for item in fields.joined(separator: ",").split(separator: ",") {
            let parts = trimmed(item).split(
                separator: "=",
                maxSplits: 1,
                omittingEmptySubsequences: false
            )
            guard parts.count == 2, parts[1].utf8.count >= 2, parts[1].hasPrefix(":"),
                parts[1].hasSuffix(":")
            else {
                self = .malformed
                return
            }
            guard parts[0] == "sha-256" else { continue }
            guard self == .otherAlgorithms else {
                self = .malformed
                return
            }
            self = .sha256(String(parts[1].dropFirst().dropLast()))
        }
    }
}

/// What a client accepts.
///
/// Reference: RFC 9110 section 12.5.
package enum ContentNegotiation {
    /// The offered media type that `Accept` likes best; the first one if it likes all equally, or
    /// none.
    package static func preferred(_ offered: [String], accept fields: [String]) -> String {
        let ranges = fields.joined(separator: ",").split(separator: ",").map(weighted)
        guard !ranges.isEmpty else { return offered[0] }
        var best = offered[0]
        var bestWeight = 0
        for type in offered {
            let family = type.split(separator: "/")[0] + "/*"
            let exact = ranges.last { $0.value == type }
            let match = exact ?? ranges.last { $0.value == family }
            let weight = (match ?? ranges.last { $0.value == "*/*" })?.weight ?? 0
            if weight > bestWeight {
                best = type
                bestWeight = weight
            }
        }
        return best
    }

    /// Whether `Accept-Encoding` names a coding, and does not refuse it by `q=0`.
    package static func accepts(coding: String, _ fields: [String]) -> Bool {
        fields.joined(separator: ",").split(separator: ",").map(weighted).contains { item in
            item.value == coding && item.weight > 0
        }
    }

    /// A list item and its `q`, in thousandths.
    private static func weighted(_ item: Substring) -> (value: String, weight: Int) {
        let parts = item.split(separator: ";").map(trimmed)
        var weight = 1000
        for parameter in parts.dropFirst() where parameter.lowercased().hasPrefix("q=") {
            weight = thousandths(parameter.dropFirst(2))
        }
        return (parts.first?.lowercased() ?? "", weight)
    }

    /// `0.5` as 500; nonsense is 0.
    private static func thousandths(_ text: Substring) -> Int {
        let parts = text.split(separator: ".", maxSplits: 1)
        guard let whole = parts.first.flatMap({ Int($0) }), whole == 0 || whole == 1 else {
            return 0
        }
        let digits = parts.count == 2 ? parts[1].prefix(3) : ""
        guard let fraction = digits.isEmpty ? 0 : Int(digits), fraction >= 0 else { return 0 }
        let scale = [1, 100, 10, 1][digits.count]
        return min(1000, whole * 1000 + fraction * scale)
    }
}

/// Without the blanks at both ends.
private func trimmed(_ text: Substring) -> String {
    let start = text.drop { $0 == " " || $0 == "\t" }
    guard let last = start.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return "" }
    return String(start[...last])
}
