internal import EvidenceModel
internal import TransparencyLog

/// Why a text is no receipt.
struct ReceiptTextError: Error, Equatable, Sendable {
    let detail: String
}

/// Reads a receipt in either form: our JSON, or a C2SP tlog-proof with the record in `extra`.
enum ReceiptText {
    private static let proofMarker = "c2sp.org/tlog-proof"

    static func parse(_ bytes: [UInt8]) throws(ReceiptTextError) -> Receipt {
        guard bytes.starts(with: Array(proofMarker.utf8)) else {
            do throws(ReceiptError) {
                return try Receipt(parsing: bytes.span)
            } catch {
                throw ReceiptTextError(detail: "\(error)")
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ReceiptTextError(detail: "the proof is not UTF-8")
        }
        let proof: TlogProof
        do throws(TlogProofError) {
            proof = try TlogProof(parsing: text)
        } catch {
            throw ReceiptTextError(detail: "\(error)")
        }
        guard let record = proof.extra else {
            throw ReceiptTextError(detail: "the proof does not carry the record (extra)")
        }
        let checkpoint: Checkpoint
        do throws(NoteError) {
            checkpoint = try Checkpoint(parsing: proof.checkpoint.text)
        } catch {
            throw ReceiptTextError(detail: "\(error)")
        }
        return Receipt(
            index: proof.index,
            treeSize: checkpoint.size,
            record: record,
            leafHash: MerkleTree.leafHash(record.span),
            proof: proof.path,
            checkpoint: proof.checkpoint.encoded
        )
    }
}
