import Cryptography

// The members of evidence, each with its type and its rules.

extension MemberReader {
    mutating func collection(
        _ cursor: inout Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) -> CollectionName {
        let text = try string("collection", &cursor, bytes)
        do { return try CollectionName(text) } catch { throw Self.invalid("collection", error) }
    }

    mutating func idempotencyKey(
        _ cursor: inout Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) -> IdempotencyKey? {
        guard let text = try optionalString("idempotencyKey", &cursor, bytes) else { return nil }
        do { return try IdempotencyKey(text) } catch { throw Self.invalid("idempotencyKey", error) }
    }

    mutating func kind(
        _ kind: RecordKind,
        _ cursor: inout Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) {
        guard try string("kind", &cursor, bytes) == kind.rawValue else {
            throw .invalidMember("kind", reason: "must be \(kind.rawValue)")
        }
    }

    mutating func labels(
        _ cursor: inout Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) -> Labels {
        guard let pairs = try pairs("labels", &cursor, bytes) else { return .none }
        guard !pairs.isEmpty else {
            throw .invalidMember("labels", reason: "must be absent when there are none")
        }
        do { return try Labels(pairs) } catch { throw Self.invalid("labels", error) }
    }

    mutating func lock(
        _ cursor: inout Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) -> Lock {
        guard var inner = try enterObject("lock", &cursor, bytes) else {
            throw .missingMember("lock")
        }
        let durationText = try optionalString("duration", &inner, bytes)
        if let durationText {
            let eventText = try string("event", &inner, bytes)
            let mode = try mode(&inner, bytes)
            try leave(inner, to: &cursor, bytes)
            return Lock(
                mode: mode,
                awaiting: try checked("event") { () throws(LimitViolation) in
                    try EventName(eventText)
                },
                then: try checked("duration") { () throws(LimitViolation) in
                    try RetentionDuration(parsing: durationText)
                }
            )
        }
        let mode = try mode(&inner, bytes)
        let untilText = try string("until", &inner, bytes)
        try leave(inner, to: &cursor, bytes)
        guard let until = Timestamp(rfc3339Seconds: untilText),
            let lock = Lock(mode: mode, until: until)
        else {
            throw .invalidMember("until", reason: "must be a time in seconds, UTC")
        }
        return lock
    }

    private mutating func mode(
        _ cursor: inout Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) -> RetentionMode {
        guard let mode = RetentionMode(rawValue: try string("mode", &cursor, bytes)) else {
            throw .invalidMember("mode", reason: "must be COMPLIANCE or GOVERNANCE")
        }
        return mode
    }

    private func checked<Value>(
        _ name: String,
        _ make: () throws(LimitViolation) -> Value
    ) throws(RecordError) -> Value {
        do { return try make() } catch { throw Self.invalid(name, error) }
    }

    mutating func mediaType(
        _ cursor: inout Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) -> MediaType {
        let text = try string("mediaType", &cursor, bytes)
        do { return try MediaType(text) } catch { throw Self.invalid("mediaType", error) }
    }

    mutating func name(
        _ cursor: inout Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) -> EvidenceName {
        let text = try string("name", &cursor, bytes)
        do { return try EvidenceName(text) } catch { throw Self.invalid("name", error) }
    }

    mutating func payload(
        _ cursor: inout Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) -> (digest: SHA256Digest, size: UInt64) {
        guard var inner = try enterObject("payload", &cursor, bytes) else {
            throw .missingMember("payload")
        }
        let digest = try digest("sha256", &inner, bytes)
        let size = try integer("size", &inner, bytes)
        try leave(inner, to: &cursor, bytes)
        guard let size = UInt64(exactly: size) else {
            throw .invalidMember("size", reason: "must not be negative")
        }
        return (digest, size)
    }

    mutating func digest(
        _ name: String,
        _ cursor: inout Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) -> SHA256Digest {
        let text = try string(name, &cursor, bytes)
        guard let digest = SHA256Digest(hex: text) else {
            throw .invalidMember(name, reason: "must be 64 lower-case hex characters")
        }
        return digest
    }

    mutating func received(
        _ cursor: inout Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) -> Timestamp {
        let text = try string("received", &cursor, bytes)
        guard let received = Timestamp(rfc3339: text) else {
            throw .invalidMember("received", reason: "must be a time in milliseconds, UTC")
        }
        return received
    }

    mutating func sequence(
        _ cursor: inout Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) -> SequenceNumber {
        let value = try integer("sequence", &cursor, bytes)
        guard let value = UInt64(exactly: value), let sequence = SequenceNumber(value) else {
            throw .invalidMember("sequence", reason: "must be at least 1")
        }
        return sequence
    }

    mutating func submitter(
        _ cursor: inout Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) -> Submitter {
        let text = try string("submitter", &cursor, bytes)
        do { return try Submitter(text) } catch { throw Self.invalid("submitter", error) }
    }

    mutating func traceparent(
        _ cursor: inout Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) -> Traceparent? {
        guard let text = try optionalString("traceparent", &cursor, bytes) else { return nil }
        do { return try Traceparent(text) } catch { throw Self.invalid("traceparent", error) }
    }

    mutating func version(
        _ cursor: inout Cursor,
        _ bytes: Span<UInt8>
    ) throws(RecordError) {
        let version = try integer("v", &cursor, bytes)
        guard version == Record.version else {
            throw .invalidMember("v", reason: "must be \(Record.version)")
        }
    }

    private static func invalid(_ name: String, _ violation: LimitViolation) -> RecordError {
        .invalidMember(name, reason: violation.description)
    }
}
