import EvidenceModel
import EvidenceStore
import HTTPMessage
import TransparencyLog

// Erasing what is due, and bypassing GOVERNANCE locks.

extension ActHandler {
    /// `POST /v1/erasures`: one at a time, and it may take long.
    func erase() throws(Refused) -> Response {
        let members = try members(["collection", "records", "reason"])
        let reason = try members.reason()
        let collection = try members.collection()
        var wanted = try members.indexes("records", limit: Self.maximumRecords)
        var found: [RefusedRecord] = []
        guard collection == nil || wanted == nil else {
            throw Refused(.badRequest, "Give 'collection' or 'records', not both.")
        }
        if let collection {
            try request.require(.erase, in: collection)
        } else if wanted == nil {
            try request.require(.erase, in: nil)
        }
        if let records = wanted {
            let (facts, refused) = try facts(of: records, for: .erase)
            (wanted, found) = (IndexRanges(facts.map(\.index)), refused)
        }
        let report = try refusing { () throws(StoreError) in
            try store.eraseDue(
                collection: collection,
                records: wanted,
                by: request.principal,
                reason: reason
            )
        }
        return try reply(report, after: found, names: wanted != nil)
    }

    /// `POST /v1/erasures/bypass`.
    func bypass() throws(Refused) -> Response {
        let members = try members(["records", "reason"])
        let reason = try members.requiredReason()
        guard let records = try members.indexes("records", limit: Self.maximumRecords) else {
            throw members.missing("records")
        }
        let (facts, found) = try facts(of: records, for: .bypass)
        let report = try refusing { () throws(StoreError) in
            try store.bypass(
                IndexRanges(facts.map(\.index)),
                by: request.principal,
                reason: reason
            )
        }
        return try reply(report, after: found, names: true)
    }

    /// `names`: the request named records; if none of them is left, it is refused.
    private func reply(
        _ report: ErasureReport,
        after found: [RefusedRecord],
        names: Bool
    ) throws(Refused) -> Response {
        let refused =
            found
            + report.refused.map { index, refusal in
                RefusedRecord(index: index, problem: Problem(refusal, at: index))
            }
        if names, report.acts.isEmpty, !refused.isEmpty { throw Refused(allOf: refused) }
        let object: JSONObject = [
            "acts": .array(report.acts.map { .index($0) }),
            "erased": .integer(Int64(report.erased)), "refused": .array(refused.map(\.json)),
        ]
        return reply(object, isNew: !report.acts.isEmpty)
    }
}
