import Cryptography
import CurlClient
import EvidenceModel
package import Replication
import XMLReader

// Listings, and the deletion of many versions at once.
extension S3Client {
    package func listVersions(
        prefix: String,
        depth: ListDepth,
        after cursor: ListCursor?,
        limit: Int
    ) throws(StoreFailure) -> VersionPage {
        var query = [
            ("versions", ""),
            ("prefix", configuration.prefix.text + prefix),
            ("max-keys", String(min(max(limit, 1), 1_000))),
            ("encoding-type", "url"),
        ]
        if depth == .level { query.append(("delimiter", "/")) }
        if let cursor {
            query.append(("key-marker", cursor.key))
            if let version = cursor.detail {
                query.append(("version-id-marker", version))
            }
        }
        var call = S3Call("GET", query: query)
        call.replyBytes = 4 << 20
        let root = try document(perform(call), named: "ListVersionsResult")
        let texts = ListingTexts(root, prefix: configuration.prefix)
        var entries: [VersionEntry] = []
        for child in root.children where child.name == "Version" || child.name == "DeleteMarker" {
            entries.append(try entry(child, texts))
        }
        var folders: [String] = []
        for element in root.all("CommonPrefixes") {
            folders.append(try texts.text(element, "Prefix"))
        }
        return VersionPage(
            entries: entries,
            folders: folders,
            next: try texts.cursor(root, of: "Version", "DeleteMarker", "CommonPrefixes")
        )
    }

    private func entry(
        _ element: XMLElement,
        _ texts: ListingTexts
    ) throws(StoreFailure) -> VersionEntry {
        guard let key = ObjectKey(try texts.text(element, "Key")),
            let version = element.text("VersionId").flatMap(ObjectVersion.init)
        else { throw .corrupt(detail: "a listing has an entry without key or version") }
        let content: VersionEntry.Content
        if element.name == "DeleteMarker" {
            content = .deleteMarker
        } else {
            guard let size = element.text("Size").flatMap({ UInt64($0) }) else {
                throw .corrupt(detail: "a listing does not tell the size of \(key)")
            }
            content = .object(
                sizeBytes: size,
                tag: element.text("ETag").flatMap(ObjectTag.init)
            )
        }
        return VersionEntry(
            name: VersionedKey(key, version),
            content: content,
            isLatest: element.text("IsLatest") == "true",
            modified: element.text("LastModified").flatMap(Timestamp.init(storeText:))
        )
    }

    package func delete(_ names: [VersionedKey]) throws(StoreFailure) -> [DeleteOutcome] {
        guard !names.isEmpty else { return [] }
        precondition(names.count <= 1_000, "a store deletes at most 1,000 versions in one request")
        var text = "<Delete xmlns=\"\(Self.namespace)\">"
        for name in names {
            guard let key = xmlEscaped(path(name.key)),
                let version = xmlEscaped(name.version.text)
            else { throw .unsupported(detail: "the key \(name.key) cannot be written in XML") }
            text += "<Object><Key>\(key)</Key><VersionId>\(version)</VersionId></Object>"
        }
        var call = S3Call("POST", query: [("delete", "")])
        call.attach(text + "</Delete>")
        call.replyBytes = 4 << 20
        let root = try document(perform(call), named: "DeleteResult")
        var told: [VersionedKey: StoreFailure?] = [:]
        for child in root.children {
            guard let name = name(child) else { continue }
            switch child.name {
            case "Deleted": told[name] = .some(nil)
            case "Error": told[name] = failure(child, name)
            default: break
            }
        }
        return names.map { name in
            let unnamed = StoreFailure.corrupt(detail: "the store does not say what became of it")
            return DeleteOutcome(name: name, failure: told[name] ?? unnamed)
        }
    }

    /// The version that an element of a reply is about.
    private func name(_ element: XMLElement) -> VersionedKey? {
        let prefix = configuration.prefix.text
        guard let text = element.text("Key"), text.hasPrefix(prefix),
            let key = ObjectKey(String(text.dropFirst(prefix.count))),
            let version = element.text("VersionId").flatMap(ObjectVersion.init)
        else { return nil }
        return VersionedKey(key, version)
    }

    /// A single version's refusal; `nil` if it is gone.
    private func failure(_ element: XMLElement, _ name: VersionedKey) -> StoreFailure? {
        let code = element.text("Code") ?? ""
        let message = element.text("Message") ?? ""
        let status =
            switch code {
            case "AccessDenied": 403
            case "NoSuchVersion", "NoSuchKey": 404
            case "InternalError": 500
            case "SlowDown", "ServiceUnavailable": 503
            case "OperationAborted": 409
            default: 400
            }
        let failure = ErrorReply(status: status, code: code, message: message).failure
        return failure == .notFound ? nil : explained(failure, name)
    }
}

/// How a listing writes keys.
struct ListingTexts {
    private let isEncoded: Bool
    private let prefix: String

    init(_ root: XMLElement, prefix: KeyPrefix) {
        isEncoded = root.text("EncodingType")?.lowercased() == "url"
        self.prefix = prefix.text
    }

    private func decoded(_ text: String) throws(StoreFailure) -> String {
        guard isEncoded else { return text }
        guard let decoded = formDecoded(text) else {
            throw .corrupt(detail: "a listing has a key that cannot be decoded")
        }
        return decoded
    }

    /// A key or the beginning of one, below the target's prefix.
    func text(_ element: XMLElement, _ name: String) throws(StoreFailure) -> String {
        guard let text = element.text(name) else {
            throw .corrupt(detail: "a listing has an entry without \(name)")
        }
        let key = try decoded(text)
        guard key.hasPrefix(prefix) else {
            throw .corrupt(detail: "a listing has a key that was not asked for: \(excerpt(key))")
        }
        return String(key.dropFirst(prefix.count))
    }

    /// Where the listing of elements with these names goes on; `nil` at its end.
    func cursor(_ root: XMLElement, of names: String...) throws(StoreFailure) -> ListCursor? {
        guard root.text("IsTruncated") == "true" else { return nil }
        guard let marker = root.text("NextKeyMarker"), !marker.isEmpty else {
            throw .corrupt(detail: "a listing goes on, but does not say where")
        }
        let detail = root.text("NextVersionIdMarker") ?? root.text("NextUploadIdMarker")
        return ListCursor(
            key: try key(marker: marker, among: root.children.filter { names.contains($0.name) }),
            detail: detail?.isEmpty == true ? nil : detail
        )
    }

    /// Some stores encode keys, but not the marker: it is the last key or prefix of the page, and
    /// is taken from there.
    private func key(
        marker: String,
        among elements: [XMLElement]
    ) throws(StoreFailure) -> String {
        for element in elements.reversed() {
            guard let text = element.text("Key") ?? element.text("Prefix") else { continue }
            let key = try decoded(text)
            if text == marker || key == marker { return key }
        }
        return try decoded(marker)
    }
}
