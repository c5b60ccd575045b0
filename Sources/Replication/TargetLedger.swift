import Cryptography
package import EvidenceModel
package import EvidenceStore
import LMDBKit
import Platform
package import TransparencyLog

/// What a node knows of its objects in one target (`state/targets/<name>.mdb`).
///
/// Not in the log, and only slowly derived from the bucket: version ids, and which records stand
/// where. What is written is durable when a call returns. Thread-safe.
///
/// ```
/// objects   key of the object       -> SHA-256/64 of the rest, canonical JSON (LedgerEntry)
/// tiles     key of the object       -> retain-until in ms since 1970 (8), version id
/// meta      journaled, tiles, packed -> a size of the log (8)
///           register                -> its ETag
/// ```
package final class TargetLedger: Sendable {
    /// A size of the log up to which something is done.
    package enum Mark: String, Sendable {
        /// Records below stand in verified journal objects.
        case journaled
        /// Full bundles and tiles of records below stand verified.
        case tiles
        /// All evidence below stands in verified packs, or was erased.
        case packed
    }

    private let environment: LMDBKit.Environment
    private let objects: Database
    private let tiles: Database
    private let meta: Database
    private let path: String

    private static let mapSizeBytes = 1 << 38
    private static let registerKey = Array("register".utf8)

    /// Opens the ledger of a target, or makes an empty one.
    package init(_ name: TargetName, of store: StorePaths) throws(StoreError) {
        let folder = store.state + "/targets"
        path = "\(folder)/\(name).mdb"
        do throws(SystemError) {
            try FileSystem.makeDirectoryIfAbsent(folder)
        } catch {
            throw .system(error)
        }
        do throws(LMDBError) {
            environment = try LMDBKit.Environment(
                path: path,
                access: .readWrite(mapSizeBytes: Self.mapSizeBytes),
                maxDatabases: 4
            )
            let transaction = try environment.beginWrite()
            objects = try transaction.createDatabase("objects")
            tiles = try transaction.createDatabase("tiles")
            meta = try transaction.createDatabase("meta")
            try transaction.commit()
        } catch {
            throw StoreError(error, path: path)
        }
    }

    package func close() { environment.close() }

    // MARK: Writing

    /// Changes that are made together.
    package struct Changes: Sendable {
        package var entries: [LedgerEntry] = []
        package var removed: [ObjectKey] = []
        package var tiles: [(key: ObjectKey, version: ObjectVersion?, until: Timestamp)] = []
        package var marks: [Mark: TreeSize] = [:]
        package var registerTag: ObjectTag?

        package init() {}
    }

    package func write(_ changes: Changes) throws(StoreError) {
        do throws(LMDBError) {
            let transaction = try environment.beginWrite()
            for entry in changes.entries {
                let body = entry.encoded
                let value = Self.checksum(body) + body
                try transaction.put(
                    Array(entry.key.text.utf8).span,
                    value.span,
                    in: objects,
                    mode: .replace
                )
            }
            for key in changes.removed {
                _ = try transaction.delete(Array(key.text.utf8).span, in: objects)
            }
            for tile in changes.tiles {
                let value =
                    Self.bytes(UInt64(tile.until.milliseconds))
                    + Array((tile.version?.text ?? "").utf8)
                try transaction.put(
                    Array(tile.key.text.utf8).span,
                    value.span,
                    in: tiles,
                    mode: .replace
                )
            }
            for (mark, size) in changes.marks {
                try transaction.put(
                    Array(mark.rawValue.utf8).span,
                    Self.bytes(size.value).span,
                    in: meta,
                    mode: .replace
                )
            }
            if let tag = changes.registerTag {
                try transaction.put(
                    Self.registerKey.span,
                    Array(tag.text.utf8).span,
                    in: meta,
                    mode: .replace
                )
            }
            try transaction.commit()
        } catch {
            throw StoreError(error, path: path)
        }
    }

    package func write(_ entry: LedgerEntry) throws(StoreError) {
        var changes = Changes()
        changes.entries = [entry]
        try write(changes)
    }

    // MARK: Reading

    /// Entries in the order of their keys: those whose key begins with `prefix` and comes behind
    /// `key`, at most `limit`.
    ///
    /// `isWanted`: asked before an entry is read.
    package func entries(
        below prefix: String = "",
        behind key: ObjectKey? = nil,
        limit: Int = .max,
        where isWanted: (ObjectKey) -> Bool = { _ in true }
    ) throws(StoreError) -> [LedgerEntry] {
        var entries: [LedgerEntry] = []
        var failure: StoreError?
        var start = Array((key?.text ?? prefix).utf8)
        if key != nil { start.append(0) }
        let first = Array(prefix.utf8)
        try visit(objects, from: start) { key, value in
            guard key.starts(with: first), entries.count < limit else { return false }
            let name = String(validating: key, as: UTF8.self).flatMap { ObjectKey($0) }
            if let name, !isWanted(name) { return true }
            do throws(StoreError) {
                entries.append(try parsed(name, value.array))
            } catch {
                failure = error
            }
            return failure == nil
        }
        if let failure { throw failure }
        return entries
    }

    /// Journal objects with some of these records.
    package func journals(with records: IndexRanges) throws(StoreError) -> [LedgerEntry] {
        var found: [LedgerEntry] = []
        var next: UInt64 = 0
        for range in records.ranges where range.upperBound >= next {
            // None has more records than this, and the keys are in the order of their first ones.
            let least = range.lowerBound - min(range.lowerBound, 2 * JournalJob.maximumRecords)
            let start = ObjectLayout.journal(first: RecordIndex(max(least, next)), count: 0)
            let end = ObjectLayout.journal(first: RecordIndex(range.upperBound + 1), count: 0)
            next = range.upperBound + 1
            let page = try entries(below: "journal/", behind: start) { key in
                guard key < end, case .journal(let first, let count) = ObjectLayout.meaning(of: key)
                else { return false }
                let last = first.value + count - 1
                return IndexRanges(ranges: [first.value...last])?.intersects(records) ?? false
            }
            found += page
        }
        return found
    }

    /// What is known of an object.
    package func entry(_ key: ObjectKey) throws(StoreError) -> LedgerEntry? {
        guard let value = try value(Array(key.text.utf8), in: objects) else { return nil }
        return try parsed(key, value)
    }

    private func parsed(_ key: ObjectKey?, _ value: [UInt8]) throws(StoreError) -> LedgerEntry {
        guard let key, value.count > 8, Self.checksum(Array(value[8...])) == Array(value[..<8]),
            let entry = LedgerEntry(key: key, parsing: Array(value[8...]).span)
        else { throw .damaged(path: path, detail: "an entry cannot be read") }
        return entry
    }

    /// The tiles and entry bundles, in the order of their keys.
    package func tileEntries() throws(StoreError)
        -> [(key: ObjectKey, version: ObjectVersion?, until: Timestamp)]
    {
        var entries: [(ObjectKey, ObjectVersion?, Timestamp)] = []
        var isWhole = true
        try visit(tiles) { key, value in
            let value = value.array
            guard let key = String(validating: key, as: UTF8.self).flatMap({ ObjectKey($0) }),
                value.count >= 8,
                let until = Timestamp(milliseconds: Int64(bitPattern: Self.number(value[..<8]))),
                let version = String(validating: value[8...], as: UTF8.self)
            else {
                isWhole = false
                return false
            }
            entries.append((key, ObjectVersion(version), until))
            return true
        }
        guard isWhole else { throw .damaged(path: path, detail: "a tile's entry cannot be read") }
        return entries
    }

    package func mark(_ mark: Mark) throws(StoreError) -> TreeSize {
        guard let value = try value(Array(mark.rawValue.utf8), in: meta) else { return .zero }
        guard value.count == 8 else {
            throw .damaged(path: path, detail: "the mark \(mark.rawValue) cannot be read")
        }
        return TreeSize(Self.number(value[...]))
    }

    /// The ETag of the register as this node wrote it last.
    package func registerTag() throws(StoreError) -> ObjectTag? {
        try value(Self.registerKey, in: meta).flatMap { String(validating: $0, as: UTF8.self) }
            .flatMap { ObjectTag($0) }
    }

    private func value(_ key: [UInt8], in table: Database) throws(StoreError) -> [UInt8]? {
        do throws(LMDBError) {
            return try environment.beginRead().get(key.span, in: table) { $0.array }
        } catch {
            throw StoreError(error, path: path)
        }
    }

    /// Goes on while `body` says so.
    private func visit(
        _ table: Database,
        from start: [UInt8] = [],
        _ body: (_ key: [UInt8], _ value: Span<UInt8>) -> Bool
    ) throws(StoreError) {
        do throws(LMDBError) {
            let transaction = try environment.beginRead()
            var cursor = try transaction.cursor(in: table)
            var goesOn =
                start.isEmpty ? try cursor.first() : try cursor.seek(atOrAfter: start.span)
            while goesOn {
                goesOn = try cursor.withCurrent { body($0.array, $1) }
                if goesOn { goesOn = try cursor.next() }
            }
        } catch {
            throw StoreError(error, path: path)
        }
    }

    private static func checksum(_ bytes: [UInt8]) -> [UInt8] {
        Array(SHA256.hash(bytes.span).bytes.prefix(8))
    }

    private static func bytes(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(56 - 8 * $0)) }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }
}
