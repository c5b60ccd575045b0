extension JSONValue: ExpressibleByStringLiteral, ExpressibleByDictionaryLiteral {
    /// A string.
    public init(stringLiteral value: String) {
        self = .string(value)
    }

    /// An object of members in any order.
    ///
    /// - Precondition: no name occurs twice.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        guard let object = JSONObject(elements.map { (name: $0.0, value: $0.1) }) else {
            preconditionFailure("a name occurs twice in an object literal")
        }
        self = .object(object)
    }
}
