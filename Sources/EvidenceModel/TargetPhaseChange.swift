public import TransparencyLog

/// What a `target.phase` record says: both sides were compared and found equal, and from here on
/// the target is in another phase.
public struct TargetPhaseChange: Hashable, Sendable {
    /// The target.
    public let target: TargetName
    /// The phase that ends.
    public let from: TargetPhase
    /// The phase that begins; next to `from`.
    public let to: TargetPhase
    /// How many records were compared, from the first on.
    public let size: TreeSize
    /// The root of the tree of that size, from the disk's records.
    public let localRoot: MerkleHash
    /// The same from the target's.
    public let targetRoot: MerkleHash
    /// How many differences were found: 0, or there is no such record.
    public let differences: UInt64

    /// What was found.
    public init(
        target: TargetName,
        from: TargetPhase,
        to: TargetPhase,
        size: TreeSize,
        localRoot: MerkleHash,
        targetRoot: MerkleHash,
        differences: UInt64 = 0
    ) {
        self.target = target
        self.from = from
        self.to = to
        self.size = size
        self.localRoot = localRoot
        self.targetRoot = targetRoot
        self.differences = differences
    }

    var fault: (member: String, rule: String)? {
        guard from.neighbours.contains(to) else { return ("to", "must be next to from") }
        guard (1...TreeSize.maximum.value).contains(size.value) else {
            return ("size", "must be from 1 and below 2^53")
        }
        guard differences == 0 else { return ("differences", "must be 0") }
        return localRoot == targetRoot ? nil : ("targetRoot", "must be the same as localRoot")
    }
}
