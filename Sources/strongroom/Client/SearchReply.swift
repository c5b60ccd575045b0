internal import EvidenceModel

/// A page of the server's answer to a search.
struct SearchReply {
    let entries: [EvidenceLine]
    /// Where the next page begins; nil: this is the last.
    let nextCursor: String?
    /// The records that the page looked through, the size of the log, and its signed checkpoint;
    /// nil where the server does not say.
    let range: Range<UInt64>?
    let treeSize: UInt64?
    let checkpoint: String?

    init(_ body: [UInt8]) throws(CommandFailure) {
        guard case .object(let object)? = try? JSONValue(parsing: body.span, form: .any),
            case .array(let values)? = object["entries"]
        else { throw Self.malformed }
        var entries: [EvidenceLine] = []
        for value in values {
            guard case .object(let entry) = value, let line = EvidenceLine(entry) else {
                throw Self.malformed
            }
            entries.append(line)
        }
        self.entries = entries
        (treeSize, checkpoint) = (object.number("treeSize"), object.text("checkpoint"))
        if let looked = object.object("range"), let from = looked.number("from"),
            let before = looked.number("before"), from <= before
        {
            range = from..<before
        } else {
            range = nil
        }
        if case .string(let cursor)? = object["cursor"] {
            nextCursor = cursor
        } else {
            nextCursor = nil
        }
    }

    private static let malformed = CommandFailure(
        .tryAgain,
        "the server's answer to the search cannot be read",
        advice: "see that --server names a Strongroom server of this version"
    )
}

extension EvidenceLine {
    /// An entry of a search; nil if it is not of the form that servers give.
    fileprivate init?(_ entry: JSONObject) {
        guard case .integer(let number)? = entry["index"], let index = UInt64(exactly: number),
            case .string(let collection)? = entry["collection"],
            case .object(let lock)? = entry["lock"], case .string(let mode)? = lock["mode"],
            let until = LockWords.end(lock)
        else { return nil }
        self.init(
            index: index,
            collection: collection,
            digest: Self.text(entry["sha256"]),
            name: Self.text(entry["name"]),
            sizeBytes: Self.number(entry["size"]),
            mode: mode,
            lockedUntil: until,
            status: nil
        )
    }

    private static func text(_ value: JSONValue?) -> String? {
        guard case .string(let text)? = value else { return nil }
        return text
    }

    private static func number(_ value: JSONValue?) -> UInt64? {
        guard case .integer(let number)? = value else { return nil }
        return UInt64(exactly: number)
    }
}
