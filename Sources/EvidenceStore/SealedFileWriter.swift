import LMDBKit
import Platform

/// Writes a segment file that will never be written again: tables one after the other, keys
/// ascending; behind them the digests of its indexes.
///
/// Commits, each synced, whenever some bytes are waiting, so that memory stays bounded.
final class SealedFileWriter {
    private let path: String
    private let environment: LMDBKit.Environment
    private var transaction: WriteTransaction?
    private var tables: [String: Table] = [:]
    private var waitingBytes = 0

    private struct Table {
        let database: Database
        /// Of an index.
        let digest: TableDigest?
    }

    private let commitBytes: Int
    /// Address space only; the file grows as it is written.
    private static let mapSizeBytes = 1 << 40

    /// `commitBytes`: how much is committed at once; less where others wait for the disk.
    init(path: String, commitBytes: Int = 8 << 20) throws(StoreError) {
        self.path = path
        self.commitBytes = commitBytes
        do throws(LMDBError) {
            environment = try LMDBKit.Environment(
                path: path,
                access: .readWrite(mapSizeBytes: Self.mapSizeBytes),
                maxDatabases: 16,
                maxReaders: 1
            )
        } catch {
            throw StoreError(error, path: path)
        }
    }

    /// Adds an entry behind the last of its table.
    func append(
        _ key: Span<UInt8>,
        _ value: Span<UInt8>,
        to table: String
    ) throws(StoreError) {
        do throws(LMDBError) {
            if waitingBytes >= commitBytes { try commit() }
            let open: WriteTransaction
            if let running = transaction.take() {
                open = running
            } else {
                open = try environment.beginWrite()
            }
            let target: Table
            if let known = tables[table] {
                target = known
            } else {
                let isIndex = IndexEntries.logTables.contains(table)
                target = Table(
                    database: try open.createDatabase(table),
                    digest: isIndex ? TableDigest() : nil
                )
                tables[table] = target
            }
            try open.put(key, value, in: target.database, mode: .append)
            target.digest?.append(key, value)
            transaction = consume open
            waitingBytes += key.count + value.count
        } catch {
            throw StoreError(error, path: path)
        }
    }

    func append(_ entries: [IndexEntries.Entry], to table: String) throws(StoreError) {
        for (key, value) in entries { try append(key.span, value.span, to: table) }
    }

    /// Commits the rest and closes the file; its lock file goes.
    func finish() throws(StoreError) {
        for (name, table) in tables.sorted(by: { $0.key < $1.key }) {
            guard let digest = table.digest else { continue }
            try append(Array(name.utf8).span, digest.finalize().span, to: TableName.digests)
        }
        do throws(LMDBError) {
            try commit()
        } catch {
            throw StoreError(error, path: path)
        }
        environment.close()
        try onDisk { () throws(SystemError) in
            try FileSystem.unlinkIfPresent(UnsealedSegment.lockPath(of: path))
        }
    }

    private func commit() throws(LMDBError) {
        waitingBytes = 0
        guard let open = transaction.take() else { return }
        try open.commit()
    }
}

/// A segment file that is never written: opened read-only, without a lock.
final class SealedFile: Sendable {
    let path: String
    private let environment: LMDBKit.Environment
    private let databases: [String: Database]
    /// Indexes that are what the file's digests say.
    private let checked = Mutex<Set<String>>([])

    /// - Throws: `damaged` if the file is not a whole LMDB file, `notFound` if it is not there.
    init(path: String) throws(StoreError) {
        self.path = path
        let tables =
            [TableName.records, TableName.payloads, TableName.openings, TableName.tiles]
            + IndexEntries.logTables + [TableName.manifest, TableName.digests]
        do throws(LMDBError) {
            environment = try LMDBKit.Environment(
                path: path,
                access: .readOnlySealed,
                maxDatabases: 16
            )
            let transaction = try environment.beginRead()
            var databases: [String: Database] = [:]
            for table in tables { databases[table] = try transaction.openDatabase(table) }
            self.databases = databases
        } catch {
            throw StoreError(error, path: path)
        }
    }

    /// The names of all the tables that the file holds, sorted.
    var tableNames: [String] { environment.databaseNames }

    /// The table's handle, or nil if the file has none of this name.
    func table(_ name: String) -> Database? { databases[name] }

    func beginRead() throws(StoreError) -> SegmentReader {
        do throws(LMDBError) {
            return SegmentReader(
                transaction: try environment.beginRead(),
                records: databases[TableName.records],
                payloads: databases[TableName.payloads],
                openings: databases[TableName.openings],
                tiles: databases[TableName.tiles],
                path: path
            )
        } catch {
            throw StoreError(error, path: path)
        }
    }

    /// How many entries a table holds; 0 if there is none of this name.
    func entryCount(of name: String) throws(StoreError) -> UInt64 {
        guard let table = databases[name] else { return 0 }
        do throws(LMDBError) {
            return try environment.beginRead().entryCount(in: table)
        } catch {
            throw StoreError(error, path: path)
        }
    }

    /// A value of a small table, copied.
    func value(_ key: [UInt8], in name: String) throws(StoreError) -> [UInt8]? {
        guard let table = databases[name] else { return nil }
        do throws(LMDBError) {
            let transaction = try environment.beginRead()
            return try transaction.get(key.span, in: table) { $0.array }
        } catch {
            throw StoreError(error, path: path)
        }
    }

    /// Visits the entries whose keys begin with `prefix`, in key order, until `body` returns false.
    ///
    /// What is missing in an index shows nowhere else: before its first use since the file was
    /// opened an index is compared with its digest.
    ///
    /// - Throws: `damaged`.
    func scan(
        _ name: String,
        prefix: [UInt8],
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool
    ) throws(StoreError) {
        if IndexEntries.logTables.contains(name) { try checkIndex(name) }
        try visit(name, prefix: prefix, body)
    }

    private func checkIndex(_ name: String) throws(StoreError) {
        if checked.withLock({ $0.contains(name) }) { return }
        var found: [UInt8]?
        if databases[name] != nil {
            let digest = TableDigest()
            try visit(name, prefix: []) { key, value in
                digest.append(key, value)
                return true
            }
            found = digest.finalize()
        }
        guard try value(Array(name.utf8), in: TableName.digests) == found else {
            throw .damaged(path: path, detail: "its index \(name) is not as it was written")
        }
        checked.withLock { _ = $0.insert(name) }
    }

    private func visit(
        _ name: String,
        prefix: [UInt8],
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Bool
    ) throws(StoreError) {
        guard let table = databases[name] else { return }
        do throws(LMDBError) {
            let transaction = try environment.beginRead()
            var cursor = try transaction.cursor(in: table)
            // LMDB has no empty key to seek.
            var isThere =
                prefix.isEmpty
                ? try cursor.first() : try cursor.seek(atOrAfter: prefix.span)
            while isThere {
                let goesOn = try cursor.withCurrent { key, value in
                    Self.begins(key, with: prefix) && body(key, value)
                }
                guard goesOn else { return }
                isThere = try cursor.next()
            }
        } catch {
            throw StoreError(error, path: path)
        }
    }

    /// Whether a table holds exactly these entries.
    func holds(
        _ expected: [IndexEntries.Entry],
        in name: String
    ) throws(StoreError) -> (isEqual: Bool, comparedEntries: Int) {
        var position = 0
        var isEqual = true
        try scan(name, prefix: []) { key, value in
            guard position < expected.count, key.isEqual(to: expected[position].key),
                value.isEqual(to: expected[position].value)
            else {
                isEqual = false
                return false
            }
            position += 1
            return true
        }
        return (isEqual && position == expected.count, position)
    }

    private static func begins(_ key: Span<UInt8>, with prefix: [UInt8]) -> Bool {
        guard key.count >= prefix.count else { return false }
        for position in prefix.indices where key[position] != prefix[position] { return false }
        return true
    }
}
