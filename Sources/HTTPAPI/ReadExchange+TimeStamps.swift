import Attestation
import Cryptography
import EvidenceModel
import EvidenceStore
import HTTPMessage
import TransparencyLog

// Time-stamps of checkpoints.

extension ReadExchange {
    private static let standardLimit = 100
    private static let maximumLimit = 1000

    /// `GET /v1/timestamps`.
    func timestamps() throws(Refused) -> Response {
        let query = try Query(head.target, known: ["below", "limit"])
        let limit = try query.limit(Self.maximumLimit) ?? Self.standardLimit
        let below = try query.number("below").map { TreeSize($0) }
        let found = api.timestamps?.list(below: below, limit: limit + 1) ?? []
        let last = found.prefix(limit).last?.key.size
        let shown = found.filter { facts in last.map { facts.key.size >= $0 } ?? false }
        var object: JSONObject = ["timestamps": .array(shown.map { .object($0.json) })]
        if shown.count < found.count, let last {
            object["below"] = .integer(Int64(last.value))
        }
        return .json(object)
    }

    /// `GET /v1/timestamps/{size}/{authority}`.
    func timestamp(_ size: String, _ authority: String) throws(Refused) -> Response {
        let query = try Query(head.target, known: ["form"])
        let form = query.first("form") ?? "token"
        let entry = try entry(size, authority)
        switch form {
        case "token":
            return .bytes(
                entry.record.first.token.encoded,
                "application/vnd.etsi.timestamp-token"
            )
        case "evidence-record":
            return .bytes(entry.record.encoded, "application/octet-stream")
        case "checkpoint":
            return .bytes(Array(entry.note.utf8), "text/plain; charset=utf-8")
        case "text":
            do throws(NoteError) {
                return .bytes(
                    try TimeStampEntry.text(of: entry.note),
                    "text/plain; charset=utf-8"
                )
            } catch { throw Refused(.damaged, "The stamped note cannot be read: \(error).") }
        default:
            throw Refused(
                .badRequest,
                "'form' must be token, evidence-record, checkpoint or text."
            )
        }
    }

    private func entry(
        _ size: String,
        _ authority: String
    ) throws(Refused) -> TimeStampEntry {
        guard let number = Query.number(size), TimeStampAuthority.isName(authority) else {
            throw Refused(
                .notFound,
                "A time-stamp is named by a tree's size and an authority: "
                    + "/v1/timestamps/1000/NAME."
            )
        }
        let key = TimeStampKey(size: TreeSize(number), authority: authority)
        let found = try refusing { () throws(StoreError) in try api.timestamps?.entry(key) }
        guard let entry = found else {
            throw Refused(
                .notFound,
                "There is no time-stamp of the tree of size \(number) by '\(authority)'; "
                    + "/v1/timestamps lists those that there are."
            )
        }
        return entry
    }
}
