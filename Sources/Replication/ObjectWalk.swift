/// Walks over the objects of a store, level by level, so that none is missed.
struct ObjectWalk {
    /// An object that is never changed: the first version of its key.
    ///
    /// Whatever came later under the key, be it bytes or a delete marker, is not what was written:
    /// the first version is locked, and nobody can have removed it.
    struct Found: Sendable {
        let key: ObjectKey
        let version: ObjectVersion
        let sizeBytes: UInt64
    }

    let store: any ObjectStore

    private static let pageSize = 1_000
    /// Deeper than any key of the layout.
    private static let maximumDepth = 16

    /// Calls `body` for the first version of each key below `prefix`.
    func each(
        below prefix: String,
        _ body: (Found) throws(RestorationError) -> Void
    ) throws(RestorationError) {
        try walk(prefix, depth: 0, body)
    }

    private func walk(
        _ prefix: String,
        depth: Int,
        _ body: (Found) throws(RestorationError) -> Void
    ) throws(RestorationError) {
        guard depth < Self.maximumDepth else { return }
        var cursor: ListCursor?
        var folders: [String] = []
        // A key's versions are next to each other, the newest first, also across pages.
        var last: Found?
        repeat {
            let page: VersionPage
            do throws(StoreFailure) {
                page = try store.listVersions(
                    prefix: prefix,
                    depth: .level,
                    after: cursor,
                    limit: Self.pageSize
                )
            } catch { throw .store(error, while: "listing \(prefix)") }
            for entry in page.entries {
                guard case .object(let sizeBytes, _) = entry.content else { continue }
                let found = Found(
                    key: entry.name.key,
                    version: entry.name.version,
                    sizeBytes: sizeBytes
                )
                if let last, last.key != found.key { try body(last) }
                last = found
            }
            folders += page.folders
            cursor = page.next
        } while cursor != nil
        if let last { try body(last) }
        for folder in Set(folders).sorted() { try walk(folder, depth: depth + 1, body) }
    }
}
