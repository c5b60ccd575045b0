package import Cryptography
import CurlClient
import EvidenceModel
package import Replication
import XMLReader

// Uploads in parts.
extension S3Client {
    package func beginMultipart(
        _ request: MultipartRequest
    ) throws(StoreFailure) -> MultipartUpload {
        var call = S3Call("POST", key: path(request.key), query: [("uploads", "")])
        call.fields = [
            ("content-type", request.mediaType),
            ("x-amz-checksum-algorithm", "SHA256"),
            ("x-amz-checksum-type", "COMPOSITE"),
        ]
        call.fields += lockFields(request.lock, request.hold) + encryptionFields
        // Repeated after a lost reply it leaves an upload without parts, which is aborted as any
        // that is left behind.
        let root = try document(perform(call), named: "InitiateMultipartUploadResult")
        guard let identifier = root.text("UploadId"), !identifier.isEmpty else {
            throw .corrupt(detail: "the store has begun an upload without an id")
        }
        return MultipartUpload(key: request.key, identifier: identifier)
    }

    package func uploadPart(
        _ upload: MultipartUpload,
        number: Int,
        body: ObjectBody,
        checksum: SHA256Digest
    ) throws(StoreFailure) -> UploadedPart {
        precondition((1...10_000).contains(number), "parts are numbered from 1 to 10,000")
        var call = S3Call(
            "PUT",
            key: path(upload.key),
            query: [
                ("partNumber", String(number)),
                ("uploadId", upload.identifier),
            ]
        )
        call.body = body
        call.payload = checksum
        call.fields = [
            ("x-amz-checksum-sha256", checksum.base64),
            ("x-amz-sdk-checksum-algorithm", "SHA256"),
        ]
        if configuration.contentMD5 == .sent, let digest = try body.md5() {
            call.fields.append(("content-md5", Base64.encode(digest.span)))
        }
        let result = try PutResult(perform(call), confirmation: .reply)
        return UploadedPart(number: number, tag: result.tag, checksum: checksum)
    }

    package func completeMultipart(
        _ upload: MultipartUpload,
        parts: [UploadedPart],
        condition: PutRequest.Condition
    ) throws(StoreFailure) -> PutResult {
        let call = try completionCall(upload, parts, condition)
        var mayBeDone = false
        return try repeating { number throws(StoreFailure) in
            do throws(StoreFailure) {
                if number > 0, mayBeDone, let found = try completed(upload, parts) {
                    return .done(found)
                }
                let response = try attempt(call)
                let root = try document(response, named: "CompleteMultipartUploadResult")
                return .done(
                    try PutResult(response, confirmation: .reply, tagText: root.text("ETag"))
                )
            } catch {
                // After a lost reply the upload is gone, or the condition fails, because of us.
                if error == .notFound || error == .preconditionFailed, mayBeDone,
                    let found = try completed(upload, parts)
                {
                    return .done(found)
                }
                mayBeDone = mayBeDone || error.mayHaveActed
                // After a conflict the upload cannot be completed any more.
                if case .conflict = error { return .failed(error) }
                return error.isPassing ? .again(error) : .failed(error)
            }
        }
    }

    private func completionCall(
        _ upload: MultipartUpload,
        _ parts: [UploadedPart],
        _ condition: PutRequest.Condition
    ) throws(StoreFailure) -> S3Call {
        var text = "<CompleteMultipartUpload xmlns=\"\(Self.namespace)\">"
        for part in parts {
            guard let tag = xmlEscaped(part.tag.text) else {
                throw .corrupt(detail: "the tag of part \(part.number) cannot be written in XML")
            }
            text += "<Part><PartNumber>\(part.number)</PartNumber><ETag>\(tag)</ETag>"
            text += "<ChecksumSHA256>\(part.checksum.base64)</ChecksumSHA256></Part>"
        }
        var call = S3Call(
            "POST",
            key: path(upload.key),
            query: [("uploadId", upload.identifier)]
        )
        let bytes = Array((text + "</CompleteMultipartUpload>").utf8)
        call.body = .bytes(bytes)
        call.payload = SHA256.hash(bytes.span)
        // A checksum field would be taken for that of the object.
        call.fields = [("content-type", "application/xml")]
        call.fields += conditionFields(condition)
        call.repetition = .lookedAfter
        call.milliseconds = configuration.deadlines.completionMilliseconds
        return call
    }

    /// The object at the key, if it is made of these parts.
    private func completed(
        _ upload: MultipartUpload,
        _ parts: [UploadedPart]
    ) throws(StoreFailure) -> PutResult? {
        let head: HeadResult
        do throws(StoreFailure) {
            head = try self.head(upload.key, version: nil, attempts: .one)
        } catch {
            guard error == .notFound || error == .deleteMarker else { throw error }
            return nil
        }
        guard let tag = head.tag else { return nil }
        if let checksum = head.checksum {
            guard checksum == ObjectChecksum(parts: parts.map(\.checksum)) else { return nil }
        } else {
            guard String(tag.opaque) == Self.compositeTag(parts) else { return nil }
        }
        return PutResult(version: head.version, tag: tag, confirmation: .found)
    }

    /// What stores without checksums call an object of these parts: the MD5 of the parts' MD5s.
    private static func compositeTag(_ parts: [UploadedPart]) -> String? {
        var digests: [UInt8] = []
        for part in parts {
            guard let digest = Hex.decode(part.tag.opaque) else { return nil }
            digests += digest
        }
        guard let digest = MD5Hasher.hash(digests.span) else { return nil }
        return "\(Hex.encode(digest.span))-\(parts.count)"
    }

    package func abortMultipart(_ upload: MultipartUpload) throws(StoreFailure) {
        let query = [("uploadId", upload.identifier)]
        do throws(StoreFailure) {
            _ = try perform(S3Call("DELETE", key: path(upload.key), query: query))
        } catch .notFound {
            return
        }
    }

    package func listMultiparts(
        prefix: String,
        after cursor: ListCursor?
    ) throws(StoreFailure) -> UploadPage {
        // Without an encoding: some stores encode these keys, and do not say so.
        var query = [("uploads", ""), ("prefix", configuration.prefix.text + prefix)]
        if let cursor {
            query.append(("key-marker", cursor.key))
            if let upload = cursor.detail {
                query.append(("upload-id-marker", upload))
            }
        }
        var call = S3Call("GET", query: query)
        call.replyBytes = 4 << 20
        let root = try document(perform(call), named: "ListMultipartUploadsResult")
        let texts = ListingTexts(root, prefix: configuration.prefix)
        var uploads: [MultipartUpload] = []
        for element in root.all("Upload") {
            guard let key = ObjectKey(try texts.text(element, "Key")),
                let id = element.text("UploadId")
            else {
                throw .corrupt(detail: "a listing has an upload without key or id")
            }
            uploads.append(MultipartUpload(key: key, identifier: id))
        }
        return UploadPage(
            uploads: uploads,
            next: try texts.cursor(root, of: "Upload")
        )
    }
}

extension ObjectChecksum {
    /// The base64 text of a digest, with `-` and the count of parts behind it for a composite.
    init?(storeText text: String) {
        let pieces = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard let digest = SHA256Digest(base64: pieces[0]) else { return nil }
        guard pieces.count == 2 else {
            self = .whole(digest)
            return
        }
        guard let partCount = Int(pieces[1]), partCount > 0 else { return nil }
        self = .composite(digest, partCount: partCount)
    }
}
