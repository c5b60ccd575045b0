import Cryptography
import EvidenceModel
import EvidenceStore
import HTTPMessage
import TransparencyLog
import Zstandard

/// Every request that only reads.
final class ReadExchange: Exchange {
    let api: EvidenceAPI
    let head: RequestHead
    private let id: String
    private let route: Route

    init(_ api: EvidenceAPI, _ head: RequestHead, _ id: String, _ route: Route) {
        self.api = api
        self.head = head
        self.id = id
        self.route = route
    }

    /// A body of a request that only reads is refused, before it is read.
    func begin() -> Response? {
        guard head.hasBody else { return nil }
        return api.refuse(
            Problem(.badRequest, "\(head.method.name) takes no body; send none."),
            id
        )
    }

    func finish(_ responder: Responder) {
        do throws(Refused) {
            responder.respond(api.finish(try reply(), id))
        } catch {
            responder.respond(api.refuse(error.problem, id))
        }
    }

    private func reply() throws(Refused) -> Response {
        switch route {
        case .evidence, .batch: throw Refused(.methodNotAllowed, "This resource takes POST.")
        case .record(let text):
            _ = try Query(head.target, known: [])
            return try record(try index(text))
        case .payload(let text):
            _ = try Query(head.target, known: [])
            return try payload(try index(text))
        case .receipt(let text): return try receipt(try index(text))
        case .lock(let text):
            _ = try Query(head.target, known: [])
            return try lock(try index(text))
        case .consistency: return try consistency()
        case .search: return try search()
        case .checkpoint:
            _ = try Query(head.target, known: [])
            return .bytes(
                Array(api.store.checkpoint.note.utf8),
                "text/plain; charset=utf-8",
                cache: CachePolicy.checkpoint
            )
        case .tile(let path): return try tile(path)
        case .health:
            _ = try Query(head.target, known: [])
            return .bytes(Array("ok\n".utf8), "text/plain; charset=utf-8")
        case .readiness:
            _ = try Query(head.target, known: [])
            try refusing { () throws(StoreError) in try api.store.checkReadiness() }
            return .bytes(Array("ready\n".utf8), "text/plain; charset=utf-8")
        case .metrics:
            _ = try Query(head.target, known: [])
            return api.metrics()
        }
    }

    private func index(_ text: String) throws(Refused) -> RecordIndex {
        guard let number = Query.number(text) else {
            throw Refused(
                .notFound,
                "'\(Query.excerpt(text))' is no record index: a whole number below 2^53."
            )
        }
        return RecordIndex(number)
    }

    // MARK: Records

    private func record(_ index: RecordIndex) throws(Refused) -> Response {
        let stored = try refusing { () throws(StoreError) in try api.store.record(at: index) }
        return .bytes(
            stored.bytes,
            "application/json",
            cache: CachePolicy.record
        )
    }

    private func payload(_ index: RecordIndex) throws(Refused) -> Response {
        let (reader, mediaType) = try refusing { () throws(StoreError) in
            let stored = try api.store.record(at: index)
            return (
                try api.store.payload(at: index), stored.description?.mediaType ?? .octetStream
            )
        }
        let tag = EntityTag(reader.digest.hex)
        var fields = HTTPFields(["Content-Type": mediaType.text, "Accept-Ranges": "bytes"])
        fields.append("ETag", tag.text)
        fields.append("Repr-Digest", "sha-256=:\(reader.digest.base64):")
        fields.append("X-Content-Type-Options", "nosniff")
        if tag.matches(ifNoneMatch: head.fields.all("if-none-match")) {
            return Response(status: 304, fields: fields)
        }
        let ranges = head.fields.all("range")
        let isPart =
            ranges.count == 1 && head.method == .get
            && tag.allowsRange(ifRange: head.fields.first("if-range"))
        switch isPart ? RangeSelection(ranges[0], lengthBytes: reader.sizeBytes) : .whole {
        case .whole:
            return Response(
                status: 200,
                fields: fields,
                body: .stream(
                    lengthBytes: reader.sizeBytes,
                    PayloadBody(reader, 0..<reader.sizeBytes, api.log)
                )
            )
        case .part(let range):
            fields.append(
                "Content-Range",
                "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(reader.sizeBytes)"
            )
            return Response(
                status: 206,
                fields: fields,
                body: .stream(
                    lengthBytes: range.upperBound - range.lowerBound,
                    PayloadBody(reader, range, api.log)
                )
            )
        case .unsatisfiable:
            var reply = Problem(
                .rangeNotSatisfiable,
                "The payload has \(reader.sizeBytes) bytes."
            ).response
            reply.fields.append("Content-Range", "bytes */\(reader.sizeBytes)")
            return reply
        }
    }

    private func receipt(_ index: RecordIndex) throws(Refused) -> Response {
        let query = try Query(head.target, known: ["size"])
        let size = try query.number("size").map { TreeSize($0) }
        guard size?.value != 0 else {
            throw Refused(.badRequest, "'size' must be 1 or more: the empty tree proves nothing.")
        }
        let receipt = try refusing { () throws(StoreError) in
            try api.store.receipt(for: index, size: size)
        }
        let kinds = ["application/json", "text/plain"]
        let kind = ContentNegotiation.preferred(kinds, accept: head.fields.all("accept"))
        guard kind == "text/plain" else { return .bytes(receipt.encodedJSON, kind) }
        guard let note = try? SignedNote(parsing: receipt.checkpoint) else {
            throw Refused(.damaged, "The checkpoint cannot be read.")
        }
        let proof = TlogProof(
            index: receipt.index,
            path: receipt.proof,
            checkpoint: note,
            extra: receipt.record
        )
        return .bytes(Array(proof.encoded.utf8), "text/plain; charset=utf-8")
    }

    private func lock(_ index: RecordIndex) throws(Refused) -> Response {
        let stored = try refusing { () throws(StoreError) in try api.store.record(at: index) }
        guard let lock = stored.record.lock else {
            throw Refused(.notFound, "Record \(index) is no evidence and has no lock.")
        }
        let current: JSONObject = [
            "mode": .string(lock.mode.rawValue), "until": .string(lock.until.rfc3339Seconds),
        ]
        let granted: JSONObject = [
            "at": .string(stored.record.received.rfc3339), "event": .string("granted"),
            "index": .integer(Int64(index.value)), "lock": .object(current),
        ]
        return .json([
            "history": .array([.object(granted)]), "holds": .array([]),
            "index": .integer(Int64(index.value)), "lock": .object(current),
        ])
    }

    // MARK: Log

    private func consistency() throws(Refused) -> Response {
        let query = try Query(head.target, known: ["from", "to"])
        let from = TreeSize(try query.requiredNumber("from"))
        let to = TreeSize(try query.requiredNumber("to"))
        guard to.value > 0 else {
            throw Refused(.badRequest, "'to' must be 1 or more: the empty tree has no checkpoint.")
        }
        let (proof, checkpoint) = try refusing { () throws(StoreError) in
            try api.store.consistencyProof(from: from, to: to)
        }
        return .json([
            "checkpoint": .string(checkpoint.note), "from": .integer(Int64(from.value)),
            "proof": .array(proof.map { .string($0.base64) }), "to": .integer(Int64(to.value)),
        ])
    }

    private func tile(_ path: String) throws(Refused) -> Response {
        _ = try Query(head.target, known: [])
        let bytes: [UInt8]?
        let isFull: Bool
        if let bundle = EntryBundleCoordinate(path: path) {
            isFull = bundle.isFull
            bytes = try refusing { () throws(StoreError) in
                try api.store.entryBundle(bundle)
            }
        } else if let tile = TileCoordinate(path: path) {
            isFull = tile.isFull
            bytes = try refusing { () throws(StoreError) in try api.store.tile(tile) }
        } else {
            throw Refused(
                .notFound,
                "'\(Query.excerpt(path))' is no path of C2SP tlog-tiles."
            )
        }
        guard let bytes else {
            throw Refused(
                .notFound,
                "The log is not large enough for '\(Query.excerpt(path))'; the checkpoint tells "
                    + "its size."
            )
        }
        let cache = isFull ? CachePolicy.fullTile : CachePolicy.partialTile
        guard path.hasPrefix("tile/entries/") else {
            return .bytes(bytes, "application/octet-stream", cache: cache)
        }
        return compressed(bytes, cache: cache)
    }

    /// Records shrink to a fraction; hashes do not, and are sent as they are.
    private func compressed(_ bytes: [UInt8], cache: String) -> Response {
        let type = "application/octet-stream"
        let isWanted = ContentNegotiation.accepts(
            coding: "zstd",
            head.fields.all("accept-encoding")
        )
        // What cannot be compressed is sent as it is.
        let packed =
            isWanted
            ? try? ZstdCompressor(level: 3, checksum: false).compress(bytes.span) : nil
        var response = Response.bytes(packed ?? bytes, type, cache: cache)
        if packed != nil { response.fields.append("Content-Encoding", "zstd") }
        response.fields.append("Vary", "Accept-Encoding")
        return response
    }
}

/// How long a reply may be kept by a client or between it and the server.
private enum CachePolicy {
    /// Never changes; what stands in a record is not for everyone.
    static let record = "private, max-age=31536000, immutable"
    /// Never changes.
    static let fullTile = "public, max-age=31536000, immutable"
    /// Never changes either, but a full tile takes its place before long.
    static let partialTile = "public, max-age=60"
    /// New with every batch.
    static let checkpoint = "public, max-age=1"
}

extension Response {
    static func bytes(_ bytes: [UInt8], _ type: String, cache: String? = nil) -> Response {
        var fields = HTTPFields(["Content-Type": type])
        if let cache { fields.append("Cache-Control", cache) }
        return Response(status: 200, fields: fields, body: .bytes(bytes))
    }

    static func json(_ object: JSONObject) -> Response {
        .bytes(CanonicalJSON.encode(.object(object)), "application/json")
    }
}
