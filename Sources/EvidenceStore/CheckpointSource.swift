import EvidenceModel
import TransparencyLog

/// Where an open log's checkpoints come from.
enum CheckpointSource: Sendable {
    /// Each tree is signed when it was read back.
    case signer(SigningKeys)
    /// One tree, signed before: that of a restored log, which takes nothing.
    case kept(Checkpoint, note: String)

    /// What vouches for a tree; `nil` if nothing does.
    ///
    /// `keys`: those of the log, as of the tree's last record; `timestamp`: the time of that.
    func checkpoint(
        of tree: CompactRange,
        keys: [LogKey],
        timestamp: Timestamp
    ) -> PublishedCheckpoint? {
        switch self {
        case .signer(let all):
            let signers = all.signers(keys, at: timestamp)
            if signers.isEmpty { return nil }
            return PublishedCheckpoint(tree, signers: signers, timestamp: timestamp)
        case .kept(let checkpoint, let note):
            guard checkpoint.size == tree.size, checkpoint.root == tree.root else { return nil }
            return PublishedCheckpoint(tree, note: note, timestamp: timestamp)
        }
    }

    /// The source of a log: its keys, or what it was restored with, which recovery verifies.
    ///
    /// - Throws: `invalid` if the keys are another log's, or missing; `damaged`.
    static func of(
        _ description: LogDescription,
        _ keys: SigningKeys?,
        _ mark: RestoreMark?,
        _ paths: StorePaths
    ) throws(StoreError) -> CheckpointSource {
        if let keys, let key = keys.verifierKeys.first,
            !keys.verifierKeys.contains(where: { $0.name == description.origin })
        {
            throw .invalid(
                "the signing key \(key) is not this log's, which is \(description.verifierKey)"
            )
        }
        if let keys, mark?.readOnly == nil { return .signer(keys) }
        guard mark != nil else {
            throw .invalid("the log \(description.origin) cannot be opened without its signing key")
        }
        let path = paths.stateFile
        guard let bytes = try StateStore.contents(ofFileAt: path).checkpoint else {
            throw .damaged(path: path, detail: "the checkpoint is missing that was restored")
        }
        guard let note = try? SignedNote(parsing: bytes),
            let checkpoint = try? Checkpoint(parsing: note.text)
        else { throw .damaged(path: path, detail: "its checkpoint cannot be read") }
        return .kept(checkpoint, note: note.encoded)
    }

    /// Why the log cannot go on: the key with which it signs now is not there; `nil` if it is.
    func missingKey(_ state: LogState) -> StoreError? {
        guard case .signer(let keys) = self, let current = state.currentKey,
            keys.signer(of: current) == nil
        else { return nil }
        let found = keys.verifierKeys.map(\.description).joined(separator: ", ")
        return .invalid("the log signs with the key \(current), and there is only \(found)")
    }
}
