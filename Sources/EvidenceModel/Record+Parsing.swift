import TransparencyLog

extension Record {
    /// Reads a record's bytes; accepts exactly what `encoded` writes.
    ///
    /// Never traps and never allocates more than a small multiple of the bytes given.
    ///
    /// - Throws: `RecordError`; for a record of a newer program `.newerVersion` or `.unknownKind`.
    public init(parsing bytes: Span<UInt8>) throws(RecordError) {
        guard bytes.count <= Self.maximumSizeBytes else { throw .tooLarge(sizeBytes: bytes.count) }
        do {
            self = try Self.decode(bytes)
        } catch {
            throw Self.explained(error, bytes)
        }
    }

    private static func decode(_ bytes: Span<UInt8>) throws(RecordError) -> Record {
        guard let kind = try kind(of: bytes) else { throw .missingMember("kind") }
        guard let kind = RecordKind(rawValue: kind) else { throw .unknownKind(excerpt(kind)) }
        switch kind {
        case .evidence: return try decodeEvidence(bytes)
        case .logCreated: return .logCreated(try LogCreation(canonicalBytes: bytes))
        default: return .act(try ActRecord(kind: kind, canonicalBytes: bytes))
        }
    }

    /// Looks ahead for the member `kind`, which decides how the others are read; `nil` if there is
    /// none.
    private static func kind(of bytes: Span<UInt8>) throws(RecordError) -> String? {
        var json = JSONReader(form: .canonical)
        do {
            guard try json.peek(bytes) == JSONReader.openBrace else { return nil }
            try json.expect(JSONReader.openBrace, bytes)
            repeat {
                let isKind = try json.string(bytes) == "kind"
                try json.expect(JSONReader.colon, bytes)
                if isKind { return try json.string(bytes) }
                _ = try json.value(bytes, depth: 1)
            } while try json.take(JSONReader.comma, bytes)
            return nil
        } catch { throw .notCanonical(error) }
    }

    /// Gives the reason that matters most.
    ///
    /// Only for bytes that are refused already: it may be slow.
    /// Bytes that are not canonical at all are damaged. Among canonical ones, what a newer program
    /// wrote is told apart from what nobody should have written.
    private static func explained(_ error: RecordError, _ bytes: Span<UInt8>) -> RecordError {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes, form: .canonical)
        } catch let fault {
            return .notCanonical(fault)
        }
        guard case .object(let object) = value else { return .notAnObject }
        guard let versionMember = object["v"] else { return .missingMember("v") }
        guard case .integer(let version) = versionMember, version >= 1 else {
            return .invalidMember("v", reason: "must be a positive integer")
        }
        guard version == Record.version else { return .newerVersion(UInt64(version)) }
        guard let kindMember = object["kind"] else { return .missingMember("kind") }
        guard case .string(let kind) = kindMember else {
            return .invalidMember("kind", reason: "must be a string")
        }
        guard RecordKind(rawValue: kind) != nil else { return .unknownKind(excerpt(kind)) }
        return error
    }

    private static func decodeEvidence(_ bytes: Span<UInt8>) throws(RecordError) -> Record {
        var reader = MemberReader()
        var cursor = try reader.enterText(bytes)
        let collection = try reader.collection(&cursor, bytes)
        if try reader.has("commitment", &cursor, bytes) {
            return .sealedEvidence(
                try decodeSealed(collection, &reader, &cursor, bytes)
            )
        }
        let idempotencyKey = try reader.idempotencyKey(&cursor, bytes)
        try reader.kind(.evidence, &cursor, bytes)
        let labels = try reader.labels(&cursor, bytes)
        let lock = try reader.lock(&cursor, bytes)
        let mediaType = try reader.mediaType(&cursor, bytes)
        let name = try reader.name(&cursor, bytes)
        let payload = try reader.payload(&cursor, bytes)
        let received = try reader.received(&cursor, bytes)
        let sequence = try reader.sequence(&cursor, bytes)
        let submitter = try reader.submitter(&cursor, bytes)
        let traceparent = try reader.traceparent(&cursor, bytes)
        try reader.version(&cursor, bytes)
        try reader.leaveText(cursor, bytes)
        let description = EvidenceDescription(
            name: name,
            mediaType: mediaType,
            labels: labels,
            payloadDigest: payload.digest,
            payloadSize: payload.size,
            idempotencyKey: idempotencyKey,
            submitter: submitter,
            traceparent: traceparent
        )
        return .evidence(
            OpenEvidence(
                collection: collection,
                description: description,
                lock: lock,
                received: received,
                sequence: sequence
            )
        )
    }

    private static func decodeSealed(
        _ collection: CollectionName,
        _ reader: inout MemberReader,
        _ cursor: inout MemberReader.Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) -> SealedEvidence {
        let commitment = try reader.digest("commitment", &cursor, bytes)
        try reader.kind(.evidence, &cursor, bytes)
        let lock = try reader.lock(&cursor, bytes)
        let received = try reader.received(&cursor, bytes)
        let sequence = try reader.sequence(&cursor, bytes)
        try reader.version(&cursor, bytes)
        try reader.leaveText(cursor, bytes)
        return SealedEvidence(
            collection: collection,
            commitment: commitment,
            lock: lock,
            received: received,
            sequence: sequence
        )
    }
}

extension EvidenceDescription {
    /// Reads what `canonicalBytes` wrote, and nothing else.
    ///
    /// - Throws: `RecordError`.
    public init(canonicalBytes bytes: Span<UInt8>) throws(RecordError) {
        guard bytes.count <= Record.maximumSizeBytes else {
            throw .tooLarge(sizeBytes: bytes.count)
        }
        var reader = MemberReader()
        var cursor = try reader.enterText(bytes)
        let idempotencyKey = try reader.idempotencyKey(&cursor, bytes)
        let labels = try reader.labels(&cursor, bytes)
        let mediaType = try reader.mediaType(&cursor, bytes)
        let name = try reader.name(&cursor, bytes)
        let payload = try reader.payload(&cursor, bytes)
        let submitter = try reader.submitter(&cursor, bytes)
        let traceparent = try reader.traceparent(&cursor, bytes)
        try reader.leaveText(cursor, bytes)
        self.init(
            name: name,
            mediaType: mediaType,
            labels: labels,
            payloadDigest: payload.digest,
            payloadSize: payload.size,
            idempotencyKey: idempotencyKey,
            submitter: submitter,
            traceparent: traceparent
        )
    }
}
