internal import CLMDB

/// What read and write transactions and their cursors share.
///
/// Owned by the transaction's handle, which ends it; a cursor keeps it only to know that it ended.
@safe final class Transaction {
    let environment: Environment
    let isWrite: Bool
    /// `nil` once ended.
    private var pointer: OpaquePointer?
    /// Why LMDB refuses the rest of the transaction.
    private var failure: LMDBError?
    /// Named databases made here; they exist for others after the commit.
    private var createdDatabases: [String: Database] = [:]

    init(environment: Environment, pointer: OpaquePointer, isWrite: Bool) {
        self.environment = environment
        unsafe self.pointer = pointer
        self.isWrite = isWrite
    }

    var isEnded: Bool { unsafe pointer == nil }

    /// LMDB's own handle.
    var open: OpaquePointer {
        guard let pointer = unsafe pointer else {
            preconditionFailure("the LMDB transaction has ended")
        }
        return unsafe pointer
    }

    /// The number for LMDB of a database of the same environment.
    func handle(of database: Database) -> MDB_dbi {
        precondition(
            database.owner == ObjectIdentifier(environment),
            "the database belongs to another environment"
        )
        return database.handle
    }

    /// Throws for every code but `MDB_SUCCESS`; of a broken transaction the first reason.
    func check(_ code: Int32, _ operation: StaticString) throws(LMDBError) {
        guard code != MDB_SUCCESS else { return }
        if code == MDB_BAD_TXN, let failure { throw failure }
        let error = LMDBError(code: code, operation: "\(operation) in \(environment.path)")
        if failure == nil, error != .keyExists, error != .notFound { failure = error }
        throw error
    }

    /// Durable on return.
    func commit() throws(LMDBError) {
        let pointer = unsafe open
        unsafe self.pointer = nil
        do throws(LMDBError) {
            try check(unsafe mdb_txn_commit(pointer), "commit")
        } catch {
            environment.transactionEnded(error)
            throw error
        }
        environment.add(createdDatabases)
        environment.transactionEnded()
    }

    func abortIfOpen() {
        guard let pointer = unsafe pointer else { return }
        unsafe self.pointer = nil
        unsafe mdb_txn_abort(pointer)
        environment.transactionEnded()
    }

    func openDatabase(_ name: String, create: Bool) throws(LMDBError) -> Database? {
        if let known = environment.database(name) ?? createdDatabases[name] {
            // It may have been made by a commit that this transaction does not see.
            var flags: UInt32 = 0
            return unsafe mdb_dbi_flags(open, known.handle, &flags) == MDB_SUCCESS ? known : nil
        }
        guard create else { return nil }
        precondition(isWrite, "a read transaction cannot create a database")
        var handle: MDB_dbi = 0
        unsafe try check(mdb_dbi_open(open, name, UInt32(MDB_CREATE), &handle), "create a database")
        let database = Database(handle: handle, owner: ObjectIdentifier(environment))
        createdDatabases[name] = database
        return database
    }

    func get<Result>(
        _ key: Span<UInt8>,
        in database: Database,
        _ body: (Span<UInt8>) -> Result
    ) throws(LMDBError) -> Result? {
        var value = unsafe MDB_val()
        let code = unsafe key.withUnsafeBytes { key in
            var key = unsafe MDB_val(key)
            return unsafe mdb_get(open, handle(of: database), &key, &value)
        }
        if code == MDB_NOTFOUND { return nil }
        try check(code, "get")
        unsafe try checkSize(of: value)
        return body(unsafe Span(_unsafeBytes: value.bytes))
    }

    /// LMDB takes a value's size from the page as it is.
    func checkSize(of value: MDB_val) throws(LMDBError) {
        guard unsafe value.mv_size <= environment.largestValueBytes else {
            throw .damaged(detail: "a value in \(environment.path) is larger than its file")
        }
    }

    func entryCount(in database: Database) throws(LMDBError) -> UInt64 {
        var statistics = MDB_stat()
        try check(unsafe mdb_stat(open, handle(of: database), &statistics), "count entries")
        return UInt64(statistics.ms_entries)
    }
}

extension MDB_val {
    /// Lends bytes to LMDB, which never writes to a key or a value that it is given.
    init(_ bytes: UnsafeRawBufferPointer) {
        unsafe self.init(
            mv_size: bytes.count,
            mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress)
        )
    }

    /// What LMDB lends: valid until the next write of the transaction, or its end.
    var bytes: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: mv_data, count: mv_size)
    }
}
