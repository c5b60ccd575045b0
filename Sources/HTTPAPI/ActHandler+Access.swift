import EvidenceModel
import EvidenceStore
import HTTPMessage
import TransparencyLog

// Tokens, the clock, keys, and the end of the log.

extension ActHandler {
    /// `POST /v1/tokens`.
    func createToken() throws(Refused) -> Response {
        let grant = try grant(
            try members(["name", "role", "rights", "collections", "expires"])
        )
        let (token, outcome) = try refusing { () throws(StoreError) in
            try store.createToken(grant, by: request.principal)
        }
        let (act, receipt) = try only(outcome)
        return reply(
            [
                "act": act, "name": .string(grant.name.text), "receipt": receipt,
                "token": .string(token),
            ],
            isNew: true
        )
    }

    private func grant(_ members: BodyMembers) throws(Refused) -> AccessGrant {
        let name = try members.principalName()
        guard !name.isReserved else { throw Refused(Problem(.tokenNameReserved(name))) }
        let role = try members.requiredString("role")
        guard let role = Role(rawValue: role) else {
            let all = Role.allCases.map(\.rawValue).joined(separator: ", ")
            throw Refused(.limit, "'role' must be one of \(all), not '\(Query.excerpt(role))'.")
        }
        var rights: Set<Right> = []
        for text in try members.strings("rights", limit: 8) ?? [] {
            guard let right = Right(rawValue: text) else {
                throw Refused(.limit, "There is no right '\(Query.excerpt(text))'; see 'bypass'.")
            }
            rights.insert(right)
        }
        var collections: Set<CollectionName>?
        if let names = try members.strings("collections", limit: 256) {
            guard !names.isEmpty else {
                throw Refused(
                    .limit,
                    "'collections' is empty; leave it out for all, or name at least one."
                )
            }
            collections = []
            for text in names {
                let name = try limiting { () throws(LimitViolation) in try CollectionName(text) }
                collections?.insert(name)
            }
        }
        return AccessGrant(
            name: name,
            role: role,
            rights: rights,
            collections: collections,
            expires: try members.expiry(from: store.clock.reading.granting)
        )
    }

    /// `POST /v1/tokens/revoke`.
    func revokeToken() throws(Refused) -> Response {
        let name = try members(["name"]).principalName()
        guard store.withState({ state in state.tokens.contains { $0.name == name } }) else {
            throw Refused(.notFound, "There is no token '\(name)'; GET /v1/tokens lists them.")
        }
        let outcome = try refusing { () throws(StoreError) in
            try store.revokeToken(name, by: request.principal)
        }
        let (act, receipt) = try only(outcome)
        return reply(["act": act, "name": .string(name.text), "receipt": receipt], isNew: true)
    }

    /// `POST /v1/clock/resync`.
    func resync() throws(Refused) -> Response {
        let reason = try members(["reason"]).requiredReason()
        let outcome = try refusing { () throws(StoreError) in
            try store.resync(by: request.principal, reason: reason)
        }
        switch outcome {
        case .pending:
            var response = Response.json(request.api.clockState)
            response.status = 202
            return response
        case .done(let outcome):
            let (act, receipt) = try only(outcome)
            var object: JSONObject = ["act": act, "receipt": receipt]
            if case .clockResynced(let from, let to, _)? = outcome.records.first?.record.act {
                object["from"] = .string(from.rfc3339)
                object["to"] = .string(to.rfc3339)
            }
            return reply(object, isNew: true)
        }
    }

    /// How long earlier keys sign along, unless the caller says otherwise.
    private static let standardOverlap = "30d"

    /// `POST /v1/keys`.
    func rotateKey() throws(Refused) -> Response {
        let members = try members(["overlap", "reason"])
        let text = try members.string("overlap") ?? Self.standardOverlap
        let overlap = try limiting { () throws(LimitViolation) in
            try RetentionDuration(parsing: text)
        }
        let reason = try members.requiredReason()
        let outcome = try refusing { () throws(StoreError) in
            try store.rotateKey(overlap: overlap, by: request.principal, reason: reason)
        }
        let (act, receipt) = try only(outcome)
        return reply(
            ["act": act, "keys": store.withState { $0.keys.json }, "receipt": receipt],
            isNew: true
        )
    }

    /// `POST /v1/log/close`.
    func closeLog() throws(Refused) -> Response {
        let reason = try members(["reason"]).requiredReason()
        let (act, receipt) = try only(try propose(.close, reason))
        return reply(["act": act, "receipt": receipt], isNew: true)
    }
}
