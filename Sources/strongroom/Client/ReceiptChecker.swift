internal import Cryptography
internal import EvidenceModel
internal import Platform
internal import TransparencyLog

/// A receipt whose parts agree with each other.
struct CheckedReceipt: Sendable {
    let receipt: Receipt
    let record: Record
    /// What the record says of its evidence; from the opening if it is sealed; nil for records
    /// about the log itself, and for sealed ones without an opening.
    let description: EvidenceDescription?
    let checkpoint: Checkpoint
}

/// Checks the receipts that a server sends: record, opening, leaf, path, root and, with a key,
/// signature.
///
/// For many receipts a second: opened checkpoints are remembered, because all receipts of a batch
/// share one and a signature costs more than all the rest. `ReceiptVerification` says each step to
/// a person; this says only what failed. Any thread.
final class ReceiptChecker: Sendable {
    /// Without keys nothing says whose checkpoints these are: parts are compared, no signature.
    let keys: [VerifierKey]
    private let opened = Mutex<[(note: String, checkpoint: Checkpoint)]>([])

    private static let rememberedCheckpoints = 16

    init(keys: [VerifierKey]) {
        self.keys = keys
    }

    var isPinned: Bool { !keys.isEmpty }

    /// Reads and checks a receipt.
    ///
    /// - Throws: exit code `verificationFailed`, naming what does not agree.
    func check(_ bytes: Span<UInt8>) throws(CommandFailure) -> CheckedReceipt {
        let receipt: Receipt
        do throws(ReceiptError) {
            receipt = try Receipt(parsing: bytes)
        } catch {
            throw Self.failure("receipt", "\(error)")
        }
        let record: Record
        do throws(RecordError) {
            record = try Record(parsing: receipt.record.span)
        } catch {
            throw Self.failure("record", "\(error)")
        }
        let description = try Self.description(of: record, opening: receipt.opening)
        guard MerkleTree.leafHash(receipt.record.span) == receipt.leafHash else {
            throw Self.failure("leaf", "the leaf hash is not the record's")
        }
        let checkpoint = try checkpoint(receipt.checkpoint)
        guard checkpoint.size == receipt.treeSize else {
            throw Self.failure(
                "signature",
                "the checkpoint is of \(checkpoint.size) records, the proof of \(receipt.treeSize)"
            )
        }
        do throws(ProofError) {
            try InclusionProof.verify(
                leafHash: receipt.leafHash,
                at: receipt.index,
                in: receipt.treeSize,
                path: receipt.proof,
                root: checkpoint.root
            )
        } catch {
            throw Self.failure("inclusion", "\(error)")
        }
        return CheckedReceipt(
            receipt: receipt,
            record: record,
            description: description,
            checkpoint: checkpoint
        )
    }

    /// Opens a checkpoint: verifies its signature if there are keys.
    func checkpoint(_ note: String) throws(CommandFailure) -> Checkpoint {
        if let known = opened.withLock({ $0.first { $0.note == note }?.checkpoint }) {
            return known
        }
        let checkpoint: Checkpoint
        do throws(NoteError) {
            checkpoint =
                try isPinned
                ? SignedCheckpoint.open(note, keys: keys).checkpoint
                : Checkpoint(parsing: SignedNote(parsing: note).text)
        } catch {
            throw Self.failure("signature", "\(error)")
        }
        opened.withLock { opened in
            if opened.count >= Self.rememberedCheckpoints { opened.removeLast() }
            opened.insert((note, checkpoint), at: 0)
        }
        return checkpoint
    }

    private static func description(
        of record: Record,
        opening: SealedOpening?
    ) throws(CommandFailure) -> EvidenceDescription? {
        switch record {
        case .evidence(let evidence):
            guard opening == nil else {
                throw failure("opening", "the record is not sealed, and has an opening")
            }
            return evidence.description
        case .sealedEvidence(let evidence):
            guard let opening else { return nil }
            guard opening.commitment == evidence.commitment else {
                throw failure("opening", "it is not the one that the record commits to")
            }
            return opening.evidence
        case .logCreated, .act:
            return nil
        }
    }

    private static func failure(_ step: String, _ detail: String) -> CommandFailure {
        CommandFailure(.verificationFailed, "the receipt does not verify: \(step): \(detail)")
    }
}
