internal import EvidenceModel

// Members of a server's answers, by the type that they should have; nil where they have another.
extension JSONObject {
    func text(_ name: String) -> String? {
        guard case .string(let text)? = self[name] else { return nil }
        return text
    }

    func number(_ name: String) -> UInt64? {
        guard case .integer(let number)? = self[name] else { return nil }
        return UInt64(exactly: number)
    }

    func signedNumber(_ name: String) -> Int64? {
        guard case .integer(let number)? = self[name] else { return nil }
        return number
    }

    func flag(_ name: String) -> Bool? {
        guard case .bool(let value)? = self[name] else { return nil }
        return value
    }

    func object(_ name: String) -> JSONObject? {
        guard case .object(let object)? = self[name] else { return nil }
        return object
    }

    func values(_ name: String) -> [JSONValue]? {
        guard case .array(let values)? = self[name] else { return nil }
        return values
    }

    /// An array of objects; nil if an element is something else.
    func objects(_ name: String) -> [JSONObject]? {
        guard let values = values(name) else { return nil }
        let objects = values.compactMap { value -> JSONObject? in
            guard case .object(let object) = value else { return nil }
            return object
        }
        return objects.count == values.count ? objects : nil
    }

    /// An array of numbers; nil if an element is something else.
    func numbers(_ name: String) -> [UInt64]? {
        guard let values = values(name) else { return nil }
        let numbers = values.compactMap { value -> UInt64? in
            guard case .integer(let number) = value else { return nil }
            return UInt64(exactly: number)
        }
        return numbers.count == values.count ? numbers : nil
    }

    /// An array of texts; nil if an element is something else.
    func texts(_ name: String) -> [String]? {
        guard let values = values(name) else { return nil }
        let texts = values.compactMap { value -> String? in
            guard case .string(let text) = value else { return nil }
            return text
        }
        return texts.count == values.count ? texts : nil
    }

    /// All of it on one line.
    var line: String { String(decoding: CanonicalJSON.encode(.object(self)), as: UTF8.self) }
}
