/// A value of a YAML text, with its place.
package struct YAMLNode: Equatable, Sendable {
    /// A key and its value.
    package struct Pair: Equatable, Sendable {
        package let key: String
        package let keyPosition: YAMLPosition
        package let value: YAMLNode
    }

    package enum Content: Equatable, Sendable {
        /// Not quoted means plain: only then it can mean null, a truth value or a number.
        case scalar(text: String, isQuoted: Bool)
        case sequence([YAMLNode])
        /// In the order of the text; no key occurs twice.
        case mapping([Pair])
    }

    package let position: YAMLPosition
    package let content: Content

    package init(position: YAMLPosition, content: Content) {
        self.position = position
        self.content = content
    }
}

// What a value means; each error is at the value's place.
extension YAMLNode {
    /// Whether there is no value: nothing, `~` or `null`.
    package var isNull: Bool {
        guard case .scalar(let text, false) = content else { return false }
        return text.isEmpty || text == "~" || text == "null"
    }

    /// The text of a scalar that is not null.
    package func string() throws(YAMLError) -> String {
        guard case .scalar(let text, _) = content else { throw wrongKind("a text") }
        guard !isNull else { throw YAMLError(position, "a value is missing here") }
        return text
    }

    /// A whole number in decimal digits, not quoted, without leading zeros.
    package func int() throws(YAMLError) -> Int {
        guard case .scalar(let text, let isQuoted) = content else {
            throw wrongKind("a whole number")
        }
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        guard !isQuoted, !digits.isEmpty,
            digits.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
            digits == "0" || !digits.hasPrefix("0"), text != "-0"
        else { throw YAMLError(position, "a whole number is expected, not \(shown(text))") }
        guard let number = Int(text) else {
            throw YAMLError(position, "\(text) is out of range")
        }
        return number
    }

    /// `true` or `false`, not quoted; `yes`, `on` and the like mean different things to different
    /// readers and are refused.
    package func bool() throws(YAMLError) -> Bool {
        guard case .scalar(let text, let isQuoted) = content else {
            throw wrongKind("true or false")
        }
        switch (isQuoted, text) {
        case (false, "true"): return true
        case (false, "false"): return false
        default: throw YAMLError(position, "true or false is expected, not \(shown(text))")
        }
    }

    /// The elements of a sequence.
    package func sequence() throws(YAMLError) -> [YAMLNode] {
        guard case .sequence(let elements) = content else { throw wrongKind("a list") }
        return elements
    }

    /// The pairs of a mapping, in the order of the text.
    package func mapping() throws(YAMLError) -> [Pair] {
        guard case .mapping(let pairs) = content else { throw wrongKind("a mapping") }
        return pairs
    }

    /// The value of a key; `nil` without that key, and if this is no mapping.
    package subscript(_ key: String) -> YAMLNode? {
        guard case .mapping(let pairs) = content else { return nil }
        return pairs.first { $0.key == key }?.value
    }

    private func wrongKind(_ expected: String) -> YAMLError {
        let found =
            switch content {
            case .scalar: "a single value"
            case .sequence: "a list"
            case .mapping: "a mapping"
            }
        return YAMLError(position, "\(expected) is expected, not \(found)")
    }

    /// A text that may be a secret in the wrong place is not shown at length.
    private func shown(_ text: String) -> String {
        text.isEmpty ? "nothing" : text.count <= 20 ? "\"\(text)\"" : "a longer text"
    }
}
