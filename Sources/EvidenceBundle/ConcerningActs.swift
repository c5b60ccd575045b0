import EvidenceModel
import TransparencyLog

/// Finds the acts that say something of some evidence, among all acts of a log in their order.
///
/// Reference: `Schemas/bundle.md` section 3.
struct ConcerningActs {
    private let selected: IndexRanges
    private let collections: Set<CollectionName>
    private var censuses: [CollectionName: RecordIndex] = [:]
    private var matters: [Matter: [RecordIndex]] = [:]
    private var concerned: Set<Matter> = []
    private var erasures: Set<RecordIndex> = []
    private var others: [RecordIndex] = []

    init(selected: IndexRanges, collections: Set<CollectionName>) {
        self.selected = selected
        self.collections = collections
    }

    mutating func take(_ act: Act, at index: RecordIndex) {
        switch act {
        case .policySet(let collection, _):
            if collections.contains(collection) { others.append(index) }
        case .census(_, _, _, let entries):
            for collection in entries.keys where collections.contains(collection) {
                censuses[collection] = index
            }
        case .lockExtended(let records, _), .lockBypassed(let records),
            .eventRecorded(_, _, let records, _):
            if records.overlaps(selected) { others.append(index) }
        case .holdPlaced(let matter, let scope):
            matters[matter, default: []].append(index)
            if isConcerned(by: scope) { concerned.insert(matter) }
        case .holdReleased(let matter, _): matters[matter, default: []].append(index)
        case .payloadErased(let erased):
            guard erased.records.overlaps(selected) else { return }
            erasures.insert(index)
            others.append(index)
        case .payloadPurged(let erasure, _, _, _):
            if erasures.contains(erasure) { others.append(index) }
        case .keyRotated: others.append(index)
        default: break
        }
    }

    private func isConcerned(by scope: HoldScope) -> Bool {
        switch scope {
        case .records(let records): records.overlaps(selected)
        case .selection(let selection, _, _, _, _): collections.contains(selection.collection)
        }
    }

    /// What was found, ascending.
    var indexes: [RecordIndex] {
        var found = Set(others).union(censuses.values)
        for matter in concerned { found.formUnion(matters[matter] ?? []) }
        return found.sorted()
    }
}

extension IndexRanges {
    /// Whether a record is in both.
    func overlaps(_ other: IndexRanges) -> Bool {
        let (few, many) =
            ranges.count <= other.ranges.count ? (ranges, other.ranges) : (other.ranges, ranges)
        return few.contains { range in
            // The first of the many that does not end before it.
            var low = 0
            var high = many.count
            while low < high {
                let middle = (low + high) / 2
                if many[middle].upperBound < range.lowerBound {
                    low = middle + 1
                } else {
                    high = middle
                }
            }
            return low < many.count && many[low].lowerBound <= range.upperBound
        }
    }
}
