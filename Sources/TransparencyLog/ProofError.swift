/// Why a proof was not accepted.
///
/// None of these says who is at fault: a proof fails in the same way for a damaged file, a mistaken
/// pairing of proof and record, and a forgery.
public enum ProofError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The leaf is not part of a tree of this size.
    case indexOutOfRange(index: LeafIndex, size: TreeSize)
    /// The size is above ``TreeSize/maximum``.
    case sizeTooLarge(TreeSize)
    /// The newer tree is smaller than the older one.
    case sizesDecrease(from: TreeSize, to: TreeSize)
    /// The proof has more or fewer hashes than its indexes and sizes call for.
    case wrongLength(expected: Int, found: Int)
    /// The proof leads to another root than the one that was given (the newer one, for
    /// consistency).
    case rootMismatch(expected: MerkleHash, computed: MerkleHash)
    /// The consistency proof leads to another root for the older tree than the one that was given.
    case oldRootMismatch(expected: MerkleHash, computed: MerkleHash)

    /// One sentence for a person.
    public var description: String {
        switch self {
        case .indexOutOfRange(let index, let size):
            "leaf \(index) is not in a tree of \(size) leaves"
        case .sizeTooLarge(let size):
            "tree size \(size) is above the limit of \(TreeSize.maximum)"
        case .sizesDecrease(let from, let to):
            "the newer tree (\(to) leaves) is smaller than the older one (\(from) leaves)"
        case .wrongLength(let expected, let found):
            "the proof has \(found) hashes where \(expected) are needed"
        case .rootMismatch(let expected, let computed):
            "the proof leads to root \(computed), not to \(expected)"
        case .oldRootMismatch(let expected, let computed):
            "the proof leads to older root \(computed), not to \(expected)"
        }
    }
}
