import EvidenceModel
import HTTPMessage
import Platform
import Replication

// Targets, and how they stand.

extension ReadExchange {
    /// `GET /v1/targets`.
    func targets() throws(Refused) -> Response {
        try noQuery()
        let statuses = api.targets.statuses()
        return .json(["targets": .array(statuses.map { .object(api.json(of: $0)) })])
    }

    /// `GET /v1/targets/{name}`.
    func target(_ text: String) throws(Refused) -> Response {
        try noQuery()
        let name = try limiting { () throws(LimitViolation) in try TargetName(text) }
        let status = try targeting { () throws(TargetError) in
            try api.targets.status(of: name)
        }
        return .json(api.json(of: status))
    }
}

extension EvidenceAPI {
    /// How a target stands, with the comparison that runs, if one does.
    func json(of status: TargetStatus) -> JSONObject {
        var object = status.json
        if let run = reconciliations.last(status.description.name), run.outcome == nil {
            object["reconciling"] = .object(["percent": .integer(run.percent)])
        }
        return object
    }
}
