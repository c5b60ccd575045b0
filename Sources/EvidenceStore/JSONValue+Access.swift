package import EvidenceModel

extension JSONValue {
    /// The members of an object.
    package var object: JSONObject? {
        if case .object(let object) = self { object } else { nil }
    }

    package var string: String? {
        if case .string(let string) = self { string } else { nil }
    }

    /// An integer that is not negative.
    package var unsigned: UInt64? {
        if case .integer(let integer) = self { UInt64(exactly: integer) } else { nil }
    }
}
