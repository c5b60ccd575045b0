internal import Cryptography
internal import TransparencyLog

// The JSON form of a receipt, `Schemas/receipt.schema.json`. It is written in one way and read in
// any: people format JSON, and what has to be exact stands inside strings.

extension Receipt {
    /// The receipt as one line of JSON, without a line break at the end.
    public var encodedJSON: [UInt8] {
        var bytes: [UInt8] = []
        let openingSizeBytes = opening.map { $0.description.count * 5 / 4 + 128 } ?? 0
        bytes.reserveCapacity(
            record.count * 5 / 4 + proof.count * 47 + checkpoint.utf8.count + openingSizeBytes
                + 256
        )
        bytes.append(ascii: "{\"type\":\"\(Self.type)\",\"index\":")
        bytes.append(ascii: String(index.value))
        bytes.append(ascii: ",\"treeSize\":")
        bytes.append(ascii: String(treeSize.value))
        bytes.append(ascii: ",\"record\":")
        JSONEscapes.append(record.span, to: &bytes)
        bytes.append(ascii: ",\"leafHash\":")
        Self.append(leafHash, to: &bytes)
        bytes.append(ascii: ",\"proof\":[")
        for (position, hash) in proof.enumerated() {
            if position > 0 { bytes.append(JSONReader.comma) }
            Self.append(hash, to: &bytes)
        }
        bytes.append(ascii: "],\"checkpoint\":")
        JSONEscapes.append(checkpoint.utf8.span, to: &bytes)
        if let opening {
            bytes.append(ascii: ",\"opening\":{\"salt\":\"")
            Base64.append(opening.salt.span, to: &bytes)
            bytes.append(ascii: "\",\"description\":")
            JSONEscapes.append(opening.description.span, to: &bytes)
            bytes.append(JSONReader.closeBrace)
        }
        bytes.append(JSONReader.closeBrace)
        return bytes
    }

    private static func append(_ hash: MerkleHash, to bytes: inout [UInt8]) {
        bytes.append(JSONReader.quote)
        hash.withSpan { Base64.append($0, to: &bytes) }
        bytes.append(JSONReader.quote)
    }

    /// Reads a receipt in any JSON formatting.
    ///
    /// Strict about everything else: members, types, sizes, base64, duplicates, bytes behind the
    /// end. Reading proves nothing; see `ReceiptVerification`.
    ///
    /// - Throws: `ReceiptError`.
    public init(parsing bytes: Span<UInt8>) throws(ReceiptError) {
        guard bytes.count <= Self.maximumSizeBytes else { throw .tooLarge(sizeBytes: bytes.count) }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes, form: .any)
        } catch { throw .notJSON(error) }
        var members = try ReceiptMembers(value)
        let type = try members.string("type")
        guard type == Self.type else { throw .unknownType(excerpt(type)) }
        let index = RecordIndex(try members.integer("index"))
        let treeSize = TreeSize(try members.integer("treeSize"))
        guard index.value < treeSize.value else {
            throw .invalidMember("index", reason: "must be below treeSize")
        }
        let record = Array(try members.string("record").utf8)
        guard record.count <= Record.maximumSizeBytes else {
            throw .invalidMember("record", reason: "must be at most 65,535 bytes")
        }
        self.init(
            index: index,
            treeSize: treeSize,
            record: record,
            leafHash: try members.digest("leafHash"),
            proof: try members.digests("proof", maximumCount: Self.maximumProofLength),
            checkpoint: try Self.checkpoint(&members),
            opening: try Self.opening(&members)
        )
        try members.end()
    }

    private static func checkpoint(_ members: inout ReceiptMembers) throws(ReceiptError) -> String {
        let text = try members.string("checkpoint")
        guard text.utf8.count <= SignedNote.maximumBytes else {
            throw .invalidMember("checkpoint", reason: "must be at most 128 KiB")
        }
        return text
    }

    private static func opening(
        _ members: inout ReceiptMembers
    ) throws(ReceiptError) -> SealedOpening? {
        guard let value = members.take("opening") else { return nil }
        var inner = try ReceiptMembers(value)
        guard let salt = Base64.decode(try inner.string("salt")) else {
            throw .invalidMember("salt", reason: "must be base64")
        }
        let description = Array(try inner.string("description").utf8)
        try inner.end()
        do {
            return try SealedOpening(salt: salt, description: description)
        } catch {
            throw .invalidMember("opening", reason: error.description)
        }
    }
}

/// The members of an object in a receipt; each is taken once, and none may be left.
private struct ReceiptMembers {
    private var object: JSONObject

    init(_ value: JSONValue) throws(ReceiptError) {
        guard case .object(let object) = value else { throw .notAnObject }
        self.object = object
    }

    mutating func take(_ name: String) -> JSONValue? {
        defer { object[name] = nil }
        return object[name]
    }

    func end() throws(ReceiptError) {
        if let left = object.members.first { throw .unknownMember(excerpt(left.name)) }
    }

    private mutating func required(_ name: String) throws(ReceiptError) -> JSONValue {
        guard let value = take(name) else { throw .missingMember(name) }
        return value
    }

    mutating func string(_ name: String) throws(ReceiptError) -> String {
        guard case .string(let text) = try required(name) else {
            throw .invalidMember(name, reason: "must be a string")
        }
        return text
    }

    mutating func integer(_ name: String) throws(ReceiptError) -> UInt64 {
        guard case .integer(let number) = try required(name), let value = UInt64(exactly: number)
        else { throw .invalidMember(name, reason: "must be an integer from 0 to 2^53 - 1") }
        return value
    }

    mutating func digest(_ name: String) throws(ReceiptError) -> SHA256Digest {
        try Self.digest(try required(name), name)
    }

    mutating func digests(
        _ name: String,
        maximumCount: Int
    ) throws(ReceiptError) -> [SHA256Digest] {
        guard case .array(let values) = try required(name), values.count <= maximumCount else {
            throw .invalidMember(name, reason: "must be an array of at most \(maximumCount)")
        }
        var digests: [SHA256Digest] = []
        for value in values { digests.append(try Self.digest(value, name)) }
        return digests
    }

    private static func digest(
        _ value: JSONValue,
        _ name: String
    ) throws(ReceiptError) -> SHA256Digest {
        guard case .string(let text) = value, let digest = SHA256Digest(base64: text) else {
            throw .invalidMember(name, reason: "must be 32 bytes in base64")
        }
        return digest
    }
}

/// Why bytes are not a receipt.
public enum ReceiptError: Error, Equatable, Sendable {
    /// More than `Receipt.maximumSizeBytes`.
    case tooLarge(sizeBytes: Int)
    /// Not JSON, or JSON that could be read in two ways.
    case notJSON(JSONError)
    /// JSON, but not an object where there must be one.
    case notAnObject
    /// The member `type` names something else.
    case unknownType(String)
    /// A member that receipts do not have.
    case unknownMember(String)
    /// A member that receipts must have.
    case missingMember(String)
    /// A member whose value breaks a rule.
    case invalidMember(String, reason: String)
}

extension ReceiptError: CustomStringConvertible {
    /// What is wrong.
    public var description: String {
        switch self {
        case .tooLarge(let sizeBytes):
            "a receipt of \(sizeBytes) bytes; the limit is \(Receipt.maximumSizeBytes)"
        case .notJSON(let error): "not JSON: \(error)"
        case .notAnObject: "not a JSON object"
        case .unknownType(let type): "of the type \(type), not \"\(Receipt.type)\""
        case .unknownMember(let name): "the unknown member \(name)"
        case .missingMember(let name): "the member \"\(name)\" is missing"
        case .invalidMember(let name, let reason): "the member \"\(name)\": \(reason)"
        }
    }
}
