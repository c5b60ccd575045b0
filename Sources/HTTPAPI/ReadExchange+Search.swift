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
        var object: JSONObject = [
            "checkpoint": .string(page.checkpoint.note),
            "entries": .array(page.entries.map { .object(Self.entry($0)) }),
            "range": .object(Self.range(page.looked, sequences)),
            "treeSize": .integer(Int64(page.treeSize.value)),
        ]
        if let next = page.next { object["cursor"] = .string(String(next.value)) }
        return .json(object)
    }

    /// What was looked through, and which of the collection's numbers are in it.
    private static func range(
        _ looked: Range<UInt64>,
        _ sequences: ClosedRange<UInt64>?
    ) -> JSONObject {
        var object: JSONObject = [
            "before": .integer(Int64(looked.upperBound)),
            "from": .integer(Int64(looked.lowerBound)),
        ]
        object["sequences"] = sequences.map {
            [
                "first": .integer(Int64($0.lowerBound)), "last": .integer(Int64($0.upperBound)),
            ]
        }
        return object
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

    /// A result: what the record says, and of a sealed one what its opening says.
    private static func entry(_ stored: StoredRecord) -> JSONObject {
        var object: JSONObject = ["index": .integer(Int64(stored.index.value))]
        object["collection"] = stored.record.collection.map { .string($0.text) }
        object["received"] = .string(stored.record.received.rfc3339)
        object["sequence"] = stored.record.sequence.map { .integer(Int64($0.value)) }
        object["lock"] = stored.record.lock?.json
        if case .sealedEvidence = stored.record {
            object["sealed"] = .bool(true)
        } else {
            object["sealed"] = .bool(false)
        }
        guard let description = stored.description else { return object }
        object["name"] = .string(description.name.text)
        object["mediaType"] = .string(description.mediaType.text)
        object["sha256"] = .string(description.payloadDigest.hex)
        object["size"] = .integer(Int64(description.payloadSize))
        var labels = JSONObject()
        for label in description.labels.sorted { labels[label.key] = .string(label.value) }
        object["labels"] = .object(labels)
        return object
    }
}
