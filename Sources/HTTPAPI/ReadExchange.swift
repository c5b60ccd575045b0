import Attestation
import Cryptography
import EvidenceModel
import EvidenceStore
import HTTPMessage
import TransparencyLog
import Zstandard

/// Every request that only reads.
final class ReadExchange: Exchange {
    let request: APIRequest

    var api: EvidenceAPI { request.api }
    var head: RequestHead { request.head }

    init(_ request: APIRequest) {
        self.request = request
    }

    /// A body of a request that only reads is refused, before it is read.
    func begin() -> Response? {
        guard head.hasBody else { return nil }
        return request.refuse(
            Problem(.badRequest, "\(head.method.name) takes no body; send none.")
        )
    }

    func finish(_ responder: Responder) {
        do throws(Refused) {
            responder.respond(request.finish(try reply()))
        } catch {
            responder.respond(request.refuse(error.problem))
        }
    }

    private func reply() throws(Refused) -> Response {
        switch request.route {
        case .record(let text): try record(try Query.index(text))
        case .payload(let text): try payload(try Query.index(text))
        case .receipt(let text): try receipt(try Query.index(text))
        case .lock(let text): try lock(try Query.index(text))
        case .erasure(let text): try erasure(try Query.index(text))
        case .policies: try policies()
        case .policy(let collection): try policy(collection)
        case .census(let collection): try census(collection)
        case .holds: try holds()
        case .matter(let name): try hold(name)
        case .due: try due()
        case .tokens: try tokens()
        case .clock: try clock()
        case .keys: try keys()
        case .targets: try targets()
        case .target(let name): try target(name)
        case .timestamps: try timestamps()
        case .timestamp(let size, let authority): try timestamp(size, authority)
        case .consistency: try consistency()
        case .search: try search()
        case .export(let text): try export(try Query.index(text))
        case .checkpoint: try checkpoint()
        case .tile(let path): try tile(path)
        case .health: try text("ok\n")
        case .readiness: try readiness()
        case .metrics: try metrics()
        case .evidence, .batch, .holdRelease, .events, .erasures, .bypass, .tokenRevocation,
            .resync, .closing, .exports, .targetProbe, .targetReconciliation, .targetPhase,
            .targetWait, .timestampRenewal:
            throw Refused(.methodNotAllowed, "This resource takes POST.")
        }
    }

    func noQuery() throws(Refused) { _ = try Query(head.target, known: []) }

    // MARK: Operation

    private func text(_ text: String) throws(Refused) -> Response {
        try noQuery()
        return .bytes(Array(text.utf8), "text/plain; charset=utf-8")
    }

    private func metrics() throws(Refused) -> Response {
        try noQuery()
        return api.metrics()
    }

    /// Whether evidence is taken, with the clocks that decide about it too.
    private func readiness() throws(Refused) -> Response {
        try noQuery()
        try api.checkReadiness()
        let clock = api.store.clock
        return try text(
            """
            ready
            clock: \(clock.reading), budget \(clock.budgetMilliseconds / 1000) s

            """
        )
    }

    // MARK: Records

    private func record(_ index: RecordIndex) throws(Refused) -> Response {
        try noQuery()
        return .bytes(
            try request.record(index).bytes,
            "application/json",
            cache: CachePolicy.record
        )
    }

    private func payload(_ index: RecordIndex) throws(Refused) -> Response {
        try noQuery()
        let mediaType = try request.record(index).description?.mediaType ?? .octetStream
        let reader = try refusing { () throws(StoreError) in try api.store.payload(at: index) }
        let tag = EntityTag(reader.digest.hex)
        var fields = HTTPFields(["Content-Type": mediaType.text, "Accept-Ranges": "bytes"])
        fields.append("ETag", tag.text)
        fields.append("Repr-Digest", "sha-256=:\(reader.digest.base64):")
        fields.append("X-Content-Type-Options", "nosniff")
        if tag.matches(ifNoneMatch: head.fields.all("if-none-match")) {
            return Response(status: 304, fields: fields)
        }
        return ranged(fields, tag, lengthBytes: reader.sizeBytes) { range in
            RangeBody(range, self.api.log) { offset, limit throws(StoreError) in
                try reader.read(at: offset, limit: limit)
            }
        }
    }

    /// A body that is sent whole or, as the request wants it, in part.
    func ranged(
        _ fields: HTTPFields,
        _ tag: EntityTag,
        lengthBytes: UInt64,
        _ body: (Range<UInt64>) -> any BodyReader
    ) -> Response {
        var fields = fields
        let ranges = head.fields.all("range")
        let isPart =
            ranges.count == 1 && head.method == .get
            && tag.allowsRange(ifRange: head.fields.first("if-range"))
        switch isPart ? RangeSelection(ranges[0], lengthBytes: lengthBytes) : .whole {
        case .whole:
            return Response(
                status: 200,
                fields: fields,
                body: .stream(lengthBytes: lengthBytes, body(0..<lengthBytes))
            )
        case .part(let range):
            fields.append(
                "Content-Range",
                "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(lengthBytes)"
            )
            return Response(
                status: 206,
                fields: fields,
                body: .stream(lengthBytes: UInt64(range.count), body(range))
            )
        case .unsatisfiable:
            var reply = Problem(
                .rangeNotSatisfiable,
                "What was asked for has \(lengthBytes) bytes."
            ).response
            reply.fields.append("Content-Range", "bytes */\(lengthBytes)")
            return reply
        }
    }

    private func receipt(_ index: RecordIndex) throws(Refused) -> Response {
        let query = try Query(head.target, known: ["size"] + Self.cosignedParameters)
        var size = try query.number("size").map { TreeSize($0) }
        guard size?.value != 0 else {
            throw Refused(.badRequest, "'size' must be 1 or more: the empty tree proves nothing.")
        }
        if !request.seesEverything { _ = try request.record(index) }
        let confirmed = try cosigned(query, covering: TreeSize(index.value + 1))
        if let confirmed {
            guard size == nil else {
                throw Refused(.badRequest, "'size' and 'cosigned' do not go together.")
            }
            size = confirmed.size
        }
        var receipt = try refusing { () throws(StoreError) in
            try api.store.receipt(for: index, size: size)
        }
        if let confirmed { receipt = receipt.with(confirmed.note.encoded) }
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

    // MARK: Log

    private func checkpoint() throws(Refused) -> Response {
        let query = try Query(head.target, known: Self.cosignedParameters)
        let newest = api.store.checkpoint
        let note =
            try cosigned(query, covering: .zero)?.note.encoded
            ?? api.witnesses?.adorned(newest.note, size: newest.size) ?? newest.note
        return .bytes(
            Array(note.utf8),
            "text/plain; charset=utf-8",
            cache: CachePolicy.checkpoint
        )
    }

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
        try noQuery()
        let bytes: [UInt8]?
        let isFull: Bool
        // Only what was asked for as entries is given out as entries: they need a permission.
        if request.action.readsEvidence, let bundle = EntryBundleCoordinate(path: path) {
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
