import EvidenceModel
import TransparencyLog

/// The members of an object in the body of a request.
///
/// Strict: a member that is not known is refused before any other is looked at, and none may be of
/// another type. `null` is no way to leave a member out.
struct BodyMembers {
    private let object: JSONObject
    /// What stands before a member's name in messages, such as `selection.`.
    private let prefix: String

    /// The members of the body as a whole.
    init(body: Span<UInt8>, known: [String]) throws(Refused) {
        guard !body.isEmpty else {
            throw Refused(.badRequest, "The body is missing: send a JSON object.")
        }
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: body, form: .any)
        } catch {
            throw Refused(.badRequest, "The body cannot be read as JSON: \(error).")
        }
        try self.init(value, name: nil, known: known)
    }

    /// The members of an object that is itself the member `name`.
    private init(_ value: JSONValue, name: String?, known: [String]) throws(Refused) {
        guard case .object(let object) = value else {
            throw Refused(.badRequest, "\(name.map { "'\($0)'" } ?? "The body") must be an object.")
        }
        prefix = name.map { $0 + "." } ?? ""
        self.object = object
        for member in object.members where !known.contains(member.name) {
            throw Refused(
                .badRequest,
                "The member '\(prefix)\(Query.excerpt(member.name))' is not known here; there "
                    + "are: \(known.sorted().joined(separator: ", "))."
            )
        }
    }

    func has(_ name: String) -> Bool { object[name] != nil }

    func string(_ name: String) throws(Refused) -> String? {
        switch object[name] {
        case nil: return nil
        case .string(let text): return text
        default: throw wrongType(name, "a string")
        }
    }

    func requiredString(_ name: String) throws(Refused) -> String {
        guard let text = try string(name) else { throw missing(name) }
        return text
    }

    func bool(_ name: String) throws(Refused) -> Bool? {
        switch object[name] {
        case nil: return nil
        case .bool(let value): return value
        default: throw wrongType(name, "true or false")
        }
    }

    /// A whole number within a range.
    func number(
        _ name: String,
        in range: ClosedRange<UInt64>
    ) throws(Refused) -> UInt64? {
        switch object[name] {
        case nil: return nil
        case .integer(let value):
            guard let number = UInt64(exactly: value), range.contains(number) else {
                throw Refused(
                    .limit,
                    "'\(prefix)\(name)' is \(value); it must be \(range.lowerBound) to "
                        + "\(range.upperBound)."
                )
            }
            return number
        default: throw wrongType(name, "a whole number")
        }
    }

    /// The members of a member that is an object.
    func members(_ name: String, known: [String]) throws(Refused) -> BodyMembers? {
        guard let value = object[name] else { return nil }
        return try BodyMembers(value, name: prefix + name, known: known)
    }

    /// The names and values of an object of strings.
    func pairs(_ name: String) throws(Refused) -> [(key: String, value: String)]? {
        guard let value = object[name] else { return nil }
        guard case .object(let object) = value else {
            throw wrongType(name, "an object of strings")
        }
        var pairs: [(key: String, value: String)] = []
        for member in object.members {
            guard case .string(let text) = member.value else {
                throw wrongType(name, "an object of strings")
            }
            pairs.append((member.name, text))
        }
        return pairs
    }

    func strings(_ name: String, limit: Int) throws(Refused) -> [String]? {
        guard let values = try array(name, of: "strings", limit: limit) else { return nil }
        var texts: [String] = []
        for value in values {
            guard case .string(let text) = value else {
                throw wrongType(name, "an array of strings")
            }
            texts.append(text)
        }
        return texts
    }

    /// Indexes of records: at least one, in any order; one that is named twice counts once.
    func indexes(_ name: String, limit: Int) throws(Refused) -> IndexRanges? {
        guard let values = try array(name, of: "record indexes", limit: limit) else { return nil }
        var indexes: [RecordIndex] = []
        indexes.reserveCapacity(values.count)
        for value in values {
            guard case .integer(let number) = value else {
                throw wrongType(name, "an array of record indexes")
            }
            guard number >= 0 else {
                throw Refused(.limit, "'\(prefix)\(name)' has \(number); indexes begin at 0.")
            }
            indexes.append(RecordIndex(UInt64(number)))
        }
        guard !indexes.isEmpty else {
            throw Refused(.limit, "'\(prefix)\(name)' is empty; name at least one record.")
        }
        return IndexRanges(indexes)
    }

    private func array(
        _ name: String,
        of what: String,
        limit: Int
    ) throws(Refused) -> [JSONValue]? {
        switch object[name] {
        case nil: return nil
        case .array(let values):
            guard values.count <= limit else {
                throw Refused(
                    .limit,
                    "'\(prefix)\(name)' has \(values.count) elements; the limit is \(limit)."
                )
            }
            return values
        default: throw wrongType(name, "an array of \(what)")
        }
    }

    func missing(_ name: String) -> Refused {
        Refused(.badRequest, "The member '\(prefix)\(name)' is missing.")
    }

    private func wrongType(_ name: String, _ expected: String) -> Refused {
        Refused(.badRequest, "The member '\(prefix)\(name)' must be \(expected).")
    }
}
