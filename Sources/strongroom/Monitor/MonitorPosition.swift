internal import Cryptography
internal import EvidenceModel
internal import TransparencyLog

/// How far a monitor has come with a log; small, and written anew with every step.
struct MonitorPosition {
    /// The log's name.
    let origin: String
    /// The tree over the records that were judged.
    var edge = TileEdge()
    /// The largest checkpoint that was seen, as a signed note; nil before the first.
    var note: String?
    /// Numbers and times of the records that were judged.
    var order = RecordOrder()
    /// All collections, in the order in which they were first seen.
    var collections: [CollectionName] = []
    /// How many of the records are evidence, and how many are not.
    var evidenceCount: UInt64 = 0
    var actCount: UInt64 = 0
    var unjudged = LogAudit.Unjudged()
    /// When a pass ended well for the last time.
    var lastPass: Timestamp?

    /// Of what this version writes and reads.
    static let version: Int64 = 1

    init(origin: String) {
        self.origin = origin
    }

    /// Canonical JSON.
    var encoded: [UInt8] {
        let heads = collections.map { name -> JSONValue in
            guard let head = order.heads[name] else { return .array([.string(name.text)]) }
            return .array([
                .string(name.text), .integer(Int64(head.count.value)),
                .integer(Int64(head.last.value)),
            ])
        }
        let levels = edge.levels.map { level -> JSONValue in
            .array(level.map { .string($0.base64) })
        }
        var object: JSONObject = [
            "acts": .integer(Int64(actCount)), "collections": .array(heads),
            "edge": .array(levels), "evidence": .integer(Int64(evidenceCount)),
            "origin": .string(origin), "received": .string(order.lastReceived.rfc3339),
            "size": .integer(Int64(edge.size.value)),
            "unjudgedErasures": .integer(Int64(clamping: unjudged.erasures)),
            "unjudgedHolds": .integer(Int64(clamping: unjudged.holds)),
            "version": .integer(Self.version),
        ]
        object["lastPass"] = lastPass.map { .string($0.rfc3339) }
        object["note"] = note.map { .string($0) }
        return CanonicalJSON.encode(.object(object))
    }

    /// Reads what `encoded` wrote; nil for anything else.
    ///
    /// `closed`: the fold knows it, and this does not say it again.
    init?(_ bytes: Span<UInt8>, closed: RecordIndex?) {
        guard case .object(let object)? = try? JSONValue(parsing: bytes, form: .canonical),
            object["version"] == .integer(Self.version),
            let origin = object.text("origin"),
            let received = object.text("received").flatMap({ Timestamp(rfc3339: $0) }),
            let size = object.number("size"), let acts = object.number("acts"),
            let evidence = object.number("evidence"),
            let holds = object.number("unjudgedHolds"),
            let erasures = object.number("unjudgedErasures"),
            let edge = Self.edge(size, object["edge"]),
            let (collections, heads) = Self.heads(object["collections"])
        else { return nil }
        self.origin = origin
        self.edge = edge
        self.collections = collections
        order = RecordOrder(heads: heads, lastReceived: received, closed: closed)
        (evidenceCount, actCount) = (evidence, acts)
        unjudged = LogAudit.Unjudged(holds: holds, erasures: erasures)
        note = object.text("note")
        lastPass = object.text("lastPass").flatMap { Timestamp(rfc3339: $0) }
    }

    private static func edge(_ size: UInt64, _ value: JSONValue?) -> TileEdge? {
        guard case .array(let rows)? = value else { return nil }
        var levels: [[MerkleHash]] = []
        for row in rows {
            guard case .array(let texts) = row else { return nil }
            var level: [MerkleHash] = []
            for value in texts {
                guard case .string(let text) = value, let hash = MerkleHash(base64: text) else {
                    return nil
                }
                level.append(hash)
            }
            levels.append(level)
        }
        return TileEdge(size: TreeSize(size), levels: levels)
    }

    private static func heads(
        _ value: JSONValue?
    ) -> ([CollectionName], [CollectionName: CensusEntry])? {
        guard case .array(let rows)? = value else { return nil }
        var collections: [CollectionName] = []
        var heads: [CollectionName: CensusEntry] = [:]
        for row in rows {
            guard case .array(let values) = row, values.count == 3,
                case .string(let text) = values[0], case .integer(let count) = values[1],
                case .integer(let last) = values[2], count > 0, last >= 0,
                let name = try? CollectionName(text), heads[name] == nil,
                let number = SequenceNumber(UInt64(count))
            else { return nil }
            collections.append(name)
            heads[name] = CensusEntry(count: number, last: RecordIndex(UInt64(last)))
        }
        return (collections, heads)
    }
}
