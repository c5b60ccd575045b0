import Cryptography
import EvidenceBundle
import EvidenceModel
import EvidenceStore
import HTTPMessage
import TransparencyLog

extension ActHandler {
    /// `POST /v1/exports`: fixes what is handed out, and puts the bundle together.
    func createExport() throws(Refused) -> Response {
        let members = try members([
            "collection", "prefix", "labels", "digest", "since", "until", "matter", "reason",
        ])
        let selection = try members.exportSelection()
        let reason = try members.reason()
        if selection.collection == nil {
            guard request.seesEverything else {
                throw Refused(
                    .forbidden,
                    "'\(request.principal.name)' is limited to collections: name one of them in "
                        + "'collection'."
                )
            }
        } else if !request.principal.may(.readEvidence, in: selection.collection) {
            // What lies outside of a caller's collections does not exist for it.
            throw Refused(.notFound, "no evidence is meant by that")
        }
        let bundle = try refusing { () throws(StoreError) in
            try request.api.exports.export(selection, by: request.principal, reason: reason)
        }
        let receipt = try refusing { () throws(StoreError) in
            try store.receipt(for: bundle.index, size: TreeSize(bundle.index.value + 1))
        }
        guard case .act(let act)? = try? Record(parsing: receipt.record.span),
            case .accessExported(let export) = act.act
        else { throw Refused(.damaged, "The log took the export and wrote something else.") }
        var response = reply(
            [
                "evidence": .integer(Int64(export.count)), "id": .index(bundle.index),
                "receipt": .object(receipt.json), "size": .integer(Int64(bundle.sizeBytes)),
            ],
            isNew: true
        )
        response.fields.append("Location", "/v1/exports/\(bundle.index)")
        return response
    }
}

extension BodyMembers {
    fileprivate func exportSelection() throws(Refused) -> ExportSelection {
        let collection = try collection()
        let pairs = try pairs("labels") ?? []
        let since = try time("since")
        let until = try time("until")
        let prefix = try string("prefix")
        var digest: SHA256Digest?
        if let text = try string("digest") {
            guard let found = SHA256Digest(hex: text) else {
                throw Refused(.limit, "'digest' must be 64 lowercase hexadecimal digits.")
            }
            digest = found
        }
        var matter: Matter?
        if let text = try string("matter") {
            matter = try limiting { () throws(LimitViolation) in try Matter(text) }
        }
        return try limiting { () throws(LimitViolation) in
            try ExportSelection(
                collection: collection,
                namePrefix: prefix,
                labels: try Labels(pairs),
                payloadDigest: digest,
                since: since,
                until: until,
                matter: matter
            )
        }
    }
}
