internal import CLMDB
internal import Platform

/// One LMDB file (`MDB_NOSUBDIR`), mapped into memory.
///
/// Invariants:
/// - Always `MDB_NOTLS` (a read transaction may move between threads) and the default sync: a
///   commit that returns is durable. Never `MDB_WRITEMAP`: a full disk would be a SIGBUS.
/// - Every named database is opened once, in the initializer or by the one write transaction that
///   creates it; LMDB forbids to open handles in two transactions at a time.
/// - After a commit that failed with `io` nothing more is written: LMDB itself would go on after a
///   failed sync, on pages that may be lost.
/// - The file stays open while a transaction is, also after `close` and without references.
/// - A process opens a file at most once at a time (LMDB's rule; the caller sees to it).
package final class Environment: @unchecked Sendable {
    /// How to open the file.
    package enum Access: Sendable {
        /// Made if absent; may grow to `mapSizeBytes`. A lock file `<path>-lock` lies beside it.
        case readWrite(mapSizeBytes: Int)
        /// For a file that nobody writes any more: no lock file, mapped at its length.
        case readOnlySealed
    }

    /// Where the file is.
    package let path: String

    /// No value can be larger; a damaged page may claim it.
    let largestValueBytes: Int

    // Sendable holds: what changes is in `state`; LMDB's own calls on an environment are
    // thread-safe, those that are not run under `state` with no transaction open.
    private let state: Mutex<State>

    @safe private struct State {
        var environment: OpaquePointer?
        var isClosed = false
        var openTransactions = 0
        var writeFailure: LMDBError?
        var databases: [String: Database] = [:]
    }

    /// Opens the file, after a look at its meta pages and its length.
    ///
    /// `permissions` are those of a new file.
    ///
    /// - Throws: `damaged`, `truncated`, `versionMismatch`: the file must not be used. `notFound`
    ///   is never thrown: an absent sealed file is `other` with the system's number.
    ///
    /// Reference: `mdb_env_open`.
    package init(
        path: String,
        access: Access,
        maxDatabases: UInt32,
        maxReaders: UInt32 = 1_024,
        permissions: UInt32 = 0o600
    ) throws(LMDBError) {
        var flags = UInt32(MDB_NOSUBDIR | MDB_NOTLS)
        let mapSizeBytes: Int
        switch access {
        case .readWrite(let size):
            mapSizeBytes = size
            try Self.checkFile(path)
            try Self.allocateLockFile(path, maxReaders, permissions)
        case .readOnlySealed:
            flags |= UInt32(MDB_RDONLY | MDB_NOLOCK)
            mapSizeBytes = try Self.checkSealedFile(path)
        }
        self.path = path
        largestValueBytes = mapSizeBytes
        state = Mutex(State())
        var created: OpaquePointer?
        try check(unsafe mdb_env_create(&created), "create an environment")
        guard let environment = unsafe created else { preconditionFailure("no environment") }
        do throws(LMDBError) {
            unsafe try check(mdb_env_set_mapsize(environment, mapSizeBytes), "set the map size")
            unsafe try check(mdb_env_set_maxdbs(environment, maxDatabases), "set databases")
            unsafe try check(mdb_env_set_maxreaders(environment, maxReaders), "set readers")
            unsafe try check(
                mdb_env_open(environment, path, flags, mdb_mode_t(permissions)),
                "open \(path)"
            )
            let databases = unsafe try openDatabases(of: environment)
            state.withLock { state in
                unsafe state.environment = environment
                state.databases = databases
            }
        } catch {
            unsafe mdb_env_close(environment)
            throw error
        }
    }

    deinit { close() }

    /// Begins the one write transaction; waits while another is open.
    ///
    /// It belongs to the calling thread, which must not have one open already.
    ///
    /// - Throws: `io`, for ever, once a commit failed with `io`; open the file anew, after a check
    ///   of what it holds.
    ///
    /// Reference: `mdb_txn_begin`.
    package func beginWrite() throws(LMDBError) -> WriteTransaction {
        WriteTransaction(try begin(flags: 0))
    }

    /// Begins a read transaction: one state of the file, that of the last commit.
    ///
    /// End it soon: while it is open no page that it can see is used again.
    ///
    /// Reference: `mdb_txn_begin` with `MDB_RDONLY`.
    package func beginRead() throws(LMDBError) -> ReadTransaction {
        ReadTransaction(try begin(flags: UInt32(MDB_RDONLY)))
    }

    /// Lets the file grow to a larger size.
    ///
    /// - Throws: `transactionsOpen` if any is; LMDB moves the map, and would pull it away.
    ///
    /// Reference: `mdb_env_set_mapsize`.
    package func grow(mapSizeBytes: Int) throws(LMDBError) {
        try state.withLock { (state) throws(LMDBError) in
            guard let environment = unsafe state.environment else { throw .closed }
            guard state.openTransactions == 0 else { throw .transactionsOpen }
            unsafe try check(mdb_env_set_mapsize(environment, mapSizeBytes), "grow the map")
        }
    }

    /// Frees the reader slots of processes that are gone; to be called after opening.
    ///
    /// - Returns: How many slots were freed.
    ///
    /// Reference: `mdb_reader_check`.
    package func clearStaleReaders() throws(LMDBError) -> Int {
        unsafe try withEnvironment { (environment) throws(LMDBError) in
            var count: Int32 = 0
            unsafe try check(mdb_reader_check(environment, &count), "clear stale readers")
            return Int(count)
        }
    }

    /// The figures of the last commit.
    ///
    /// Reference: `mdb_env_info`, `mdb_env_stat`.
    package func information() throws(LMDBError) -> Information {
        unsafe try withEnvironment { (environment) throws(LMDBError) in
            var information = unsafe MDB_envinfo()
            var statistics = MDB_stat()
            unsafe try check(mdb_env_info(environment, &information), "inspect")
            unsafe try check(mdb_env_stat(environment, &statistics), "inspect")
            return unsafe Information(
                pageSizeBytes: Int(statistics.ms_psize),
                lastPageNumber: UInt64(information.me_last_pgno),
                mapSizeBytes: Int(information.me_mapsize)
            )
        }
    }

    /// Closes the file as soon as no transaction is open any more.
    ///
    /// Calling it again does nothing.
    ///
    /// Reference: `mdb_env_close`.
    package func close() {
        state.withLock { state in
            state.isClosed = true
            Self.closeIfUnused(&state)
        }
    }
}

extension Environment {
    /// The names of the databases that the file had when it was opened, or got since, sorted.
    package var databaseNames: [String] { state.withLock { $0.databases.keys.sorted() } }
}

// What transactions need.
extension Environment {
    func database(_ name: String) -> Database? {
        state.withLock { $0.databases[name] }
    }

    func add(_ databases: [String: Database]) {
        guard !databases.isEmpty else { return }
        state.withLock { $0.databases.merge(databases) { known, _ in known } }
    }

    /// `failure` is why its commit failed.
    func transactionEnded(_ failure: LMDBError? = nil) {
        state.withLock { state in
            state.openTransactions -= 1
            if case .io = failure, state.writeFailure == nil { state.writeFailure = failure }
            Self.closeIfUnused(&state)
        }
    }

    private func begin(flags: UInt32) throws(LMDBError) -> Transaction {
        let environment = unsafe try state.withLock {
            (state) throws(LMDBError) -> OpaquePointer in
            guard !state.isClosed, let environment = unsafe state.environment else {
                throw .closed
            }
            if flags == 0, let failure = state.writeFailure { throw failure }
            state.openTransactions += 1
            return unsafe environment
        }
        var pointer: OpaquePointer?
        let code = unsafe mdb_txn_begin(environment, nil, flags, &pointer)
        guard code == MDB_SUCCESS, let pointer = unsafe pointer else {
            transactionEnded()
            throw LMDBError(code: code, operation: "begin a transaction in \(path)")
        }
        return unsafe Transaction(environment: self, pointer: pointer, isWrite: flags == 0)
    }

    private func withEnvironment<Result>(
        _ body: (OpaquePointer) throws(LMDBError) -> Result
    ) throws(LMDBError) -> Result {
        try state.withLock { (state) throws(LMDBError) in
            guard !state.isClosed, let environment = unsafe state.environment else {
                throw .closed
            }
            return unsafe try body(environment)
        }
    }

    private static func closeIfUnused(_ state: inout State) {
        guard state.isClosed, state.openTransactions == 0,
            let environment = unsafe state.environment
        else { return }
        unsafe state.environment = nil
        unsafe mdb_env_close(environment)
    }

    /// Makes the file that LMDB keeps its readers in, with room on the disk for all of it.
    ///
    /// LMDB makes it sparse and writes to it through a map: on a full disk that is a SIGBUS.
    private static func allocateLockFile(
        _ path: String,
        _ maxReaders: UInt32,
        _ permissions: UInt32
    ) throws(LMDBError) {
        do throws(SystemError) {
            let file = try File(path + "-lock", .append(permissions: permissions))
            try file.allocate(sizeBytes: UInt64(maxReaders) * readerBytes + lockHeaderBytes)
        } catch {
            throw LMDBError(error)
        }
    }

    /// More than `sizeof(MDB_reader)` (a cache line) and `sizeof(MDB_txninfo)` in lmdb 0.9.
    private static let readerBytes: UInt64 = 64
    private static let lockHeaderBytes: UInt64 = 4096

    /// A file that is absent or empty is for LMDB to make.
    private static func checkFile(_ path: String) throws(LMDBError) {
        do throws(SystemError) {
            guard try FileSystem.exists(path) else { return }
        } catch {
            throw LMDBError(error)
        }
        _ = try checkPages(path)
    }

    /// - Returns: The size to map it with.
    private static func checkSealedFile(_ path: String) throws(LMDBError) -> Int {
        let found: FileSystem.Information?
        do throws(SystemError) {
            found = try FileSystem.information(path)
        } catch {
            throw LMDBError(error)
        }
        if let found, checkedFiles.withLock({ $0.contains(found) }) { return Int(found.sizeBytes) }
        guard let header = try checkPages(path) else {
            throw .damaged(detail: "\(path) is empty")
        }
        if let found { checkedFiles.withLock { _ = $0.insert(found) } }
        return Int(header.fileSizeBytes)
    }

    /// The sealed files whose structure was checked by this process, as they were then: they are
    /// opened again and again, and never written.
    private static let checkedFiles = Mutex<Set<FileSystem.Information>>([])

    private static func checkPages(_ path: String) throws(LMDBError) -> FileHeader? {
        let file: File
        do throws(SystemError) {
            file = try File(path, .read)
        } catch {
            throw LMDBError(error)
        }
        guard let header = try FileHeader(of: file) else { return nil }
        try PageWalk.check(file, header)
        return header
    }

    /// Opens every named database of a file that was just opened; nobody else uses it yet.
    private func openDatabases(
        of environment: OpaquePointer
    ) throws(LMDBError) -> [String: Database] {
        var pointer: OpaquePointer?
        unsafe try check(
            mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &pointer),
            "begin"
        )
        defer { unsafe mdb_txn_abort(pointer) }
        var databases: [String: Database] = [:]
        for name in unsafe try databaseNames(pointer) {
            var handle: MDB_dbi = 0
            var flags: UInt32 = 0
            unsafe try check(mdb_dbi_open(pointer, name, 0, &handle), "open database \(name)")
            unsafe try check(mdb_dbi_flags(pointer, handle, &flags), "open database \(name)")
            guard flags == 0 else {
                throw .damaged(detail: "database \(name) has flags that were never set")
            }
            databases[name] = Database(handle: handle, owner: ObjectIdentifier(self))
        }
        // Handles that a read transaction opened outlive it only if it commits.
        let committed = unsafe pointer
        unsafe pointer = nil
        unsafe try check(mdb_txn_commit(committed), "open databases")
        return databases
    }

    /// The keys of the main database.
    private func databaseNames(_ transaction: OpaquePointer?) throws(LMDBError) -> [String] {
        var main: MDB_dbi = 0
        var cursor: OpaquePointer?
        unsafe try check(mdb_dbi_open(transaction, nil, 0, &main), "open the main database")
        unsafe try check(mdb_cursor_open(transaction, main, &cursor), "open a cursor")
        defer { unsafe mdb_cursor_close(cursor) }
        var names: [String] = []
        var key = unsafe MDB_val()
        var value = unsafe MDB_val()
        while true {
            let code = unsafe mdb_cursor_get(cursor, &key, &value, MDB_NEXT)
            if code == MDB_NOTFOUND { return names }
            try check(code, "list databases")
            guard let name = unsafe String(validating: unsafe key.bytes, as: UTF8.self),
                !name.utf8.contains(0)
            else {
                throw .damaged(detail: "\(path) has a database name that is not text")
            }
            names.append(name)
        }
    }
}

extension Environment {
    /// Figures of an environment.
    package struct Information: Equatable, Sendable {
        package let pageSizeBytes: Int
        package let lastPageNumber: UInt64
        /// The size that the file may grow to.
        package let mapSizeBytes: Int

        /// How much of the file was ever in use, free pages included.
        package var usedBytes: UInt64 { (lastPageNumber + 1) * UInt64(pageSizeBytes) }
    }

    /// The file's length.
    package var fileSizeBytes: UInt64 {
        get throws(LMDBError) {
            do throws(SystemError) {
                return try File(path, .read).sizeBytes()
            } catch {
                throw LMDBError(error)
            }
        }
    }
}
