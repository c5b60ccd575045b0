import EvidenceModel
import TransparencyLog

/// Where an open log's checkpoints come from.
enum CheckpointSource: Sendable {
    /// Each tree is signed when it was read back.
    case signer(NoteSigner)
    /// One tree, signed before: that of a restored log, which takes nothing.
    case kept(SignedCheckpoint)

    /// What vouches for a tree; `nil` if nothing does.
    func checkpoint(of tree: CompactRange, timestamp: Timestamp) -> PublishedCheckpoint? {
        switch self {
        case .signer(let signer):
            return PublishedCheckpoint(tree, signer: signer, timestamp: timestamp)
        case .kept(let signed):
            guard signed.checkpoint.size == tree.size, signed.checkpoint.root == tree.root else {
                return nil
            }
            return PublishedCheckpoint(tree, note: signed.encoded, timestamp: timestamp)
        }
    }

    /// The source of a log: its key, or what it was restored with.
    ///
    /// - Throws: `invalid` if the key is another log's, or missing; `damaged`.
    static func of(
        _ description: LogDescription,
        _ signer: NoteSigner?,
        _ mark: RestoreMark?,
        _ paths: StorePaths
    ) throws(StoreError) -> CheckpointSource {
        if let signer, signer.verifierKey != description.verifierKey {
            throw .invalid(
                "the signing key \(signer.verifierKey) is not this log's, which is "
                    + "\(description.verifierKey)"
            )
        }
        if let signer, mark?.readOnly == nil { return .signer(signer) }
        guard mark != nil else {
            throw .invalid("the log \(description.origin) cannot be opened without its signing key")
        }
        let path = paths.stateFile
        guard let note = try StateStore.contents(ofFileAt: path).checkpoint else {
            throw .damaged(path: path, detail: "the checkpoint is missing that was restored")
        }
        let signed = try? SignedCheckpoint.open(
            String(decoding: note, as: UTF8.self),
            origin: description.origin,
            keys: [description.verifierKey]
        )
        guard let signed else {
            throw .damaged(path: path, detail: "its checkpoint is not signed by the log")
        }
        return .kept(signed)
    }
}
