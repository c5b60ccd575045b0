/// A JSON value of the subset that records are made of: no fractions, no integers beyond 2^53 - 1.
///
/// Equality is exact: strings are compared by their bytes, not by Unicode equivalence.
public enum JSONValue: Sendable {
    case object(JSONObject)
    case array([JSONValue])
    case string(String)
    /// The magnitude is below 2^53 (RFC 7493 section 2.2); `CanonicalJSON` refuses others.
    case integer(Int64)
    case bool(Bool)
    case null

    /// 2^53 - 1, the largest magnitude of an integer.
    public static let maximumInteger: Int64 = 9_007_199_254_740_991

    /// The deepest nesting of objects and arrays.
    public static let maximumDepth = 16
}

extension JSONValue: Equatable {
    /// Exact equality.
    public static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.object(let left), .object(let right)): left == right
        case (.array(let left), .array(let right)): left == right
        case (.string(let left), .string(let right)): left.hasSameBytes(as: right)
        case (.integer(let left), .integer(let right)): left == right
        case (.bool(let left), .bool(let right)): left == right
        case (.null, .null): true
        default: false
        }
    }
}

/// The members of a JSON object: unique names, kept in canonical order (by UTF-16 code units).
public struct JSONObject: Sendable {
    /// Names and values in canonical order.
    public private(set) var members: [(name: String, value: JSONValue)]

    /// An empty object.
    public init() {
        members = []
    }

    /// Members in any order; `nil` if a name occurs twice.
    public init?(_ members: [(name: String, value: JSONValue)]) {
        let sorted = members.sorted { $0.name.precedesCanonically($1.name) }
        for (left, right) in zip(sorted, sorted.dropFirst())
        where left.name.hasSameBytes(as: right.name) {
            return nil
        }
        self.members = sorted
    }

    /// Members that are known to be in canonical order.
    init(sorted members: [(name: String, value: JSONValue)]) {
        self.members = members
    }

    /// The value of a member; assigning `nil` removes it.
    public subscript(name: String) -> JSONValue? {
        get {
            let index = insertionIndex(of: name)
            guard index < members.count, members[index].name.hasSameBytes(as: name) else {
                return nil
            }
            return members[index].value
        }
        set {
            let index = insertionIndex(of: name)
            let isPresent = index < members.count && members[index].name.hasSameBytes(as: name)
            switch (newValue, isPresent) {
            case (.some(let value), true): members[index].value = value
            case (.some(let value), false): members.insert((name, value), at: index)
            case (.none, true): members.remove(at: index)
            case (.none, false): break
            }
        }
    }

    private func insertionIndex(of name: String) -> Int {
        var low = 0
        var high = members.count
        while low < high {
            let middle = (low + high) / 2
            if members[middle].name.precedesCanonically(name) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }
}

extension JSONObject: Equatable {
    /// Same names (byte by byte) and equal values.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.members.elementsEqual(right.members) {
            $0.name.hasSameBytes(as: $1.name) && $0.value == $1.value
        }
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    /// Members in any order.
    ///
    /// - Precondition: no name occurs twice.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        guard let object = JSONObject(elements.map { (name: $0.0, value: $0.1) }) else {
            preconditionFailure("a name occurs twice in an object literal")
        }
        self = object
    }
}
