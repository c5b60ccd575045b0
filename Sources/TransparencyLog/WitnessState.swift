public import Cryptography

/// What a witness knows of one log, and what it decides: to cosign only what grew out of what it
/// cosigned before.
///
/// Pure: no key, clock or file. Who runs a witness calls ``decide(on:nowSeconds:)``, cosigns, makes
/// the new state durable, calls ``advance(to:timestampSeconds:)``, and only then gives the
/// cosignature away; from the first step to the last nobody else may decide for this log.
///
/// Invariant: the size never shrinks, a size never gets a second root, and the time never goes
/// back.
///
/// Reference: C2SP tlog-witness, "add-checkpoint".
public struct WitnessState: Equatable, Sendable {
    /// What was cosigned last.
    public struct Latest: Equatable, Sendable {
        /// The number of leaves.
        public let size: TreeSize
        /// The root of that tree.
        public let root: MerkleHash
        /// The time in the cosignature.
        public let timestampSeconds: UInt64

        /// What a cosignature has said.
        public init(size: TreeSize, root: MerkleHash, timestampSeconds: UInt64) {
            self.size = size
            self.root = root
            self.timestampSeconds = timestampSeconds
        }
    }

    /// What to do with a request.
    public enum Decision: Equatable, Sendable {
        /// It may be cosigned; the checkpoint is verified.
        case cosign(SignedCheckpoint)
        /// It must not be.
        case refuse(WitnessRefusal)
    }

    /// The log.
    public let origin: String

    /// The keys that are trusted to sign for it.
    public let keys: [VerifierKey]

    /// What was cosigned last; nil if nothing ever was.
    public private(set) var latest: Latest?

    /// A log as the witness left it.
    ///
    /// - Precondition: there is a key, and all keys have one name, which is the log's origin.
    public init(keys: [VerifierKey], latest: Latest? = nil) {
        precondition(!keys.isEmpty, "a log that is witnessed has a key")
        let origin = keys[0].name
        precondition(
            keys.allSatisfy { $0.name.hasSameBytes(as: origin) },
            "the keys of a log have its name"
        )
        self.origin = origin
        self.keys = keys
        self.latest = latest
    }

    /// Judges a request.
    ///
    /// The order of the checks is that of the specification, so that each refusal tells what it
    /// promises there. `nowSeconds` is the wall clock, in seconds since 1970 UTC.
    public func decide(on request: AddCheckpointRequest, nowSeconds: UInt64) -> Decision {
        do throws(WitnessRefusal) {
            let signed = try verify(request.checkpoint)
            try compare(request, signed.checkpoint)
            try check(nowSeconds)
            return .cosign(signed)
        } catch {
            return .refuse(error)
        }
    }

    /// Takes over what has been cosigned and made durable.
    ///
    /// - Precondition: ``decide(on:nowSeconds:)`` has just allowed it, for that time.
    public mutating func advance(to checkpoint: Checkpoint, timestampSeconds: UInt64) {
        if let latest {
            precondition(
                checkpoint.size > latest.size
                    || (checkpoint.size == latest.size && checkpoint.root == latest.root),
                "a witness never goes back, and never sees two trees of one size"
            )
            precondition(timestampSeconds >= latest.timestampSeconds, "time never goes back")
        }
        latest = Latest(
            size: checkpoint.size,
            root: checkpoint.root,
            timestampSeconds: timestampSeconds
        )
    }

    private func verify(_ note: SignedNote) throws(WitnessRefusal) -> SignedCheckpoint {
        var hasWrongRoot = false
        do throws(NoteError) {
            _ = try Checkpoint(parsing: note.text)
        } catch {
            guard error == Checkpoint.notTheEmptyRoot else { throw .malformed(error) }
            // Judged after the signature: a fault of the log only if it has signed it.
            hasWrongRoot = true
        }
        let claimed = AddCheckpointRequest.origin(of: note)
        guard claimed.hasSameBytes(as: origin) else { throw .unknownLog(origin: claimed) }
        do throws(NoteError) {
            if !hasWrongRoot {
                return try SignedCheckpoint.open(note, origin: origin, keys: keys)
            }
            _ = try note.verified(by: keys)
        } catch {
            throw .untrusted(error)
        }
        throw .wrongEmptyRoot
    }

    /// Confirms that the checkpoint grew out of the latest one.
    private func compare(
        _ request: AddCheckpointRequest,
        _ checkpoint: Checkpoint
    ) throws(WitnessRefusal) {
        guard request.oldSize <= checkpoint.size else {
            throw .oldSizeTooLarge(stated: request.oldSize, offered: checkpoint.size)
        }
        let size = latest?.size ?? .zero
        let root = latest?.root ?? MerkleTree.emptyRoot
        if checkpoint.size == size, checkpoint.root != root {
            throw .fork(size: size, stated: request.oldSize)
        }
        guard request.oldSize == size else {
            guard checkpoint.size >= size else {
                throw .rollback(latest: size, offered: checkpoint.size)
            }
            throw .conflict(latest: size)
        }
        do throws(ProofError) {
            try ConsistencyProof.verify(
                from: size,
                to: checkpoint.size,
                oldRoot: root,
                newRoot: checkpoint.root,
                path: request.proof
            )
        } catch {
            throw .inconsistent(error)
        }
    }

    private func check(_ nowSeconds: UInt64) throws(WitnessRefusal) {
        let last = latest?.timestampSeconds ?? Cosignature.timestamps.lowerBound
        guard Cosignature.timestamps.contains(nowSeconds), nowSeconds >= last else {
            throw .clock(nowSeconds: nowSeconds, latestSeconds: last)
        }
    }
}
