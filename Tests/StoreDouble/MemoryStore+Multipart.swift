package import Cryptography
package import Replication

// Uploads in parts.
extension MemoryStore {
    /// The least size of every part but the last.
    package static let minimumPartBytes = 5 << 20

    package func beginMultipart(
        _ request: MultipartRequest
    ) throws(StoreFailure) -> MultipartUpload {
        let key = try whole(request.key)
        return try perform(.beginMultipart, key) { contents, now throws(StoreFailure) in
            _ = try contents.granted(
                request.lock,
                request.hold,
                kept: .multipartLockKept,
                at: now
            )
            let identifier = contents.freshName()
            contents.uploads[identifier] = BucketContents.Upload(
                key: key,
                request: request
            )
            return MultipartUpload(key: request.key, identifier: identifier)
        }
    }

    package func uploadPart(
        _ upload: MultipartUpload,
        number: Int,
        body: ObjectBody,
        checksum: SHA256Digest
    ) throws(StoreFailure) -> UploadedPart {
        precondition((1...10_000).contains(number), "parts are numbered from 1 to 10,000")
        let bytes = try bytes(of: body)
        let key = try whole(upload.key)
        return try perform(.uploadPart, key) { contents, _ throws(StoreFailure) in
            guard contents.uploads[upload.identifier] != nil else { throw .notFound }
            guard !contents.keeps(.checksumVerified) || SHA256.hash(bytes.span) == checksum else {
                throw .corrupt(detail: "BadDigest (status 400): part \(number) of \(key)")
            }
            guard let tag = BucketContents.tag(of: bytes) else {
                throw .local(detail: "there is no MD5 on this machine")
            }
            let part = UploadedPart(number: number, tag: tag, checksum: checksum)
            contents.uploads[upload.identifier]?.parts[number] = (bytes, part)
            return part
        }
    }

    package func completeMultipart(
        _ upload: MultipartUpload,
        parts: [UploadedPart],
        condition: PutRequest.Condition
    ) throws(StoreFailure) -> PutResult {
        let key = try whole(upload.key)
        return try perform(.completeMultipart, key) { contents, now throws(StoreFailure) in
            guard let open = contents.uploads[upload.identifier] else { throw .notFound }
            let bytes = try Self.joined(open, parts)
            try contents.check(condition, key)
            let granted = try contents.granted(
                open.request.lock,
                open.request.hold,
                kept: .multipartLockKept,
                at: now
            )
            guard let whole = BucketContents.tag(of: bytes),
                let tag = ObjectTag("\"\(whole.opaque)-\(parts.count)\"")
            else { throw .local(detail: "there is no MD5 on this machine") }
            let version = contents.add(
                key,
                bytes: bytes,
                tag: tag,
                checksum: ObjectChecksum(parts: parts.map(\.checksum)),
                lock: granted.lock,
                hold: granted.hold,
                at: now
            )
            contents.uploads[upload.identifier] = nil
            return PutResult(
                version: contents.versioning == .never ? nil : version,
                tag: tag,
                confirmation: .reply
            )
        }
    }

    private static func joined(
        _ open: BucketContents.Upload,
        _ parts: [UploadedPart]
    ) throws(StoreFailure) -> [UInt8] {
        var bytes: [UInt8] = []
        var last = 0
        for part in parts {
            guard part.number > last else {
                throw .rejected(detail: "InvalidPartOrder (status 400)")
            }
            last = part.number
            guard let found = open.parts[part.number], found.part == part else {
                throw .rejected(detail: "InvalidPart (status 400): \(part.number)")
            }
            guard part == parts.last || found.bytes.count >= minimumPartBytes else {
                throw .rejected(detail: "EntityTooSmall (status 400): part \(part.number)")
            }
            bytes += found.bytes
        }
        guard !parts.isEmpty else { throw .rejected(detail: "MalformedXML (status 400)") }
        return bytes
    }

    package func abortMultipart(_ upload: MultipartUpload) throws(StoreFailure) {
        try perform(.abortMultipart, try whole(upload.key)) { contents, _ in
            contents.uploads[upload.identifier] = nil
        }
    }

    package func listMultiparts(
        prefix: String,
        after cursor: ListCursor?
    ) throws(StoreFailure) -> UploadPage {
        try perform(.listMultiparts, nil) { contents, _ throws(StoreFailure) in
            let whole = self.prefix + prefix
            var all: [MultipartUpload] = []
            for (identifier, upload) in contents.uploads
            where upload.key.text.utf8.starts(with: whole.utf8) {
                all.append(MultipartUpload(key: try short(upload.key), identifier: identifier))
            }
            let sorted = all.sorted { left, right in
                left.key == right.key
                    ? left.identifier < right.identifier : left.key < right.key
            }
            let rest = sorted.filter { upload in
                guard let cursor, let last = ObjectKey(cursor.key) else { return true }
                if upload.key == last {
                    return cursor.detail.map { upload.identifier > $0 } ?? false
                }
                return last < upload.key
            }
            let page = Array(rest.prefix(contents.pageLimit))
            let next = page.count < rest.count ? page.last : nil
            return UploadPage(
                uploads: page,
                next: next.map { ListCursor(key: $0.key.text, detail: $0.identifier) }
            )
        }
    }
}
