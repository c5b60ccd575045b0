import Cryptography
import EvidenceModel
import EvidenceStore
import HTTPMessage
import Testing
import TransparencyLog

@testable import HTTPAPI

/// Pages of results are written by hand: they must be what an encoder makes of their members.
@Suite struct SearchTextTests {
    private let fixture: APIFixture

    init() throws {
        fixture = try APIFixture()
        try fixture.put("plain", "name=a")
        let odd =
            "name=%22quoted%5C%22%2Fs%C3%A9%F0%9F%98%80&label=z%3D1&label=a%2Fb%3D%22%5C%C3%BC"
        try fixture.put("odd", odd, [("Content-Type", "text/plain; charset=\"utf-8\"")])
        try fixture.seal("secret")
        try fixture.put("sealed", "name=s&label=k%3Dv", collection: "secret")
        try fixture.put("gone", "name=erased&retain=1s", collection: "secret")
        let policy: JSONObject = [
            "default": "1y", "event": "end", "maximum": "10y", "minimum": "1s",
            "mode": "COMPLIANCE",
        ]
        let reply = try fixture.act(.put, "/v1/collections/waiting/policy", policy)
        #expect(reply.status == 201, "\(reply)")
        try fixture.put("waits", "name=w", collection: "waiting")
        fixture.clock.pass(seconds: 3)
        #expect(try fixture.act(.post, "/v1/erasures", ["reason": "r"]).status == 201)
    }

    private func entry(_ stored: StoredRecord) -> JSONValue {
        var object: JSONObject = [
            "index": .integer(Int64(stored.index.value)),
            "received": .string(stored.record.received.rfc3339),
        ]
        object["collection"] = stored.record.collection.map { .string($0.text) }
        object["sequence"] = stored.record.sequence.map { .integer(Int64($0.value)) }
        object["lock"] = stored.record.lock?.json
        object["sealed"] = .bool(false)
        if case .sealedEvidence = stored.record { object["sealed"] = .bool(true) }
        guard let description = stored.description else { return .object(object) }
        object["name"] = .string(description.name.text)
        object["mediaType"] = .string(description.mediaType.text)
        object["sha256"] = .string(description.payloadDigest.hex)
        object["size"] = .integer(Int64(description.payloadSize))
        var labels = JSONObject()
        for label in description.labels.sorted { labels[label.key] = .string(label.value) }
        object["labels"] = .object(labels)
        return .object(object)
    }

    @Test(arguments: [
        "", "?limit=2", "?limit=1&cursor=3", "?collection=secret", "?collection=waiting",
        "?collection=absent", "?prefix=nothing",
    ])
    func aPageIsTheCanonicalFormOfItsMembers(query: String) throws {
        let reply = try fixture.get("/v1/search" + query)
        #expect(reply.status == 200, "\(reply)")
        // Refuses what is not canonical to the byte.
        let page = try JSONValue(parsing: reply.body.span, form: .canonical)
        guard case .object(let object) = page, case .array(let entries)? = object["entries"] else {
            Issue.record("\(reply)")
            return
        }
        let names = Set(object.members.map(\.name))
        #expect(names.subtracting(["cursor"]) == ["checkpoint", "entries", "range", "treeSize"])
        #expect(names.contains("cursor") == query.contains("limit"))
        for value in entries {
            guard case .object(let found) = value, case .integer(let index)? = found["index"]
            else {
                Issue.record("an entry without an index: \(reply)")
                continue
            }
            let stored = try fixture.store.record(at: RecordIndex(UInt64(index)))
            #expect(value == entry(stored))
        }
        if query.isEmpty { #expect(entries.count == 5) }
    }
}
