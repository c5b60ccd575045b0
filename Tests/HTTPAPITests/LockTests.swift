import EvidenceModel
import HTTPMessage
import Testing

@testable import HTTPAPI

/// Locks, policies, holds and events over HTTP.
@Suite struct LockTests {
    private let fixture: APIFixture

    init() throws { fixture = try APIFixture() }

    private func lock(_ index: Int) throws -> JSONValue? {
        try fixture.get("/v1/records/\(index)/lock").object()["lock"]
    }

    private func extend(_ index: Int, _ body: JSONObject) throws -> Reply {
        var body = body
        body["reason"] = "audit"
        return try fixture.act(.post, "/v1/records/\(index)/lock", body)
    }

    // MARK: Locks

    @Test func aLockIsExtendedOnceAndProven() throws {
        try fixture.put("x", "name=a&retainUntil=2030-01-01&mode=governance")
        let reply = try extend(1, ["until": "2031-01-01", "mode": "compliance"])
        #expect(reply.status == 201, "\(reply)")
        let expected: JSONValue = ["mode": "COMPLIANCE", "until": "2031-01-01T00:00:00Z"]
        #expect(try reply.object()["lock"] == expected)
        #expect(try reply.integer("act") == 2)
        let receipt = try #require(try reply.object()["receipt"])
        let proof = try Receipt(parsing: CanonicalJSON.encode(receipt).span)
        _ = try ReceiptVerification.verify(proof, payload: nil, keys: [fixture.key])
        #expect(String(decoding: proof.record, as: UTF8.self).contains("\"lock.extended\""))
        // The same again changes nothing.
        let again = try extend(1, ["until": "2031-01-01"])
        #expect(again.status == 200, "\(again)")
        #expect(try again.object()["act"] == nil)
        #expect(fixture.treeSize == 3)
        let state = try fixture.get("/v1/records/1/lock").object()
        #expect(state["lock"] == expected)
        guard case .array(let history)? = state["history"], history.count == 2,
            case .object(let entry) = history[1]
        else {
            Issue.record("not the history: \(state)")
            return
        }
        #expect(entry["event"] == "lock.extended")
        #expect(entry["principal"] == "anonymous")
        #expect(entry["reason"] == "audit")
        #expect(entry["lock"] == expected)
    }

    @Test func nobodyShortensOrWeakensALock() throws {
        try fixture.put("x", "name=a&retainUntil=2035-01-01")
        let shorter = try extend(1, ["until": "2034-12-31"])
        try expectProblem(shorter, 409, "locked", mentions: "never shortened", "2035-01-01")
        #expect(try shorter.string("lockedUntil") == "2035-01-01T00:00:00Z")
        #expect(try shorter.integer("index") == 1)
        let weaker = try extend(1, ["mode": "GOVERNANCE"])
        try expectProblem(weaker, 409, "locked", mentions: "never weakened")
        let past = try extend(1, ["until": "2020-01-01"])
        #expect(past.status == 422 || past.status == 409, "\(past)")
        let beyond = try extend(1, ["until": "2500-01-01"])
        try expectProblem(beyond, 422, "retention-refused", mentions: "100y")
        #expect(try extend(1, ["until": "9999-12-31T23:59:59.5Z"]).status == 422)
        try expectProblem(try extend(99, ["until": "2040-01-01"]), 404, "not-found")
        try expectProblem(try extend(0, ["until": "2040-01-01"]), 404, "not-found")
        #expect(try lock(1) == ["mode": "COMPLIANCE", "until": "2035-01-01T00:00:00Z"])
        #expect(fixture.treeSize == 2)
    }

    // MARK: Policies

    private let policy: JSONObject = [
        "default": "3y", "maximum": "10y", "minimum": "30d", "mode": "COMPLIANCE",
    ]

    @Test func aPolicyIsShownBeforeItIsSet() throws {
        try fixture.put("x", "name=a")
        let before = try lock(1)
        let target = "/v1/collections/tests/policy"
        let dry = try fixture.act(.put, target + "?dryRun=true", policy)
        #expect(dry.status == 200, "\(dry)")
        #expect(try dry.object()["dryRun"] == .bool(true))
        #expect(try dry.object()["act"] == nil)
        let changes = try dry.list("changes")
        #expect(changes.contains("default: 7y -> 3y"))
        #expect(changes.contains("minimum: 1s -> 30d"))
        #expect(fixture.treeSize == 2)

        let real = try fixture.act(.put, target, policy)
        #expect(real.status == 201, "\(real)")
        #expect(try real.object()["before"] == dry.object()["before"])
        #expect(try real.object()["after"] == .object(policy))
        #expect(try real.integer("act") == 2)
        let shown = try fixture.get(target).object()
        #expect(shown["policy"] == .object(policy))
        #expect(shown["act"] == .integer(2))
        let again = try fixture.act(.put, target, policy)
        #expect(again.status == 200, "\(again)")
        #expect(try again.object()["changes"] == .array([]))
        // What was locked stays as it is; what comes next goes by the new one.
        #expect(try lock(1) == before)
        #expect(try fixture.put("y", "name=b&retain=1d").status == 422)
        #expect(try fixture.put("y", "name=b&mode=governance").status == 422)
        let all = try fixture.get("/v1/policies").object()
        #expect(
            all["policies"]
                == .array([
                    ["act": .integer(2), "collection": "tests", "policy": .object(policy)]
                ])
        )
        try expectProblem(
            try fixture.act(.put, target + "?dryRun=maybe", policy),
            400,
            "bad-request"
        )
    }

    @Test func aSealedPolicySealsWhatComesNext() throws {
        try fixture.put("x", "name=open")
        var sealed = policy
        sealed["sealed"] = .bool(true)
        try fixture.act(.put, "/v1/collections/tests/policy", sealed)
        let receipt = try fixture.put("x", "name=hidden").receipt()
        #expect(receipt.opening != nil)
        #expect(!String(decoding: receipt.record, as: UTF8.self).contains("hidden"))
    }

    // MARK: Holds

    private func hold(_ body: JSONObject) throws -> Reply {
        var body = body
        body["reason"] = "subpoena"
        return try fixture.act(.post, "/v1/holds", body)
    }

    private func release(_ body: JSONObject) throws -> Reply {
        var body = body
        body["reason"] = "settled"
        return try fixture.act(.post, "/v1/holds/release", body)
    }

    private func matters(_ index: Int) throws -> JSONValue? {
        try fixture.get("/v1/records/\(index)/lock").object()["holds"]
    }

    @Test func holdsAreNamedAndReleased() throws {
        for name in ["a", "b", "c"] { try fixture.put(name, "name=\(name)") }
        let placed = try hold(["matter": "case/7", "records": .indexes(1, 2, 1)])
        #expect(placed.status == 201, "\(placed)")
        #expect(try placed.integer("count") == 2)
        #expect(try placed.object()["acts"] == .array([.integer(4)]))
        #expect(try placed.object()["refused"] == .array([]))
        #expect(try matters(1) == .array(["case/7"]))
        #expect(try matters(3) == .array([]))
        // Again, it changes nothing.
        let again = try hold(["matter": "case/7", "records": .indexes(2)])
        #expect(again.status == 200, "\(again)")
        #expect(try again.object()["acts"] == .array([]))
        let part = try release(["matter": "case/7", "records": .indexes(2)])
        #expect(part.status == 201, "\(part)")
        #expect(try matters(2) == .array([]))
        #expect(try matters(1) == .array(["case/7"]))
        let one = try fixture.get("/v1/holds/case/7").object()
        #expect(one["records"] == .array([.indexes(1, 1)]))
        #expect(one["released"] == .bool(false))
        #expect(try release(["matter": "case/7"]).status == 201)
        #expect(try matters(1) == .array([]))
        #expect(try fixture.get("/v1/holds/case%2F7").object()["released"] == .bool(true))
        let gone = try release(["matter": "case/7"])
        try expectProblem(gone, 409, "refused", mentions: "case/7", "released")
    }

    @Test func unknownMattersAreNamed() throws {
        try fixture.put("a")
        try expectProblem(try release(["matter": "none"]), 409, "refused", mentions: "none")
        try expectProblem(try fixture.get("/v1/holds/none"), 404, "not-found", mentions: "none")
        #expect(try fixture.get("/v1/holds/a%20b").status == 422)
        #expect(try fixture.get("/v1/holds").object()["matters"] == .array([]))
    }

    @Test func someRecordsMayBeRefusedAndOthersHeld() throws {
        try fixture.put("a")
        let reply = try hold(["matter": "m", "records": .indexes(0, 1, 77)])
        #expect(reply.status == 201, "\(reply)")
        #expect(try reply.integer("count") == 1)
        let refused = try reply.list("refused")
        #expect(refused.count == 2)
        for item in try reply.objects("refused") {
            guard case .object(let problem)? = item["problem"] else {
                Issue.record("no problem: \(item)")
                continue
            }
            #expect(problem["type"] == "https://strongroom.dev/problems/not-found")
        }
        let none = try hold(["matter": "m", "records": .indexes(0, 77)])
        try expectProblem(none, 404, "not-found")
        let all = try none.list("refused")
        #expect(all.count == 2)
    }

    @Test func aStandingHoldCoversWhatArrivesLater() throws {
        try fixture.put("a", "name=x/a&label=k%3Dv")
        try fixture.put("b", "name=y/b")
        let selection: JSONValue = [
            "collection": "tests", "prefix": "x/", "labels": ["k": "v"],
        ]
        let reply = try hold(["matter": "m", "selection": selection, "standing": .bool(true)])
        #expect(reply.status == 201, "\(reply)")
        #expect(try reply.integer("count") == 1)
        try fixture.put("c", "name=x/c&label=k%3Dv")
        try fixture.put("d", "name=x/d&label=k%3Dw")
        #expect(try matters(1) == .array(["m"]))
        #expect(try matters(2) == .array([]))
        #expect(try matters(4) == .array(["m"]))
        #expect(try matters(5) == .array([]))
    }

    // MARK: Events

    @Test func anEventStartsTheClock() throws {
        try fixture.act(
            .put,
            "/v1/collections/hr/policy",
            [
                "default": "2y", "event": "left", "maximum": "10y", "minimum": "1d",
                "mode": "COMPLIANCE",
            ]
        )
        try fixture.put("a", "name=a", collection: "hr")
        try fixture.put("b", "name=b")
        #expect(try lock(2) == ["duration": "2y", "event": "left", "mode": "COMPLIANCE"])
        let date = try extend(2, ["until": "2099-01-01"])
        #expect(date.status == 409 || date.status == 422, "\(date)")
        let reply = try fixture.act(
            .post,
            "/v1/events",
            [
                "event": "left", "at": "2026-11-01", "records": .indexes(2, 3),
                "reason": "resigned",
            ]
        )
        #expect(reply.status == 201, "\(reply)")
        #expect(try reply.integer("count") == 1)
        // From the receipt on: a date that the client states never makes it earlier.
        #expect(try lock(2) == ["mode": "COMPLIANCE", "until": "2028-11-21T00:00:00Z"])
        let item = try #require(try reply.objects("refused").first)
        #expect(item["index"] == .integer(3))
        let other = try fixture.act(
            .post,
            "/v1/events",
            ["event": "died", "records": .indexes(3), "reason": "r"]
        )
        try expectProblem(other, 409, "refused", mentions: "died")
    }

    @Test func anEventOfASelectionMayMeetNothing() throws {
        let reply = try fixture.act(
            .post,
            "/v1/events",
            ["event": "left", "selection": ["collection": "none"], "reason": "r"]
        )
        #expect(reply.status == 200, "\(reply)")
        #expect(try reply.integer("count") == 0)
    }
}
