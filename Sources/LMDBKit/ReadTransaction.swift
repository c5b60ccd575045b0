/// One state of the file, that of the last commit before it began.
///
/// Used by one thread at a time, not always the same one. Ends with the value.
package struct ReadTransaction: ~Copyable {
    private let transaction: Transaction

    init(_ transaction: Transaction) {
        self.transaction = transaction
    }

    deinit { transaction.abortIfOpen() }

    /// The named database, or `nil` if this state of the file has none of that name.
    package func openDatabase(_ name: String) throws(LMDBError) -> Database? {
        try transaction.openDatabase(name, create: false)
    }

    /// Lends the value of a key to `body`; `nil` if there is no such key.
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
