public import Cryptography
public import TransparencyLog

/// What one matter holds.
public struct MatterState: Equatable, Sendable {
    /// A hold by selection.
    public struct SelectionHold: Equatable, Sendable {
        /// The `hold.placed` record.
        public let act: RecordIndex
        /// What is held.
        public let selection: Selection
        /// Records below this are held; all of them if the hold is standing.
        public let before: RecordIndex
        /// How many matched below `before`.
        public let count: UInt64
        /// The digest over their indexes; see `SelectionDigest`.
        public let digest: SHA256Digest
        /// Whether what arrives later is held too.
        public let isStanding: Bool
        /// Records that were released from it.
        public internal(set) var exclusions = RecordSet()

        /// Whether a record's index is among those that may be held: all but its description.
        public func reaches(_ index: RecordIndex) -> Bool {
            (isStanding || index < before) && !exclusions.contains(index)
        }

        /// Whether a record is held.
        public func holds(_ facts: RecordFacts) -> Bool {
            reaches(facts.index) && selection.matches(facts)
        }
    }

    /// Records that were named one by one.
    public internal(set) var explicit = RecordSet()
    /// Holds by selection, in the order of their acts.
    public internal(set) var selections: [SelectionHold] = []
    /// Every `hold.placed` and `hold.released` of the matter, ascending.
    public internal(set) var acts: [RecordIndex] = []
    /// Whether the whole matter was released, and not placed again since.
    public internal(set) var isReleased = false

    init() {}

    /// Whether a record is held.
    public func holds(_ facts: RecordFacts) -> Bool {
        explicit.contains(facts.index) || selections.contains { $0.holds(facts) }
    }

    /// Whether a record of which only the index is known may be held.
    public func mayHold(_ index: RecordIndex) -> Bool {
        explicit.contains(index) || selections.contains { $0.reaches(index) }
    }

    /// The records of which the indexes alone tell that they are not held.
    func beyondReach(_ records: IndexRanges) -> IndexRanges {
        var rest = records.subtracting(explicit.intersection(records))
        for hold in selections {
            var reached = rest.subtracting(hold.exclusions.intersection(rest))
            if !hold.isStanding { reached = reached.below(hold.before) }
            rest = rest.subtracting(reached)
        }
        return rest
    }
}
