package import Replication

/// What a store has to keep to; the double keeps to all of them, less those that are switched off.
package enum StoreRule: String, CaseIterable, Sendable {
    /// A version under a lock is not deleted, asked for on its own.
    case deleteLocked
    /// Nor is one under a legal hold.
    case deleteHeld
    /// Neither is where several versions are deleted at once.
    case deleteMixed
    /// A lock's date is not brought forward, nor a lock taken off.
    case shortenLock
    /// COMPLIANCE does not become GOVERNANCE, nor anything else without the bypass.
    case weakenMode
    /// A lock that has ended already is not taken.
    case futureLock
    /// Lock and hold of an upload are kept, not dropped without a word.
    case lockKept
    /// The same for an upload in parts.
    case multipartLockKept
    /// Lock and hold are told.
    case lockTold
    /// A hold that is taken off again is off.
    case holdReleased
    case absentCondition
    /// The condition of a tag holds where the tag is right, and nowhere else.
    case matchingCondition
    /// Bytes that are not those of the checksum are refused.
    case checksumVerified
    case checksumTold
    /// An upload leaves the versions before it alone.
    case versionsKept
}

/// A request to the double.
package enum StoreOperation: CaseIterable, Hashable, Sendable {
    case put, get, head, listVersions, delete, deleteMany, retention, setRetention, legalHold
    case setLegalHold, beginMultipart, uploadPart, completeMultipart, abortMultipart
    case listMultiparts, bucketFacts

    /// Of the credentials that write: all but deletion.
    package static let writing = Set(allCases).subtracting(deleting)
    /// Of the credentials that delete: nothing else.
    package static let deleting: Set<StoreOperation> = [.delete, .deleteMany]
}

/// A failure that is to come.
package struct StoreFault: Sendable {
    /// Whether the store does what it was asked before it fails.
    package enum Effect: Sendable { case none, done }

    var remaining: Int
    let operations: Set<StoreOperation>
    let prefix: String
    let failure: StoreFailure
    let effect: Effect
}

/// A request that the double has seen.
package struct SeenRequest: Equatable, Sendable {
    package let operation: StoreOperation
    /// The prefix of a listing; `nil` of other requests about more than one key.
    package let key: ObjectKey?
}
