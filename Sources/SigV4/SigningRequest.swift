package import Cryptography

/// Why a request cannot be signed.
package enum SigningError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The method is not of upper-case letters.
    case method
    /// The path does not begin with a slash.
    case path
    /// The host is empty or holds what a host cannot.
    case host
    /// A field's name is not a token, or its value not printable ASCII.
    case field(String)
    /// A field or query item that the signer itself sets.
    case reserved(String)

    package var description: String {
        switch self {
        case .method: "the method must be of upper-case letters"
        case .path: "the path must begin with a slash"
        case .host: "the host must be a name or address with an optional port"
        case .field(let name): "the field \(name) cannot be signed"
        case .reserved(let name): "\(name) is set by the signer"
        }
    }
}

/// What the body's hash is in the signature.
package enum PayloadHash: Hashable, Sendable {
    /// The body is bound to the signature.
    case signed(SHA256Digest)
    /// Any body: for presigned URLs only.
    case unsigned

    /// Of a request without a body.
    package static let empty: PayloadHash = {
        let nothing: [UInt8] = []
        return .signed(SHA256.hash(nothing.span))
    }()

    var text: String {
        switch self {
        case .signed(let digest): digest.hex
        case .unsigned: "UNSIGNED-PAYLOAD"
        }
    }
}

/// A request as it is to be sent, checked and put into the form that is signed.
///
/// Path and query are given as they are meant, not encoded; they must go out as `encodedPath` and
/// `encodedQuery` have them.
package struct SigningRequest: Sendable {
    package struct Item: Hashable, Sendable {
        package let name: String
        package let value: String

        package init(_ name: String, _ value: String = "") {
            self.name = name
            self.value = value
        }
    }

    package let method: String
    package let payload: PayloadHash
    /// The path, encoded once.
    package let encodedPath: String
    /// What is signed beside what the signer adds, names in lower case, sorted; `host` is one.
    let fields: [Item]
    /// Names and values encoded, sorted.
    let query: [Item]

    /// Names of fields that the signer sets.
    private static let reservedFields: Set<String> = [
        "authorization", "host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token",
    ]

    /// Checks a request.
    ///
    /// `host` as in the field of that name: with its port unless it is the scheme's own. `fields`
    /// are those to be signed, in their order; every `x-amz-` field must be among them.
    package init(
        method: String,
        host: String,
        path: String,
        query: [Item] = [],
        fields: [Item] = [],
        payload: PayloadHash = .empty
    ) throws(SigningError) {
        guard !method.isEmpty,
            method.utf8.allSatisfy({ (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) })
        else { throw .method }
        guard path.utf8.first == UInt8(ascii: "/") else { throw .path }
        guard isPrintable(host), !host.utf8.contains(where: " /,@".utf8.contains) else {
            throw .host
        }
        for item in query where item.name.lowercased().hasPrefix("x-amz-") {
            throw .reserved(item.name)
        }
        self.method = method
        self.payload = payload
        var encoded: [UInt8] = []
        encoded.append(encodedPath: path)
        encodedPath = String(decoding: encoded, as: UTF8.self)
        self.query = Self.sorted(query.map(Self.encoded))
        var signed = [Item("host", host.lowercased())]
        for field in fields {
            let name = field.name.lowercased()
            guard !Self.reservedFields.contains(name) else { throw .reserved(field.name) }
            guard Self.isToken(name), field.value.isEmpty || isPrintable(field.value) else {
                throw .field(field.name)
            }
            signed.append(Item(name, Self.collapsed(field.value)))
        }
        self.fields = Self.joined(signed)
    }

    /// The query, encoded, in the order of the signature; empty without one.
    package var encodedQuery: String {
        query.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
    }

    static func encoded(_ item: Item) -> Item {
        var name: [UInt8] = []
        var value: [UInt8] = []
        name.append(encoded: item.name)
        value.append(encoded: item.value)
        return Item(String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
    }

    /// By name, then by value, as bytes.
    static func sorted(_ items: [Item]) -> [Item] {
        items.sorted { left, right in
            left.name == right.name
                ? left.value.utf8.lexicographicallyPrecedes(right.value.utf8)
                : left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
        }
    }

    /// Sorted by name; values of the same name joined by commas in their order.
    static func joined(_ fields: [Item]) -> [Item] {
        var joined: [Item] = []
        let order = fields.enumerated().sorted { left, right in
            left.element.name == right.element.name
                ? left.offset < right.offset
                : left.element.name.utf8.lexicographicallyPrecedes(right.element.name.utf8)
        }
        for (_, field) in order {
            if let last = joined.last, last.name == field.name {
                joined[joined.count - 1] = Item(last.name, "\(last.value),\(field.value)")
            } else {
                joined.append(field)
            }
        }
        return joined
    }

    /// Without blanks at the ends, runs of blanks as one.
    private static func collapsed(_ value: String) -> String {
        value.split(separator: " ").joined(separator: " ")
    }

    /// Reference: RFC 9110 section 5.6.2.
    private static func isToken(_ text: String) -> Bool {
        let separators = "\"(),/:;<=>?@[\\]{}".utf8
        return !text.isEmpty
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !separators.contains($0) }
    }
}
