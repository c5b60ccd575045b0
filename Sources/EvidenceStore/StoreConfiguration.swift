package import EvidenceModel

/// What the operator may set.
///
/// Times in seconds, sizes in bytes.
package struct StoreConfiguration: Sendable {
    /// Room on the disk that is kept free; below it appends are refused.
    ///
    /// Nil: a 32nd of the file system, at least 8 MiB and at most 512 MiB.
    package var diskReserveBytes: UInt64?
    /// How long a repeated idempotency key is answered with the first receipt.
    package var idempotencyWindowSeconds: UInt64 = 30 * 86_400
    /// The largest payload.
    package var payloadLimitBytes: UInt64 = 5 << 30
    /// How many appends may wait, and how many of their bytes in memory.
    package var queueLimitRecords = 16_384
    package var queueLimitBytes = 64 << 20
    /// Memory of all uploads that are under way.
    package var uploadLimitBytes = 128 << 20
    /// The lock of a record that asks for none, and what may be asked for.
    package var retention = RetentionPolicy.standard
    /// How often what is due for erasure is looked for.
    package var retentionJobIntervalSeconds: UInt64 = 86_400
    /// Whether that erases what is due, or only counts it.
    package var retentionJobApplies = false
    /// The clocks.
    package var time = TimeSource.machine
    /// Sealed segments kept open at once, and as many beside them in which records are looked up.
    package var openSegmentLimit = 128
    /// Expanded tiles kept in memory, 16 KiB each.
    package var tileCacheCapacity = 2048

    package init() {}

    /// The policy of collections for which none was set.
    var standardPolicy: CollectionPolicy {
        CollectionPolicy(defaults: retention)
    }
}
