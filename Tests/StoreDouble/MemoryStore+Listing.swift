package import Replication

// Listings.
extension MemoryStore {
    /// A line of a listing, before its page is known.
    private enum Line {
        case version(StoredVersion, isLatest: Bool)
        case folder(String)
    }

    package func listVersions(
        prefix: String,
        depth: ListDepth,
        after cursor: ListCursor?,
        limit: Int
    ) throws(StoreFailure) -> VersionPage {
        let whole = self.prefix + prefix
        return try perform(.listVersions, ObjectKey(whole)) { contents, _ throws(StoreFailure) in
            let limit = max(1, min(limit, contents.pageLimit, 1_000))
            let lines = lines(contents, below: whole, depth, after: cursor)
            var entries: [VersionEntry] = []
            var folders: [String] = []
            for line in lines.prefix(limit) {
                switch line {
                case .folder(let text): folders.append(String(text.dropFirst(self.prefix.count)))
                case .version(let version, let isLatest):
                    entries.append(try entry(version, isLatest: isLatest))
                }
            }
            let isWhole = lines.count <= limit
            return VersionPage(
                entries: entries,
                folders: folders,
                next: isWhole ? nil : try self.cursor(at: lines[limit - 1])
            )
        }
    }

    private func lines(
        _ contents: BucketContents,
        below prefix: String,
        _ depth: ListDepth,
        after cursor: ListCursor?
    ) -> [Line] {
        var lines: [Line] = []
        var folder: String?
        let start = cursor.map { self.prefix + $0.key }
        for key in contents.keys(below: prefix) {
            if depth == .level, let found = Self.folder(of: key.text, below: prefix) {
                let isBehind = start.map { $0.utf8.lexicographicallyPrecedes(found.utf8) } ?? true
                if isBehind, folder != found { lines.append(.folder(found)) }
                folder = found
                continue
            }
            let all = Array((contents.versions[key] ?? []).reversed())
            var first = 0
            if let cursor, let start {
                if key.text.utf8.lexicographicallyPrecedes(start.utf8) { continue }
                if key.text.utf8.elementsEqual(start.utf8) {
                    guard let detail = cursor.detail else { continue }
                    let place = all.firstIndex { $0.name.version.text == detail }
                    first = place.map { $0 + 1 } ?? all.count
                }
            }
            for (place, version) in all.enumerated().dropFirst(first) {
                lines.append(.version(version, isLatest: place == 0))
            }
        }
        return lines
    }

    /// Up to the next slash behind the prefix.
    private static func folder(of key: String, below prefix: String) -> String? {
        let rest = key.utf8.dropFirst(prefix.utf8.count)
        guard let slash = rest.firstIndex(of: UInt8(ascii: "/")) else { return nil }
        return String(decoding: key.utf8[...slash], as: UTF8.self)
    }

    private func entry(
        _ version: StoredVersion,
        isLatest: Bool
    ) throws(StoreFailure) -> VersionEntry {
        let size = version.bytes.map { UInt64($0.count) }
        return VersionEntry(
            name: VersionedKey(try short(version.name.key), version.name.version),
            content: size.map { .object(sizeBytes: $0, tag: version.tag) } ?? .deleteMarker,
            isLatest: isLatest,
            modified: version.modified
        )
    }

    private func cursor(at line: Line) throws(StoreFailure) -> ListCursor {
        switch line {
        case .folder(let text):
            ListCursor(key: String(text.dropFirst(prefix.count)), detail: nil)
        case .version(let version, _):
            ListCursor(
                key: try short(version.name.key).text,
                detail: version.name.version.text
            )
        }
    }
}
