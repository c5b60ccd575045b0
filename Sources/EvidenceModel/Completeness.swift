public import TransparencyLog

/// Decides whether receipts are all of a collection, or which are missing.
///
/// A collection's records are numbered from 1 without gaps, so a missing one shows as a missing
/// number. Where the numbers end only a census says: a record of the log that counts the collection
/// as of some index. Receipts come in any order, those of other collections and kinds may be among
/// them; every one is verified.
public struct Completeness: Sendable {
    /// The collection.
    public let collection: CollectionName

    private let keys: [VerifierKey]
    private var held: [SequenceNumber: RecordIndex] = [:]
    private var censuses: [CensusPoint] = []
    private var origin: String?
    private var roots: [TreeSize: MerkleHash] = [:]
    private var receiptCount: UInt64 = 0

    /// Nothing is held yet; `keys` are those that are trusted for the log.
    public init(of collection: CollectionName, keys: [VerifierKey]) {
        self.collection = collection
        self.keys = keys
    }

    /// What a census says of the collection.
    public struct CensusPoint: Hashable, Sendable {
        /// The census record.
        public let index: RecordIndex
        /// All records below this are counted.
        public let before: RecordIndex
        /// How many records the collection had.
        public let count: SequenceNumber
        /// Which was the last of them.
        public let last: RecordIndex
        /// When it was taken.
        public let received: Timestamp
    }

    /// What the receipts show.
    public struct Finding: Equatable, Sendable {
        /// The collection.
        public let collection: CollectionName
        /// The log; `nil` where there was no receipt at all.
        public let origin: String?
        /// How many receipts were verified.
        public let receiptCount: UInt64
        /// How many numbers of the collection are held.
        public let heldCount: UInt64
        /// The number up to which nothing may be missing: the census's count, or the highest that
        /// is held if that is more.
        public let reach: UInt64
        /// The numbers that are missing up to `reach`, ascending.
        public let missing: [ClosedRange<UInt64>]
        /// The newest census; `nil`: nothing says where the numbers end.
        public let census: CensusPoint?

        /// Whether no number is missing up to `reach`, of at least one.
        public var hasNoGap: Bool { reach > 0 && missing.isEmpty }

        /// How many numbers are missing.
        public var missingCount: UInt64 { missing.reduce(0) { $0 + UInt64($1.count) } }
    }

    /// Verifies a receipt and takes note of what it shows.
    ///
    /// - Throws: `CompletenessFailure`; the receipt counts for nothing then.
    public mutating func add(_ receipt: Receipt) throws(CompletenessFailure) {
        let proven: ProvenRecord
        do throws(VerificationFailure) {
            proven = try ProvenRecord(receipt, keys: keys)
        } catch { throw .receipt(error) }
        try addProven(proven.record, at: proven.index, in: proven.checkpoint)
    }

    /// Takes note of a record that a receipt has proven to the caller, with the same keys.
    ///
    /// - Throws: `CompletenessFailure`; the record counts for nothing then.
    package mutating func addProven(
        _ record: Record,
        at index: RecordIndex,
        in checkpoint: Checkpoint
    ) throws(CompletenessFailure) {
        try checkLog(checkpoint)
        receiptCount += 1
        if let sequence = record.sequence, record.collection == collection {
            if let other = held[sequence], other != index {
                throw .contradiction("records \(other) and \(index) are both its \(sequence)")
            }
            held[sequence] = index
        }
        guard case .act(let act) = record,
            case .census(let before, _, _, let collections) = act.act,
            let entry = collections[collection]
        else { return }
        censuses.append(
            CensusPoint(
                index: index,
                before: before,
                count: entry.count,
                last: entry.last,
                received: act.received
            )
        )
    }

    /// All receipts must be of one log: same origin, and one root for each size.
    private mutating func checkLog(_ checkpoint: Checkpoint) throws(CompletenessFailure) {
        if let origin, !origin.hasSameBytes(as: checkpoint.origin) {
            throw .otherLog(expected: origin, found: checkpoint.origin)
        }
        if let root = roots[checkpoint.size], root != checkpoint.root {
            throw .contradiction("two trees of \(checkpoint.size) records are signed")
        }
        roots[checkpoint.size] = checkpoint.root
        if origin == nil { origin = checkpoint.origin }
    }

    /// Says what is held and what is missing.
    ///
    /// - Throws: `CompletenessFailure.contradiction` where records and censuses, all of them
    ///   proven, cannot be of one honest log.
    public func finding() throws(CompletenessFailure) -> Finding {
        let sorted = held.sorted { $0.key < $1.key }
        try checkOrder(sorted)
        let points = censuses.sorted { $0.before < $1.before }
        for (earlier, later) in zip(points, points.dropFirst())
        where earlier.count > later.count || earlier.last > later.last {
            throw .contradiction(
                "the census of record \(later.index) counts less than that of \(earlier.index)"
            )
        }
        for point in points { try check(point, sorted) }
        let reach = max(sorted.last?.key.value ?? 0, points.last?.count.value ?? 0)
        return Finding(
            collection: collection,
            origin: origin,
            receiptCount: receiptCount,
            heldCount: UInt64(sorted.count),
            reach: reach,
            missing: Self.gaps(in: sorted.map(\.key.value), upTo: reach),
            census: points.last
        )
    }

    /// A later number stands at a later index.
    private func checkOrder(
        _ held: [(key: SequenceNumber, value: RecordIndex)]
    ) throws(CompletenessFailure) {
        for (earlier, later) in zip(held, held.dropFirst()) where earlier.value >= later.value {
            throw .contradiction(
                "number \(earlier.key) is record \(earlier.value), after number \(later.key), "
                    + "record \(later.value)"
            )
        }
    }

    /// What is held fits a census: numbers it counts stand up to its last, all others behind.
    ///
    /// Indexes ascend with the numbers, so the two next to its border decide for all.
    private func check(
        _ point: CensusPoint,
        _ held: [(key: SequenceNumber, value: RecordIndex)]
    ) throws(CompletenessFailure) {
        let border = Self.firstBeyond(point.count, in: held)
        if border > 0 {
            let (number, index) = held[border - 1]
            let fits = number == point.count ? index == point.last : index < point.last
            guard fits else { throw Self.mismatch(point, number, index) }
        }
        if border < held.count, held[border].value < point.before {
            throw Self.mismatch(point, held[border].key, held[border].value)
        }
    }

    private static func firstBeyond(
        _ count: SequenceNumber,
        in held: [(key: SequenceNumber, value: RecordIndex)]
    ) -> Int {
        var low = 0
        var high = held.count
        while low < high {
            let middle = (low + high) / 2
            if held[middle].key <= count { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func mismatch(
        _ point: CensusPoint,
        _ number: SequenceNumber,
        _ index: RecordIndex
    ) -> CompletenessFailure {
        .contradiction(
            "the census of record \(point.index) counts \(point.count) records below "
                + "\(point.before), the last record \(point.last), and number \(number) is record "
                + "\(index)"
        )
    }

    private static func gaps(in numbers: [UInt64], upTo reach: UInt64) -> [ClosedRange<UInt64>] {
        var gaps: [ClosedRange<UInt64>] = []
        var next: UInt64 = 1
        for number in numbers {
            if number > next { gaps.append(next...(number - 1)) }
            next = number + 1
        }
        if next <= reach { gaps.append(next...reach) }
        return gaps
    }
}

/// Why receipts cannot be counted.
public enum CompletenessFailure: Error, Equatable, Sendable {
    /// A receipt does not verify.
    case receipt(VerificationFailure)
    /// A receipt is of another log than the ones before.
    case otherLog(expected: String, found: String)
    /// What is proven cannot all be true of one log; in words.
    case contradiction(String)
}

extension CompletenessFailure: CustomStringConvertible {
    /// What is wrong, for a person.
    public var description: String {
        switch self {
        case .receipt(let failure): "\(failure)"
        case .otherLog(let expected, let found): "it is of the log \(found), not of \(expected)"
        case .contradiction(let detail): "the log contradicts itself: \(detail)"
        }
    }
}
