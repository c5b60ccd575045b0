package import EvidenceModel

/// What all records of a pack have in common, and where the pack stands because of it.
package struct PackHome: Hashable, Sendable {
    /// Why records are in this pack.
    package enum Kind: Hashable, Sendable {
        /// They came into it first.
        case original
        /// Their lock was changed: extended, made stricter, or dated by an event.
        case extended
        /// A matter holds them.
        case held(Matter)
    }

    package let collection: CollectionName
    /// The lock of the records; of one that awaits an event the pack's own lock is another.
    package let lock: Lock
    package let kind: Kind

    package init(collection: CollectionName, lock: Lock, kind: Kind) {
        self.collection = collection
        self.lock = lock
        self.kind = kind
    }
}
