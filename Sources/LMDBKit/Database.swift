internal import CLMDB

/// A named database of an environment; valid as long as the environment is open.
///
/// One that a write transaction created is valid in that transaction, and in all that begin after
/// its commit; after its abort it is not valid at all.
package struct Database: Hashable, Sendable {
    let handle: MDB_dbi
    /// Every environment counts its handles from the same number: one must not serve another.
    let owner: ObjectIdentifier
}

/// How a put treats what is there.
package enum PutMode: Sendable {
    /// The key must be greater than every other: fastest, fills pages wholly. `MDB_APPEND`.
    case append
    /// The key must not be there. `MDB_NOOVERWRITE`.
    case insert
    /// A value that is there is replaced.
    case replace

    var flags: UInt32 {
        switch self {
        case .append: UInt32(MDB_APPEND)
        case .insert: UInt32(MDB_NOOVERWRITE)
        case .replace: 0
        }
    }
}
