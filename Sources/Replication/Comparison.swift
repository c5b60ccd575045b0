import EvidenceModel
import EvidenceStore
import TransparencyLog

/// Compares what a target lists with what the ledger says that stands there.
struct Comparison {
    let target: any ObjectStore
    let ledger: TargetLedger

    private static let pageSize = 1_000
    private static let prefixes = ["journal/", "packs/", "payloads/", "log/tile/"]

    /// Objects that are missing, hidden by a delete marker, or have another newest version.
    func differences() throws(ReplicationFailure) -> [ObjectKey] {
        let ledger = ledger
        var expected: [ObjectKey: ObjectVersion?] = [:]
        let (entries, tiles) = try logged { () throws(StoreError) in
            (try ledger.entries(), try ledger.tileEntries())
        }
        for entry in entries where entry.state == .stored { expected[entry.key] = entry.version }
        for tile in tiles { expected[tile.key] = tile.version }
        for prefix in Self.prefixes {
            try walk(prefix) { entry in
                guard entry.isLatest, case .object = entry.content,
                    expected[entry.name.key] == .some(entry.name.version)
                else { return }
                expected[entry.name.key] = nil
            }
        }
        return expected.keys.sorted()
    }

    private func walk(
        _ prefix: String,
        _ body: (VersionEntry) -> Void
    ) throws(ReplicationFailure) {
        let target = target
        var cursor: ListCursor?
        var folders: [String] = []
        repeat {
            let place = cursor
            let page = try stored { () throws(StoreFailure) in
                try target.listVersions(
                    prefix: prefix,
                    depth: .level,
                    after: place,
                    limit: Self.pageSize
                )
            }
            for entry in page.entries { body(entry) }
            folders += page.folders
            cursor = page.next
        } while cursor != nil
        for folder in Set(folders).sorted() { try walk(folder, body) }
    }
}
