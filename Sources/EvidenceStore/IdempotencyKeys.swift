import EvidenceModel

/// Which idempotency keys were used within the window, and by which record.
///
/// Keys of unsealed segments are in memory; a sealed segment has a filter here and its `by_key`
/// table on disk, which is read only where the filter says "maybe". For the sequencer alone.
struct IdempotencyKeys {
    /// A use of a key.
    struct Use: Equatable {
        let index: RecordIndex
        let fingerprint: RequestFingerprint
        let received: Timestamp
    }

    private struct SealedFilter {
        let segment: SegmentNumber
        let filter: KeyFilter
        let lastReceived: Timestamp
    }

    private let windowMilliseconds: Int64
    private var unsealed: [SegmentNumber: [KeyHash: Use]] = [:]
    private var sealed: [SealedFilter] = []

    init(windowSeconds: UInt64) {
        windowMilliseconds = Int64(min(windowSeconds, UInt64(Int64.max) / 1000) * 1000)
    }

    /// Remembers a use in an unsealed segment.
    mutating func insert(_ key: KeyHash, _ use: Use, segment: SegmentNumber) {
        unsealed[segment, default: [:]][key] = use
    }

    /// Filters in memory; those of segments that left the window are dropped.
    var filterCount: Int { sealed.count }

    /// From now on the segment's keys are on disk.
    ///
    /// Segments are sealed in order.
    mutating func seal(_ segment: SegmentNumber, filter: KeyFilter?, lastReceived: Timestamp) {
        unsealed[segment] = nil
        let begin = lastReceived.milliseconds - windowMilliseconds
        let expired = sealed.prefix { $0.lastReceived.milliseconds < begin }
        sealed.removeFirst(expired.count)
        guard let filter else { return }
        sealed.append(
            SealedFilter(segment: segment, filter: filter, lastReceived: lastReceived)
        )
    }

    /// The key's last use within the window before `now`.
    ///
    /// `probe`: looks into a sealed segment's table.
    func lastUse(
        of key: KeyHash,
        at now: Timestamp,
        probe: (SegmentNumber, KeyHash) throws(StoreError) -> Use?
    ) throws(StoreError) -> Use? {
        let begin = now.milliseconds - windowMilliseconds
        var last: Use?
        for uses in unsealed.values {
            guard let use = uses[key] else { continue }
            if let seen = last, seen.index > use.index { continue }
            last = use
        }
        if let last { return last.received.milliseconds >= begin ? last : nil }
        for candidate in sealed.reversed() {
            if candidate.lastReceived.milliseconds < begin { break }
            guard candidate.filter.mayContain(key),
                let use = try probe(candidate.segment, key),
                use.received.milliseconds >= begin
            else { continue }
            return use
        }
        return nil
    }
}
