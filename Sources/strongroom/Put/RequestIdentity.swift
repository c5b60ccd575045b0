internal import Cryptography
internal import EvidenceModel

/// What all files of one `put` have in common.
struct PutSettings: Sendable {
    let collection: CollectionName
    let labels: Labels
    let mediaType: MediaType?
    let lock: LockRequest
    /// The user's own key; without it each file has a derived one.
    let idempotencyKey: IdempotencyKey?
}

/// The idempotency key that `put` uses when the user gives none: the same evidence has the same
/// key.
///
/// The key is `auto-` and the lowercase hexadecimal SHA-256 of this canonical JSON (RFC 8785):
///
///     {"collection":C,"labels":{K:V,…},"lock":{"mode":M,"retain":D,"retainUntil":T},
///      "name":N,"sha256":H,"v":1}
///
/// `labels` is absent without labels, `mode`, `retain` and `retainUntil` where the user asked for
/// none, `lock` where all three are absent. M is `GOVERNANCE` or `COMPLIANCE`, D as typed in lowest
/// form (`7y`), T an RFC 3339 time in UTC with milliseconds, H the payload's digest in lowercase
/// hexadecimal. The media type is not part of it: sent with another one, the evidence is the same.
enum RequestIdentity {
    static func key(
        for name: EvidenceName,
        digest: SHA256Digest,
        settings: PutSettings
    ) -> IdempotencyKey? {
        let text = "auto-" + SHA256.hash(canonical(name, digest, settings).span).hex
        return try? IdempotencyKey(text)
    }

    static func canonical(
        _ name: EvidenceName,
        _ digest: SHA256Digest,
        _ settings: PutSettings
    ) -> [UInt8] {
        var members: [(name: String, value: JSONValue)] = [
            ("collection", .string(settings.collection.text))
        ]
        if !settings.labels.isEmpty {
            let labels = settings.labels.sorted.map { ($0.key, JSONValue.string($0.value)) }
            members.append(("labels", object(labels)))
        }
        if let lock = lock(settings.lock) { members.append(("lock", lock)) }
        members.append(("name", .string(name.text)))
        members.append(("sha256", .string(digest.hex)))
        members.append(("v", .integer(1)))
        return CanonicalJSON.encode(object(members))
    }

    private static func lock(_ request: LockRequest) -> JSONValue? {
        var members: [(name: String, value: JSONValue)] = []
        if let mode = request.mode { members.append(("mode", .string(mode.rawValue))) }
        switch request.retention {
        case .standard: break
        case .duration(let duration): members.append(("retain", .string("\(duration)")))
        case .until(let time): members.append(("retainUntil", .string(time.rfc3339)))
        }
        return members.isEmpty ? nil : object(members)
    }

    private static func object(_ members: [(name: String, value: JSONValue)]) -> JSONValue {
        guard let object = JSONObject(members) else {
            preconditionFailure("names of the members differ")
        }
        return .object(object)
    }
}
