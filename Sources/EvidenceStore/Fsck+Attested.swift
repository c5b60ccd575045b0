import EvidenceModel
package import TransparencyLog

// What others have said of the log is kept beside it, by a module that knows what it means. It
// tells here before the records are read of which trees that is, and asks behind that.
extension Fsck {
    /// Keeps the roots that the records give at these sizes; before ``run()``.
    package mutating func keepRoots(at sizes: Set<TreeSize>) { self.sizes = sizes }

    /// Why a signed note is no checkpoint of this log; nil if it is one.
    ///
    /// To be asked behind ``run()``. It must be signed by a key that the log has or had, and have
    /// the root that the records give. Its size is one of those that ``keepRoots(at:)`` was told.
    package func fault(ofCheckpoint note: String) -> String? {
        precondition(isComplete, "the records say nothing of what was not read")
        let signed: SignedCheckpoint
        do throws(NoteError) {
            signed = try SignedCheckpoint.open(
                note,
                origin: description.origin,
                keys: final.verifierKeys
            )
        } catch { return "its checkpoint is not signed by the log: \(error)" }
        let checkpoint = signed.checkpoint
        guard checkpoint.size <= tree.size else {
            return "its checkpoint is of \(checkpoint.size) records, and the log has \(tree.size)"
        }
        let root = checkpoint.size == .zero ? MerkleTree.emptyRoot : roots[checkpoint.size]
        guard root == checkpoint.root else {
            return "its checkpoint is not that of the log's tree"
        }
        return nil
    }
}
