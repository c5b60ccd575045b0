import Cryptography
import EvidenceModel
import EvidenceStore
import HTTPMessage
import TransparencyLog

extension ReadExchange {
    /// `GET /v1/search`: a page of evidence, newest first.
    func search() throws(Refused) -> Response {
        let query = try Query(
            head.target,
            known: ["collection", "prefix", "digest", "since", "until", "limit", "cursor"],
            repeatable: ["label"]
        )
        let wanted = try searchQuery(query)
        let (page, sequences) = try refusing { () throws(StoreError) in
            let page = try api.store.search(wanted)
            return (
                page,
                try wanted.collection.flatMap { collection throws(StoreError) in
                    try api.store.sequences(of: collection, in: page.looked)
                }
            )
        }
        return .bytes(SearchText(page, sequences: sequences).bytes, "application/json")
    }

    private func searchQuery(_ query: Query) throws(Refused) -> SearchQuery {
        var wanted = SearchQuery()
        if let text = query.first("collection") {
            wanted.collection = try limiting { () throws(LimitViolation) in
                try CollectionName(text)
            }
        }
        wanted.namePrefix = query.first("prefix")
        let labels = try limiting { () throws(LimitViolation) in
            try Labels(userInput: query.all("label"))
        }
        wanted.labels = labels.sorted.map { ($0.key, $0.value) }
        if let text = query.first("digest") {
            guard let digest = SHA256Digest(hex: text) else {
                throw Refused(.badRequest, "'digest' must be 64 lowercase hexadecimal digits.")
            }
            wanted.digest = digest
        }
        wanted.since = try query.timestamp("since")
        wanted.until = try query.timestamp("until")
        if let limit = try query.limit(SearchQuery.limitMaximum) { wanted.limit = limit }
        wanted.before = try query.number("cursor").map { RecordIndex($0) }
        return wanted
    }
}
