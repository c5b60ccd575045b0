package import Cryptography

/// A remote store of versioned objects that can be locked.
///
/// Every method blocks until the store has answered or the attempts are spent, and may be called
/// on many threads at once.
package protocol ObjectStore: Sendable {
    /// Stores an object; on return it is durable there, but not yet read back.
    ///
    /// A reply that is lost is looked after: the object is searched and compared before it is sent
    /// again.
    ///
    /// - Throws: `preconditionFailed` if the condition does not hold, be it that an earlier run has
    ///   stored the same: compare with `head`.
    func put(_ request: PutRequest) throws(StoreFailure) -> PutResult

    /// Reads an object, or a range of it; the bytes go to `receive`, nothing else is kept.
    ///
    /// Without a version the newest one. A failure after the first byte is not repeated; then
    /// `receive` has seen a part. The bytes are not compared with a checksum.
    func get(
        _ key: ObjectKey,
        version: ObjectVersion?,
        range: ClosedRange<UInt64>?,
        receive: (Span<UInt8>) throws -> Void
    ) throws(StoreFailure) -> HeadResult

    /// What the store says of a version; without one, of the newest.
    func head(_ key: ObjectKey, version: ObjectVersion?) throws(StoreFailure) -> HeadResult

    /// A page of all versions and delete markers of the keys that begin with `prefix`.
    func listVersions(
        prefix: String,
        depth: ListDepth,
        after cursor: ListCursor?,
        limit: Int
    ) throws(StoreFailure) -> VersionPage

    /// Deletes one version for ever; of one that is not there, nothing happens.
    ///
    /// - Throws: `locked` if the store refuses and the version's lock or hold can be seen.
    func delete(_ name: VersionedKey) throws(StoreFailure)

    /// Deletes at most 1,000 versions, each on its own.
    func delete(_ names: [VersionedKey]) throws(StoreFailure) -> [DeleteOutcome]

    func retention(of name: VersionedKey) throws(StoreFailure) -> ObjectLock?

    /// Extends a lock; never asks to bypass governance.
    func setRetention(_ lock: ObjectLock, of name: VersionedKey) throws(StoreFailure)

    func legalHold(of name: VersionedKey) throws(StoreFailure) -> LegalHold

    func setLegalHold(_ hold: LegalHold, of name: VersionedKey) throws(StoreFailure)

    /// Begins an upload in parts: of the request all but the body counts, and the condition at its
    /// completion.
    func beginMultipart(_ request: MultipartRequest) throws(StoreFailure) -> MultipartUpload

    /// Sends a part; the same number again replaces it.
    func uploadPart(
        _ upload: MultipartUpload,
        number: Int,
        body: ObjectBody,
        checksum: SHA256Digest
    ) throws(StoreFailure) -> UploadedPart

    /// Makes an object of the parts, given in ascending order.
    ///
    /// - Throws: `conflict`: begin a new upload. A lost reply is looked after as by `put`.
    func completeMultipart(
        _ upload: MultipartUpload,
        parts: [UploadedPart],
        condition: PutRequest.Condition
    ) throws(StoreFailure) -> PutResult

    /// Gives an upload up; of one that is not there, nothing happens.
    func abortMultipart(_ upload: MultipartUpload) throws(StoreFailure)

    /// A page of the uploads that were begun below `prefix`.
    func listMultiparts(
        prefix: String,
        after cursor: ListCursor?
    ) throws(StoreFailure) -> UploadPage

    /// What the bucket is set up to do.
    func bucketFacts() throws(StoreFailure) -> BucketFacts

    /// How it has gone so far.
    var statistics: StoreStatistics { get }
}

/// An upload in parts that is to be begun.
package struct MultipartRequest: Sendable {
    package let key: ObjectKey
    package var lock: ObjectLock?
    package var hold = LegalHold.off
    package var mediaType = "application/octet-stream"

    package init(key: ObjectKey) {
        self.key = key
    }
}

/// A part that the store has.
package struct UploadedPart: Hashable, Sendable {
    /// From 1 to 10,000.
    package let number: Int
    package let tag: ObjectTag
    package let checksum: SHA256Digest

    package init(number: Int, tag: ObjectTag, checksum: SHA256Digest) {
        self.number = number
        self.tag = tag
        self.checksum = checksum
    }
}

/// Counts since the store was opened.
package struct StoreStatistics: Hashable, Sendable {
    /// What the circuit breaker does.
    package enum Circuit: Hashable, Sendable { case closed, open, probing }

    /// Requests that were sent, repetitions counted.
    package var requests: UInt64 = 0
    /// Of these, those that were sent again.
    package var repetitions: UInt64 = 0
    /// Requests without an answer, or with one of status 5xx or 429.
    package var faults: UInt64 = 0
    /// Bytes of bodies that were sent, and received.
    package var sentBytes: UInt64 = 0
    package var receivedBytes: UInt64 = 0
    package var circuit = Circuit.closed
    /// How often the circuit has opened.
    package var circuitOpenings: UInt64 = 0

    package init() {}
}
