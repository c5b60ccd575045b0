import EvidenceModel
import EvidenceStore
import HTTPMessage
import Replication
import TransparencyLog

// What locks, holds and erasures stand in the log, and who may use it.

extension ReadExchange {
    func lock(_ index: RecordIndex) throws(Refused) -> Response {
        try noQuery()
        _ = try request.facts(of: index, for: .readLock)
        let report = try refusing { () throws(StoreError) in try api.store.lockReport(of: index) }
        var object = report.json
        object["copies"] = .array(copies(of: index, erasure: report.standing.erased))
        return .json(object)
    }

    /// Where the record's payload stands: on the server's disk, and in each target.
    private func copies(of index: RecordIndex, erasure: RecordIndex?) -> [JSONValue] {
        func copy(_ name: String, _ state: String) -> JSONValue {
            .object(["copy": .string(name), "state": .string(state)])
        }
        func state(_ unpurged: [RecordIndex: IndexRanges]) -> String? {
            erasure.map { unpurged[$0] == nil ? "gone" : "erased" }
        }
        let statuses = api.targets.statuses()
        // A log that must not sign has no word with its targets.
        let isAsking = api.store.readOnly == nil
        return api.store.withState { log in
            [copy("local", state(log.unpurged) ?? "present")]
                + statuses.map { status in
                    let name = status.description.name
                    let isThere = index.value < status.replicated.value
                    let word = isAsking ? isThere ? "present" : "pending" : "unknown"
                    return copy(name.text, state(log.unpurged(in: name)) ?? word)
                }
        }
    }

    /// The deletion certificate.
    func erasure(_ index: RecordIndex) throws(Refused) -> Response {
        try noQuery()
        _ = try request.facts(of: index, for: .readLock)
        let certificate = try refusing { () throws(StoreError) in
            try api.store.certificate(for: index)
        }
        guard let certificate else {
            throw Refused(.notFound, "Record \(index) was not erased.")
        }
        return try receipt(of: certificate)
    }

    // MARK: Policies

    func policies() throws(Refused) -> Response {
        try noQuery()
        let policies = api.store.withState { $0.policies }
        return .json([
            "policies": .array(
                policies.map { collection, policy, index in
                    .object([
                        "act": .index(index), "collection": .string(collection.text),
                        "policy": policy.json,
                    ])
                }
            ), "standard": api.store.standardPolicy.json,
        ])
    }

    func policy(_ name: String) throws(Refused) -> Response {
        try noQuery()
        let collection = try limiting { () throws(LimitViolation) in try CollectionName(name) }
        let index = api.store.withState { $0.policyIndex(for: collection) }
        var object: JSONObject = [
            "collection": .string(collection.text),
            "policy": api.store.policy(for: collection).json,
        ]
        object["act"] = index.map { .index($0) }
        return .json(object)
    }

    func census(_ name: String) throws(Refused) -> Response {
        try noQuery()
        let collection = try limiting { () throws(LimitViolation) in try CollectionName(name) }
        guard let index = api.store.withState({ $0.census(of: collection) }) else {
            throw Refused(
                .notFound,
                "No census names the collection \(collection) yet; there is one at every seal of "
                    + "a segment in which it changed."
            )
        }
        return try receipt(of: index)
    }

    private func receipt(of index: RecordIndex) throws(Refused) -> Response {
        let receipt = try refusing { () throws(StoreError) in try api.store.receipt(for: index) }
        return .bytes(receipt.encodedJSON, "application/json")
    }

    // MARK: Holds

    func holds() throws(Refused) -> Response {
        try noQuery()
        let matters = api.store.withState { $0.matters }
        let sorted = matters.sorted { $0.key < $1.key }
        return .json(["matters": .array(sorted.map { .object($0.value.json($0.key)) })])
    }

    func hold(_ name: String) throws(Refused) -> Response {
        try noQuery()
        let matter = try limiting { () throws(LimitViolation) in try Matter(name) }
        guard let found = api.store.withState({ $0.matters[matter] }) else {
            throw Refused(.notFound, "There is no matter '\(matter)'; GET /v1/holds lists them.")
        }
        return .json(found.json(matter))
    }

    // MARK: Erasures

    /// `GET /v1/erasures/due`.
    func due() throws(Refused) -> Response {
        let query = try Query(
            head.target,
            known: ["collection", "whyNot", "limit", "cursor"]
        )
        var collection: CollectionName?
        if let text = query.first("collection") {
            collection = try limiting { () throws(LimitViolation) in try CollectionName(text) }
        }
        var wanted = DueQuery()
        wanted.collection = collection
        wanted.includesNotDue = try query.flag("whyNot")
        wanted.after = try query.number("cursor").map { RecordIndex($0) }
        wanted.limit = try query.limit(SearchQuery.limitMaximum) ?? 100
        let page = try refusing { () throws(StoreError) in try api.store.due(wanted) }
        var object: JSONObject = ["due": .array(page.entries.map(\.json))]
        object["cursor"] = page.next.map { .string(String($0.value)) }
        return .json(object)
    }

    // MARK: Tokens and clock

    func tokens() throws(Refused) -> Response {
        try noQuery()
        let clock = api.store.clock.reading
        let tokens = api.store.withState { $0.tokens }
        return .json(["tokens": .array(tokens.map { $0.json(at: clock) })])
    }

    /// The keys with which the log signs or signed.
    func keys() throws(Refused) -> Response {
        try noQuery()
        return .json(["keys": api.store.withState { $0.keys.json }])
    }

    func clock() throws(Refused) -> Response {
        try noQuery()
        return .json(api.clockState)
    }
}
