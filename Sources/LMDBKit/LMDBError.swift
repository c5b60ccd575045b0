internal import CLMDB
internal import Platform

/// Why LMDB refused, named by what the caller can do about it.
package enum LMDBError: Error, Equatable, Sendable {
    /// The map has no room: abort the transaction, `Environment.grow`, and begin anew.
    case mapFull
    /// An inserted key is there already, or an appended key is not greater than the last one.
    case keyExists
    case notFound
    /// Every reader slot is taken: end read transactions, or open with more readers.
    case readersFull
    /// The disk or the quota is full. A full disk can also show as `io`.
    case storageFull
    /// Reading or writing the file failed. Fatal after a commit: what was written may be lost, and
    /// a later commit that succeeds proves nothing.
    case io(code: Int32, operation: String)
    /// The file is not a valid LMDB file.
    case damaged(detail: String)
    /// The file ends before the last page that it says it has.
    case truncated(path: String, expectedBytes: UInt64, actualBytes: UInt64)
    /// The file was written by another version of LMDB.
    case versionMismatch
    /// `Environment.close` was called.
    case closed
    /// Transactions are open, and the operation needs that none is.
    case transactionsOpen
    /// Any other error number, of LMDB or of the system.
    case other(code: Int32, operation: String)

    /// The meaning of a code other than `MDB_SUCCESS`.
    init(code: Int32, operation: String) {
        switch code {
        case MDB_MAP_FULL: self = .mapFull
        case MDB_KEYEXIST: self = .keyExists
        case MDB_NOTFOUND: self = .notFound
        case MDB_READERS_FULL: self = .readersFull
        case MDB_VERSION_MISMATCH: self = .versionMismatch
        case MDB_INVALID, MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_DBS_FULL, MDB_INCOMPATIBLE:
            self = .damaged(detail: "\(LMDBError.text(of: code)) (\(operation))")
        // The environment refuses everything after a failed write of a meta page.
        case MDB_PANIC, Errno.inputOutput.rawValue:
            self = .io(code: code, operation: operation)
        case Errno.noSpace.rawValue, Errno.quotaExceeded.rawValue: self = .storageFull
        default: self = .other(code: code, operation: operation)
        }
    }

    init(_ error: SystemError) {
        self.init(code: error.errno.rawValue, operation: "\(error.operation) \(error.path)")
    }

    private static func text(of code: Int32) -> String {
        guard let text = unsafe mdb_strerror(code) else { return "error \(code)" }
        return unsafe String(cString: text)
    }
}

extension LMDBError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .mapFull: "the database file has reached its largest allowed size"
        case .keyExists: "the key exists, or is not greater than the last one"
        case .notFound: "no such key"
        case .readersFull: "every reader slot of the database is taken"
        case .storageFull: "the disk or the quota is full"
        case .io(let code, let operation):
            "input/output error in \(operation): \(LMDBError.text(of: code))"
        case .damaged(let detail): "the database file is damaged: \(detail)"
        case .truncated(let path, let expectedBytes, let actualBytes):
            "\(path) is cut short: \(expectedBytes) bytes expected, \(actualBytes) found"
        case .versionMismatch: "the database file was written by another version of LMDB"
        case .closed: "the database is closed"
        case .transactionsOpen: "the database has open transactions"
        case .other(let code, let operation):
            "cannot \(operation): \(LMDBError.text(of: code))"
        }
    }
}

/// Throws for every code but `MDB_SUCCESS`.
func check(_ code: Int32, _ operation: @autoclosure () -> String) throws(LMDBError) {
    guard code == MDB_SUCCESS else { throw LMDBError(code: code, operation: operation()) }
}
