import Attestation
import EvidenceModel
import EvidenceStore
import HTTPMessage
import TransparencyLog

extension ReadExchange {
    /// The parameters with which a checkpoint that witnesses have confirmed is asked for.
    static let cosignedParameters = ["cosigned", "before"]

    /// The checkpoint that a request asks for with `cosigned`; nil if it does not.
    ///
    /// `size`: of the tree that it must cover.
    func cosigned(
        _ query: Query,
        covering size: TreeSize
    ) throws(Refused) -> CosignedCheckpoint? {
        let isWanted = try query.flag("cosigned")
        let before = try query.timestamp("before")
        guard isWanted else {
            guard before == nil else {
                throw Refused(.badRequest, "'before' goes with 'cosigned=true'.")
            }
            return nil
        }
        guard let witnesses = api.witnesses else {
            throw Refused(
                .noWitnesses,
                "This server asks no witnesses ('witnesses.policyFile' in its configuration), so "
                    + "nothing is cosigned. Ask without 'cosigned' for what the log alone has "
                    + "signed."
            )
        }
        if let before {
            let seconds = UInt64(max(0, before.milliseconds / 1000))
            let found = try refusing { () throws(StoreError) in
                try witnesses.newest(covering: size, before: seconds)
            }
            if let found { return found }
            throw Refused(
                .notFound,
                "No checkpoint of \(size) records or more is kept that witnesses cosigned before "
                    + "\(before.rfc3339)."
            )
        }
        if let found = witnesses.newest(covering: size) { return found }
        throw Refused(
            Problem(
                .notCosigned,
                "The witnesses have not cosigned a checkpoint of \(size) records yet; they are "
                    + "asked every \(witnesses.configuration.everySeconds) s while the log grows.",
                retryAfterSeconds: Int(clamping: witnesses.configuration.everySeconds)
            )
        )
    }
}

extension Receipt {
    /// The same receipt with another note of the same checkpoint.
    func with(_ note: String) -> Receipt {
        Receipt(
            index: index,
            treeSize: treeSize,
            record: record,
            leafHash: leafHash,
            proof: proof,
            checkpoint: note,
            opening: opening
        )
    }
}
