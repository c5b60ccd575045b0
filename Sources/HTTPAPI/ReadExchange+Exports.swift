import Cryptography
import EvidenceBundle
import EvidenceModel
import EvidenceStore
import HTTPMessage
import TransparencyLog

extension ReadExchange {
    /// `GET /v1/exports/{id}`: the bundle, or a part of it.
    func export(_ index: RecordIndex) throws(Refused) -> Response {
        try noQuery()
        try checkExport(index)
        let bundle = try refusing { () throws(StoreError) in try api.exports.bundle(index) }
        let reader = try refusing { () throws(StoreError) in try bundle.reader() }
        let tag = EntityTag(bundle.tag.hex)
        var fields = HTTPFields([
            "Content-Type": "application/x-tar", "Accept-Ranges": "bytes",
            "Content-Disposition": "attachment; filename=\"bundle-\(index).tar\"",
        ])
        fields.append("ETag", tag.text)
        fields.append("X-Content-Type-Options", "nosniff")
        if tag.matches(ifNoneMatch: head.fields.all("if-none-match")) {
            return Response(status: 304, fields: fields)
        }
        return ranged(fields, tag, lengthBytes: bundle.sizeBytes) { range in
            RangeBody(range, self.api.log) { offset, limit throws(StoreError) in
                try reader.read(at: offset, limit: limit)
            }
        }
    }

    /// Who is limited to collections gets bundles of these only.
    private func checkExport(_ index: RecordIndex) throws(Refused) {
        let missing = Refused(.notFound, "There is no export \(index) that you may see.")
        guard case .accessExported(let export) = try request.export(index, missing).act else {
            throw missing
        }
        guard request.seesEverything || request.mayRead(export.selection.collection) else {
            throw missing
        }
    }
}

extension APIRequest {
    fileprivate func export(
        _ index: RecordIndex,
        _ missing: Refused
    ) throws(Refused) -> ActRecord {
        do throws(StoreError) {
            if let act = try api.store.record(at: index).record.actRecord { return act }
        } catch {
            guard case .notFound = error else { throw Refused(error) }
        }
        throw missing
    }

    /// Whether all that a selection can hold may be read.
    fileprivate func mayRead(_ collection: CollectionName?) -> Bool {
        collection.map { principal.may(.readEvidence, in: $0) } ?? false
    }
}
