import TransparencyLog

/// A record that its receipt proves to be in the log of a trusted key.
struct ProvenRecord {
    let index: RecordIndex
    let record: Record
    let leafHash: MerkleHash
    /// The checkpoint that covers it.
    let checkpoint: Checkpoint

    /// Verifies a receipt; the payload is no part of this.
    ///
    /// - Throws: `VerificationFailure` of the first step that fails.
    init(_ receipt: Receipt, keys: [VerifierKey]) throws(VerificationFailure) {
        _ = try ReceiptVerification.verify(receipt, payload: nil, keys: keys)
        index = receipt.index
        leafHash = receipt.leafHash
        do throws(RecordError) {
            record = try Record(parsing: receipt.record.span)
        } catch {
            throw VerificationFailure(step: .record, expected: "a record", found: "\(error)")
        }
        // Its signature has been verified above, over these bytes.
        do throws(NoteError) {
            checkpoint = try Checkpoint(parsing: SignedNote(parsing: receipt.checkpoint).text)
        } catch {
            throw VerificationFailure(
                step: .checkpoint,
                expected: "a checkpoint",
                found: "\(error)"
            )
        }
    }

    /// Whether two records are of one log, as far as their checkpoints show.
    ///
    /// That the larger tree begins with the smaller one takes a consistency proof; two different
    /// trees of one size are not of one log without any.
    func isOfSameLog(as other: ProvenRecord) -> Bool {
        checkpoint.origin.hasSameBytes(as: other.checkpoint.origin)
            && (checkpoint.size != other.checkpoint.size
                || checkpoint.root == other.checkpoint.root)
    }
}
