import Cryptography
import CurlClient
import EvidenceModel
package import Replication

// Objects: storing, reading, deleting.
extension S3Client {
    package func put(_ request: PutRequest) throws(StoreFailure) -> PutResult {
        let call = try putCall(request)
        var mayBeStored = false
        return try repeating { number throws(StoreFailure) in
            do throws(StoreFailure) {
                if number > 0, mayBeStored, let found = try stored(request) { return .done(found) }
                let response = try attempt(call)
                return .done(try PutResult(response, confirmation: .reply))
            } catch {
                // After a lost reply the condition may fail because of our own object.
                if error == .preconditionFailed, mayBeStored, let found = try stored(request) {
                    return .done(found)
                }
                mayBeStored = mayBeStored || error.mayHaveActed
                return error.isPassing ? .again(error) : .failed(error)
            }
        }
    }

    private func putCall(_ request: PutRequest) throws(StoreFailure) -> S3Call {
        var call = S3Call("PUT", key: path(request.key))
        call.body = request.body
        call.payload = request.checksum
        call.repetition = .lookedAfter
        call.fields = [
            ("content-type", request.mediaType),
            ("x-amz-checksum-sha256", request.checksum.base64),
            ("x-amz-sdk-checksum-algorithm", "SHA256"),
        ]
        call.fields += lockFields(request.lock, request.hold) + encryptionFields
        call.fields += conditionFields(request.condition)
        if configuration.contentMD5 == .sent, let digest = try request.body.md5() {
            call.fields.append(("content-md5", Base64.encode(digest.span)))
        }
        return call
    }

    func lockFields(_ lock: ObjectLock?, _ hold: LegalHold) -> [S3Call.Item] {
        var fields: [S3Call.Item] = []
        if let lock {
            fields.append(("x-amz-object-lock-mode", lock.mode.rawValue))
            fields.append(
                (
                    "x-amz-object-lock-retain-until-date",
                    lock.until.rfc3339Seconds
                )
            )
        }
        if hold == .on { fields.append(("x-amz-object-lock-legal-hold", "ON")) }
        return fields
    }

    var encryptionFields: [S3Call.Item] {
        guard let key = configuration.encryptionKey else { return [] }
        return [
            ("x-amz-server-side-encryption", "aws:kms"),
            ("x-amz-server-side-encryption-aws-kms-key-id", key),
        ]
    }

    func conditionFields(_ condition: PutRequest.Condition) -> [S3Call.Item] {
        switch condition {
        case .none: []
        case .absent: [("if-none-match", "*")]
        case .matching(let tag): [("if-match", tag.text)]
        }
    }

    /// The object at the key, if its bytes are those of the request.
    private func stored(_ request: PutRequest) throws(StoreFailure) -> PutResult? {
        let head: HeadResult
        do throws(StoreFailure) {
            head = try self.head(request.key, version: nil, attempts: .one)
        } catch {
            guard error == .notFound || error == .deleteMarker else { throw error }
            return nil
        }
        guard head.sizeBytes == request.body.sizeBytes, let tag = head.tag,
            try hasBytes(head, of: request)
        else { return nil }
        return PutResult(version: head.version, tag: tag, confirmation: .found)
    }

    /// By the store's checksum, or by the tag where that is a plain MD5, or by reading it all.
    private func hasBytes(
        _ head: HeadResult,
        of request: PutRequest
    ) throws(StoreFailure) -> Bool {
        if let checksum = head.checksum { return checksum == .whole(request.checksum) }
        if let digest = try request.body.md5(), let tag = head.tag,
            tag.opaque == Hex.encode(digest.span)
        {
            return true
        }
        var hasher = SHA256Hasher()
        _ = try get(request.key, version: head.version, range: nil) { hasher.update($0) }
        return hasher.finalize() == request.checksum
    }

    package func get(
        _ key: ObjectKey,
        version: ObjectVersion?,
        range: ClosedRange<UInt64>?,
        receive: (Span<UInt8>) throws -> Void
    ) throws(StoreFailure) -> HeadResult {
        var call = S3Call("GET", key: path(key), query: versionQuery(version))
        call.fields = [("x-amz-checksum-mode", "ENABLED")]
        if let range {
            let bytes = "bytes=\(range.lowerBound)-\(range.upperBound)"
            call.fields.append(("range", bytes))
        }
        return try withoutActuallyEscaping(receive) { receive throws(StoreFailure) in
            let response = try perform(call, receive: receive)
            guard range == nil || response.status == 206 else {
                throw .corrupt(detail: "the store has sent all of \(key), not a range")
            }
            return try HeadResult(response)
        }
    }

    package func head(
        _ key: ObjectKey,
        version: ObjectVersion?
    ) throws(StoreFailure) -> HeadResult {
        try head(key, version: version, attempts: .all)
    }

    enum Attempts { case one, all }

    func head(
        _ key: ObjectKey,
        version: ObjectVersion?,
        attempts: Attempts
    ) throws(StoreFailure) -> HeadResult {
        var call = S3Call("HEAD", key: path(key), query: versionQuery(version))
        call.fields = [("x-amz-checksum-mode", "ENABLED")]
        let response = attempts == .one ? try attempt(call) : try perform(call)
        let head = try HeadResult(response)
        if let version, let told = head.version, told != version {
            throw .corrupt(detail: "asked for version \(version) of \(key), told of \(told)")
        }
        return head
    }

    func versionQuery(_ version: ObjectVersion?) -> [S3Call.Item] {
        version.map { [("versionId", $0.text)] } ?? []
    }

    package func delete(_ name: VersionedKey) throws(StoreFailure) {
        let call = S3Call("DELETE", key: path(name.key), query: versionQuery(name.version))
        do throws(StoreFailure) {
            _ = try perform(call)
        } catch .notFound {
            return
        } catch {
            throw explained(error, name)
        }
    }

    /// A refusal as `locked`, if the version's own state shows that it is.
    func explained(_ failure: StoreFailure, _ name: VersionedKey) -> StoreFailure {
        switch failure {
        case .accessDenied, .rejected, .conflict: break
        default: return failure
        }
        // Who may delete is not always who may look.
        guard let head = try? head(name.key, version: name.version) else { return failure }
        let now = surroundings.wallMilliseconds()
        if head.hold == .on { return .locked(detail: "\(name) is under a legal hold") }
        if let lock = head.lock, lock.until.milliseconds >= now {
            return .locked(detail: "\(name) is under \(lock)")
        }
        return failure
    }
}

extension PutResult {
    /// Out of a reply's fields.
    init(
        _ response: ClientResponse,
        confirmation: Confirmation,
        tagText: String? = nil
    ) throws(StoreFailure) {
        guard let text = tagText ?? response.fields["etag"], let tag = ObjectTag(text) else {
            throw .corrupt(detail: "the reply to an upload has no usable ETag")
        }
        let version = response.fields["x-amz-version-id"].flatMap(ObjectVersion.init)
        self.init(version: version, tag: tag, confirmation: confirmation)
    }
}

extension HeadResult {
    /// Out of a reply's fields.
    init(_ response: ClientResponse) throws(StoreFailure) {
        let fields = response.fields
        // Of a range, the size of the whole stands behind the slash.
        let size =
            fields["content-range"]?.split(separator: "/").last.map(String.init)
            ?? fields["content-length"]
        guard let sizeBytes = size.flatMap({ UInt64($0) }) else {
            throw .corrupt(detail: "the store does not tell the object's size")
        }
        self.init(
            sizeBytes: sizeBytes,
            tag: fields["etag"].flatMap(ObjectTag.init),
            version: fields["x-amz-version-id"].flatMap(ObjectVersion.init),
            lock: try ObjectLock(
                storeMode: fields["x-amz-object-lock-mode"],
                until: fields["x-amz-object-lock-retain-until-date"]
            ),
            hold: try LegalHold(storeText: fields["x-amz-object-lock-legal-hold"]),
            checksum: fields["x-amz-checksum-sha256"].flatMap(ObjectChecksum.init(storeText:))
        )
    }
}
