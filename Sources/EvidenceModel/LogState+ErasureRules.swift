import Cryptography
import TransparencyLog

extension LogState {
    /// Why a record's payload is not due to be erased; `nil` if it is.
    ///
    /// Due is what is not erased yet, whose lock is over by the earlier of two clocks that agree,
    /// and that no matter holds.
    public func refusalToErase(_ facts: RecordFacts, at clock: ClockReading) -> Refusal? {
        let standing = lockStanding(of: facts.index, lock: facts.lock)
        if let certificate = standing.erased { return .erased(certificate: certificate) }
        guard clock.isSettled else { return .clockUnsettled(clock) }
        guard !standing.lock.isLocked(at: clock.releasing) else {
            return .locked(standing.lock, at: clock.releasing)
        }
        return refusalByHold(facts)
    }

    /// Why a record's lock cannot be bypassed; `nil` if it can.
    private func refusalToBypass(_ facts: RecordFacts, at clock: ClockReading) -> Refusal? {
        let standing = lockStanding(of: facts.index, lock: facts.lock)
        if let certificate = standing.erased { return .erased(certificate: certificate) }
        guard standing.lock.isLocked(at: clock.releasing) else {
            return .lockExpired(standing.lock)
        }
        guard standing.lock.mode == .governance else { return .complianceLocked(standing.lock) }
        return refusalByHold(facts)
    }

    private func refusalByHold(_ facts: RecordFacts) -> Refusal? {
        let matters = mattersHolding(facts)
        return matters.isEmpty ? nil : .held(matters)
    }

    func ruleErasure(_ facts: [RecordFacts], at clock: ClockReading) -> Ruling {
        let (due, refused) = divided(facts) { refusalToErase($0, at: clock) }
        return Ruling(certificates(of: due, .expired, at: clock), refused: refused)
    }

    func ruleBypass(
        _ facts: [RecordFacts],
        at clock: ClockReading,
        next index: RecordIndex
    ) throws(Refusal) -> Ruling {
        guard !facts.isEmpty else { throw .noRecords }
        let (admitted, refused) = divided(facts) { refusalToBypass($0, at: clock) }
        var rest = admitted[...]
        var acts: [Act] = []
        let records = IndexRanges(admitted.map(\.index))
        for part in records.parts(maximumRangeCount: IndexRanges.maximumRangeCount) {
            let covered = rest.prefix(Int(part.count))
            rest = rest.dropFirst(covered.count)
            let bypass = RecordIndex(index.value + UInt64(acts.count))
            acts.append(.lockBypassed(records: part))
            acts += certificates(of: Array(covered), .bypass(bypass), at: clock)
        }
        return Ruling(acts, refused: refused)
    }

    private func divided(
        _ facts: [RecordFacts],
        _ refusal: (RecordFacts) -> Refusal?
    ) -> (admitted: [RecordFacts], refused: [(RecordIndex, Refusal)]) {
        var admitted: [RecordFacts] = []
        var refused: [(RecordIndex, Refusal)] = []
        for facts in Self.ordered(facts) {
            if let refusal = refusal(facts) {
                refused.append((facts.index, refusal))
            } else {
                admitted.append(facts)
            }
        }
        return (admitted, refused)
    }

    /// The certificates of an erasure, by collection, each within the limits of a record.
    private func certificates(
        of facts: [RecordFacts],
        _ ground: PayloadErased.Ground,
        at clock: ClockReading
    ) -> [Act] {
        let byCollection = Dictionary(grouping: facts, by: \.collection)
        var acts: [Act] = []
        for (collection, facts) in byCollection.sorted(by: { $0.key < $1.key }) {
            var draft = CertificateDraft()
            func finish() {
                acts.append(
                    .payloadErased(
                        draft.certificate(
                            collection,
                            ground,
                            policy: policyIndex(for: collection),
                            clock
                        )
                    )
                )
                draft = CertificateDraft()
            }
            for facts in facts {
                let standing = lockStanding(of: facts.index, lock: facts.lock)
                if !draft.admits(facts, standing) { finish() }
                draft.append(facts, standing)
            }
            finish()
        }
        return acts
    }
}

/// A certificate in the making: records in the order of their indexes, by lock and history.
private struct CertificateDraft {
    private struct Key: Hashable {
        let lock: Lock
        let history: [RecordIndex]

        init(_ standing: LockStanding) {
            lock = standing.lock
            history = standing.history.suffix(PayloadErased.Item.maximumHistoryCount)
        }
    }

    private var ranges: [Key: [ClosedRange<UInt64>]] = [:]
    private var sizeBytes = 0
    private var leaves: [(index: RecordIndex, hash: MerkleHash)] = []

    /// Whether the next record fits into the same certificate.
    func admits(_ facts: RecordFacts, _ standing: LockStanding) -> Bool {
        let key = Key(standing)
        guard sizeBytes + growth(key, facts.index) <= PayloadErased.maximumItemsSizeBytes else {
            return false
        }
        return (ranges[key]?.count ?? 0) < IndexRanges.maximumRangeCount
            || growth(key, facts.index) == 0
    }

    mutating func append(_ facts: RecordFacts, _ standing: LockStanding) {
        let key = Key(standing)
        sizeBytes += growth(key, facts.index)
        let value = facts.index.value
        IndexRanges.append(value...value, to: &ranges[key, default: []])
        leaves.append((facts.index, facts.leafHash))
    }

    /// By how much a record makes the certificate longer.
    private func growth(_ key: Key, _ index: RecordIndex) -> Int {
        guard let ranges = ranges[key] else {
            return PayloadErased.Item.maximumSizeBytes(
                rangeCount: 1,
                historyCount: key.history.count
            )
        }
        let isAdjacent = ranges.last.map { $0.upperBound + 1 == index.value } == true
        return isAdjacent ? 0 : PayloadErased.Item.rangeSizeBytes
    }

    func certificate(
        _ collection: CollectionName,
        _ ground: PayloadErased.Ground,
        policy: RecordIndex?,
        _ clock: ClockReading
    ) -> PayloadErased {
        var digest = ErasureDigest()
        for leaf in leaves { digest.append(leaf.index, leafHash: leaf.hash) }
        let items = ranges.map { key, ranges in
            PayloadErased.Item(
                records: IndexRanges(canonical: ranges),
                lock: key.lock,
                history: key.history
            )
        }
        return PayloadErased(
            collection: collection,
            ground: ground,
            items: items.sorted {
                $0.records.ranges[0].lowerBound < $1.records.ranges[0].lowerBound
            },
            policy: policy,
            clock: clock,
            count: UInt64(leaves.count),
            digest: digest.finalize()
        )
    }
}
