internal import CLMDB

/// A place in a database, of one transaction.
///
/// Traps if used after its transaction ended. After a move that returned false it is nowhere.
@safe package struct Cursor: ~Copyable {
    private let transaction: Transaction
    private let pointer: OpaquePointer
    private var isPlaced = false

    /// Reference: `mdb_cursor_open`.
    init(_ transaction: Transaction, _ database: Database) throws(LMDBError) {
        var created: OpaquePointer?
        try transaction.check(
            unsafe mdb_cursor_open(transaction.open, transaction.handle(of: database), &created),
            "open a cursor"
        )
        guard let pointer = unsafe created else { preconditionFailure("no cursor") }
        self.transaction = transaction
        unsafe self.pointer = pointer
    }

    deinit {
        // The end of a write transaction frees its cursors, that of a read transaction does not.
        if !transaction.isWrite || !transaction.isEnded { unsafe mdb_cursor_close(pointer) }
    }

    /// Moves to the first key; false if there is none.
    package mutating func first() throws(LMDBError) -> Bool { try move(MDB_FIRST) }

    /// Moves to the last key; false if there is none.
    package mutating func last() throws(LMDBError) -> Bool { try move(MDB_LAST) }

    /// Moves to the next key, from nowhere to the first; false at the end.
    package mutating func next() throws(LMDBError) -> Bool {
        try move(isPlaced ? MDB_NEXT : MDB_FIRST)
    }

    /// Moves to the previous key, from nowhere to the last; false at the beginning.
    package mutating func previous() throws(LMDBError) -> Bool {
        try move(isPlaced ? MDB_PREV : MDB_LAST)
    }

    /// Moves to the first key that is not less than `key`; false if there is none.
    package mutating func seek(atOrAfter key: Span<UInt8>) throws(LMDBError) -> Bool {
        try move(MDB_SET_RANGE, key)
    }

    /// Moves to `key`; false if there is no such key.
    package mutating func seek(exactly key: Span<UInt8>) throws(LMDBError) -> Bool {
        try move(MDB_SET_KEY, key)
    }

    /// Lends the key and the value of the current place; the cursor must be at one.
    package func withCurrent<Result>(
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) -> Result
    ) throws(LMDBError) -> Result {
        precondition(isPlaced, "the cursor is at no key")
        precondition(!transaction.isEnded, "the cursor's transaction has ended")
        var key = unsafe MDB_val()
        var value = unsafe MDB_val()
        try transaction.check(
            unsafe mdb_cursor_get(pointer, &key, &value, MDB_GET_CURRENT),
            "read at a cursor"
        )
        unsafe try transaction.checkSize(of: value)
        return body(
            unsafe Span(_unsafeBytes: key.bytes),
            unsafe Span(_unsafeBytes: value.bytes)
        )
    }

    private mutating func move(
        _ operation: MDB_cursor_op,
        _ key: Span<UInt8> = Span()
    ) throws(LMDBError) -> Bool {
        precondition(!transaction.isEnded, "the cursor's transaction has ended")
        let code = unsafe key.withUnsafeBytes { key in
            var key = unsafe MDB_val(key)
            var value = unsafe MDB_val()
            return unsafe mdb_cursor_get(pointer, &key, &value, operation)
        }
        isPlaced = code == MDB_SUCCESS
        if code == MDB_NOTFOUND { return false }
        try transaction.check(code, "move a cursor")
        return true
    }
}
