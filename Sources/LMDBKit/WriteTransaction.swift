internal import CLMDB

/// The one write transaction of an environment.
///
/// Belongs to the thread that began it. Aborted with the value, unless committed. After an error
/// other than `keyExists` and `notFound` it can only be aborted.
package struct WriteTransaction: ~Copyable {
    private let transaction: Transaction

    init(_ transaction: Transaction) {
        self.transaction = transaction
    }

    deinit { transaction.abortIfOpen() }

    /// Makes all changes durable and visible at once.
    ///
    /// - Throws: `io`: fatal, see `LMDBError.io`; nothing else is to be written by this process.
    ///   `storageFull`, `mapFull`: nothing was changed.
    ///
    /// Reference: `mdb_txn_commit`.
    package consuming func commit() throws(LMDBError) {
        try transaction.commit()
    }

    /// The named database, made if absent.
    package func createDatabase(_ name: String) throws(LMDBError) -> Database {
        guard let database = try transaction.openDatabase(name, create: true) else {
            preconditionFailure("a write transaction sees every database")
        }
        return database
    }

    /// The named database, or `nil` if there is none.
    package func openDatabase(_ name: String) throws(LMDBError) -> Database? {
        try transaction.openDatabase(name, create: false)
    }

    /// Puts a value under a key of 1...511 bytes.
    ///
    /// - Throws: `keyExists` as `mode` says; the transaction can go on. `mapFull`.
    ///
    /// Reference: `mdb_put`.
    package func put(
        _ key: Span<UInt8>,
        _ value: Span<UInt8>,
        in database: Database,
        mode: PutMode
    ) throws(LMDBError) {
        let code = unsafe key.withUnsafeBytes { key in
            unsafe value.withUnsafeBytes { value in
                var key = unsafe MDB_val(key)
                var value = unsafe MDB_val(value)
                return unsafe mdb_put(
                    transaction.open,
                    transaction.handle(of: database),
                    &key,
                    &value,
                    mode.flags
                )
            }
        }
        try transaction.check(code, "put")
    }

    /// Puts a value of `valueSizeBytes` that `fill` writes in place; it finds zeros there.
    ///
    /// `fill` must not use the transaction.
    ///
    /// Reference: `mdb_put` with `MDB_RESERVE`.
    package func put(
        _ key: Span<UInt8>,
        valueSizeBytes: Int,
        in database: Database,
        mode: PutMode,
        fill: (inout MutableSpan<UInt8>) -> Void
    ) throws(LMDBError) {
        var value = unsafe MDB_val(mv_size: valueSizeBytes, mv_data: nil)
        let code = unsafe key.withUnsafeBytes { key in
            var key = unsafe MDB_val(key)
            return unsafe mdb_put(
                transaction.open,
                transaction.handle(of: database),
                &key,
                &value,
                mode.flags | UInt32(MDB_RESERVE)
            )
        }
        try transaction.check(code, "put")
        let reserved = unsafe UnsafeMutableRawBufferPointer(
            start: value.mv_data,
            count: valueSizeBytes
        )
        // LMDB reserves without clearing: what `fill` leaves out would be memory of this process.
        unsafe reserved.initializeMemory(as: UInt8.self, repeating: 0)
        var span = unsafe MutableSpan<UInt8>(_unsafeBytes: reserved)
        fill(&span)
    }

    /// Puts `header ‖ body` as one value, without putting them together first.
    package func put(
        _ key: Span<UInt8>,
        header: Span<UInt8>,
        body: Span<UInt8>,
        in database: Database,
        mode: PutMode
    ) throws(LMDBError) {
        var value = unsafe MDB_val(mv_size: header.count + body.count, mv_data: nil)
        let code = unsafe key.withUnsafeBytes { key in
            var key = unsafe MDB_val(key)
            return unsafe mdb_put(
                transaction.open,
                transaction.handle(of: database),
                &key,
                &value,
                mode.flags | UInt32(MDB_RESERVE)
            )
        }
        try transaction.check(code, "put")
        unsafe header.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            unsafe value.mv_data.copyMemory(from: start, byteCount: bytes.count)
        }
        unsafe body.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            unsafe (value.mv_data + header.count).copyMemory(from: start, byteCount: bytes.count)
        }
    }

    /// Removes a key.
    ///
    /// - Returns: Whether it was there.
    ///
    /// Reference: `mdb_del`.
    package func delete(_ key: Span<UInt8>, in database: Database) throws(LMDBError) -> Bool {
        let code = unsafe key.withUnsafeBytes { key in
            var key = unsafe MDB_val(key)
            return unsafe mdb_del(
                transaction.open,
                transaction.handle(of: database),
                &key,
                nil
            )
        }
        if code == MDB_NOTFOUND { return false }
        try transaction.check(code, "delete")
        return true
    }

    /// Removes every key of a database.
    ///
    /// Reference: `mdb_drop`.
    package func removeAll(in database: Database) throws(LMDBError) {
        try transaction.check(
            unsafe mdb_drop(transaction.open, transaction.handle(of: database), 0),
            "remove all"
        )
    }

    /// Lends the value of a key to `body`; `nil` if there is no such key.
    ///
    /// `body` must not use the transaction.
    ///
    /// Reference: `mdb_get`.
    package func get<Result>(
        _ key: Span<UInt8>,
        in database: Database,
        _ body: (Span<UInt8>) -> Result
    ) throws(LMDBError) -> Result? {
        try transaction.get(key, in: database, body)
    }

    /// How many keys the database has.
    ///
    /// Reference: `mdb_stat`.
    package func entryCount(in database: Database) throws(LMDBError) -> UInt64 {
        try transaction.entryCount(in: database)
    }

    /// A cursor before the first key; to be used while this transaction lives.
    package func cursor(in database: Database) throws(LMDBError) -> Cursor {
        try Cursor(transaction, database)
    }
}
