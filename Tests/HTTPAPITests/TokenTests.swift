import EvidenceModel
import EvidenceStore
import HTTPMessage
import Testing
import TransparencyLog

@testable import HTTPAPI

/// Tokens, the clock, the end of the log, and what is recorded of reads.
@Suite struct TokenTests {
    // MARK: Tokens

    @Test func aTokenIsShownOnceAndItsSecretIsNowhere() throws {
        let fixture = try APIFixture()
        let reply = try fixture.act(.post, "/v1/tokens", ["name": "root", "role": "admin"])
        #expect(reply.status == 201, "\(reply)")
        let token = try #require(try reply.string("token"))
        let form = try Regex("strongroom_[0-9a-f]{12}_[A-Za-z0-9_-]{43}")
        #expect(token.wholeMatch(of: form) != nil)
        fixture.token = token
        let list = try fixture.get("/v1/tokens")
        #expect(!list.text.contains(token.suffix(43)))
        let entry = try #require(try list.objects("tokens").first)
        #expect(entry["name"] == "root")
        #expect(entry["state"] == "active")
        #expect(entry["createdBy"] == "anonymous")
        let act = try #require(try reply.integer("act"))
        #expect(act == 1)
        let record = String(
            decoding: try fixture.store.record(at: RecordIndex(UInt64(act))).bytes,
            as: UTF8.self
        )
        #expect(!record.contains(token.suffix(43)))
        #expect(record.contains("\"token\":\"root\""))
    }

    @Test func theFirstTokenMustBeAnAdmins() throws {
        let fixture = try APIFixture()
        let reply = try fixture.act(.post, "/v1/tokens", ["name": "w", "role": "writer"])
        try expectProblem(reply, 403, "forbidden", mentions: "admin")
        // Nothing was changed by that: the log is still open to all, and the name is free.
        #expect(fixture.treeSize == 1)
        let admin = try fixture.makeToken("root", ["role": "admin"])
        #expect(try fixture.get("/v1/search").status == 401)
        try fixture.makeToken("w", ["role": "writer"], by: admin)
    }

    @Test func namesAreNeverUsedAgain() throws {
        let fixture = try APIFixture()
        fixture.token = try fixture.makeToken("root", ["role": "admin"])
        let token = try fixture.makeToken("w", ["role": "writer"])
        let twice = try fixture.act(.post, "/v1/tokens", ["name": "w", "role": "writer"])
        try expectProblem(twice, 409, "refused", mentions: "w")
        // The first one is untouched by the attempt.
        #expect(
            try fixture.put("x", "name=a", [("Authorization", "Bearer \(token)")]).status == 201
        )
        #expect(try fixture.act(.post, "/v1/tokens/revoke", ["name": "w"]).status == 201)
        let again = try fixture.act(.post, "/v1/tokens", ["name": "w", "role": "writer"])
        try expectProblem(again, 409, "refused", mentions: "never given again")
        let unknown = try fixture.act(.post, "/v1/tokens/revoke", ["name": "nobody"])
        try expectProblem(unknown, 404, "not-found", mentions: "nobody")
    }

    @Test func revokedAndExpiredTokensStopAtOnce() throws {
        let fixture = try APIFixture()
        fixture.token = try fixture.makeToken("root", ["role": "admin"])
        let writer = ("Authorization", "Bearer \(try fixture.makeToken("w", ["role": "writer"]))")
        let short = try fixture.makeToken("s", ["role": "writer", "expires": "10s"])
        let brief = ("Authorization", "Bearer \(short)")
        #expect(try fixture.put("x", "name=a", [writer]).status == 201)
        #expect(try fixture.put("x", "name=b", [brief]).status == 201)

        // One whose body is on the way is not let through either.
        let head = try APIFixture.head(
            .post,
            "/v1/collections/tests/evidence?name=late",
            [writer],
            body: [1]
        )
        let late = fixture.api.exchange(for: head)
        #expect(late.begin() == nil)
        try fixture.act(.post, "/v1/tokens/revoke", ["name": "w"])
        let size = fixture.treeSize
        try expectProblem(try fixture.finish(late, body: [1]), 401, "unauthorized")
        try expectProblem(try fixture.put("x", "name=c", [writer]), 401, "unauthorized")
        fixture.clock.pass(seconds: 11)
        try expectProblem(try fixture.put("x", "name=d", [brief]), 401, "unauthorized")
        #expect(fixture.treeSize == size)
        let list = try fixture.get("/v1/tokens").text
        for state in ["active", "expired", "revoked"] {
            #expect(list.contains("\"state\":\"\(state)\""))
        }
    }

    @Test func evidenceAndKeysBelongToTheirPrincipal() throws {
        let fixture = try APIFixture()
        let admin = try fixture.makeToken("root", ["role": "admin"])
        let names = ["ci:one", "ci:two"]
        let fields = try names.map { name in
            (
                "Authorization",
                "Bearer \(try fixture.makeToken(name, ["role": "writer"], by: admin))"
            )
        }
        let key = ("Idempotency-Key", "k")
        let first = try fixture.put("x", "name=a", [fields[0], key])
        let second = try fixture.put("y", "name=b", [fields[1], key])
        #expect(first.status == 201)
        // The same key of somebody else is another key.
        #expect(second.status == 201, "\(second)")
        #expect(try fixture.put("x", "name=a", [fields[0], key]).status == 200)
        #expect(try fixture.put("x", "name=a", [fields[1], key]).status == 409)
        for (reply, name) in zip([first, second], names) {
            let record = String(decoding: try reply.receipt().record, as: UTF8.self)
            #expect(record.contains("\"submitter\":\"\(name)\""))
        }
    }

    // MARK: Clock

    @Test func nothingIsTakenWhileTheClocksDisagree() throws {
        let fixture = try APIFixture()
        try fixture.put("x", "name=a&retain=1s")
        let ready = try fixture.get("/readyz")
        #expect(ready.text.hasPrefix("ready\n"))
        #expect(ready.text.contains("compliance clock"))
        fixture.clock.moveWall(seconds: 25 * 3600)
        let reply = try fixture.put("x", "name=b")
        try expectProblem(
            reply,
            503,
            "clock-unsettled",
            mentions: "2026-11-21T",
            "2026-11-22T01",
            "90000 s",
            "clock resync"
        )
        #expect(reply.fields.first("retry-after") != nil)
        try expectProblem(try fixture.get("/readyz"), 503, "clock-unsettled")
        let erasure = try fixture.act(.post, "/v1/erasures", ["records": .indexes(1)])
        #expect(erasure.status == 503, "\(erasure)")
        let clock = try fixture.get("/v1/clock").object()
        #expect(clock["settled"] == .bool(false))
        #expect(clock["differenceSeconds"] == .integer(-90_000))
        #expect(try fixture.get("/metrics").text.contains("strongroom_clock_settled 0"))
        // Holds, policies and reads go on.
        let held = try fixture.act(
            .post,
            "/v1/holds",
            ["matter": "m", "records": .indexes(1), "reason": "r"]
        )
        #expect(held.status == 201, "\(held)")
        #expect(try fixture.get("/v1/records/1/payload").status == 200)
        fixture.clock.moveWall(seconds: -25 * 3600)
        #expect(try fixture.put("x", "name=b").status == 201)
    }

    @Test func aResyncTakesTwoPersons() throws {
        let fixture = try APIFixture()
        // Founders with tokens that were made on the machine are persons of their own.
        let founders = try ["tester", "reviewer"].map { name in
            let grant = AccessGrant(name: try PrincipalName(name), role: .admin)
            return try fixture.store.createToken(grant, by: .local).token
        }
        let made = try fixture.makeToken("made", ["role": "admin"], by: founders[0])
        fixture.clock.moveWall(seconds: 40 * 86_400)
        func resync(_ token: String) throws -> Reply {
            try fixture.act(.post, "/v1/clock/resync", ["reason": "was off"], token: token)
        }
        let first = try resync(founders[0])
        #expect(first.status == 202, "\(first)")
        guard case .object(let pending)? = try first.object()["pendingResync"] else {
            Issue.record("nothing pending: \(first)")
            return
        }
        #expect(pending["by"] == "tester")
        #expect(pending["reason"] == "was off")
        for token in [founders[0], made] {
            try expectProblem(try resync(token), 409, "refused", mentions: "Two persons")
        }
        fixture.token = founders[1]
        #expect(try fixture.get("/v1/clock").object()["settled"] == .bool(false))
        let done = try resync(founders[1])
        #expect(done.status == 201, "\(done)")
        #expect(try done.string("from")?.prefix(10) == "2026-11-21")
        #expect(try done.string("to")?.prefix(10) == "2026-12-31")
        let after = try fixture.get("/v1/clock").object()
        #expect(after["settled"] == .bool(true))
        #expect(after["pendingResync"] == nil)
    }

    // MARK: The end

    @Test func aClosedLogTakesNothing() throws {
        let fixture = try APIFixture()
        try fixture.put("x")
        let reply = try fixture.act(.post, "/v1/log/close", ["reason": "replaced"])
        #expect(reply.status == 201, "\(reply)")
        #expect(try reply.integer("act") == 2)
        try expectProblem(try fixture.put("y", "name=b"), 409, "log-closed")
        try expectProblem(
            try fixture.act(.post, "/v1/log/close", ["reason": "again"]),
            409,
            "log-closed"
        )
        let held = try fixture.act(
            .post,
            "/v1/holds",
            ["matter": "m", "records": .indexes(1), "reason": "r"]
        )
        try expectProblem(held, 409, "log-closed")
        try expectProblem(try fixture.get("/readyz"), 503, "log-closed")
        #expect(try fixture.get("/v1/records/1/payload").text == "x")
        #expect(fixture.treeSize == 3)
    }

    // MARK: The access log

    @Test func everyReadOfEvidenceIsRecorded() throws {
        let fixture = try AccessFixture()
        let before = fixture.api.store.accessLog.entries.value
        let auditor = try fixture.fields(.auditor)
        let writer = try fixture.fields(.writer)
        let reads: [(String, [(String, String)], Int)] = [
            ("/v1/records/1", auditor, 200), ("/v1/records/1/payload", auditor, 200),
            ("/v1/records/1/receipt", auditor, 200),
            ("/v1/search?prefix=a%26b&collection=tests", auditor, 200),
            ("/tile/entries/000.p/1", auditor, 200), ("/v1/records/99", auditor, 404),
            ("/v1/collections/tests/census", auditor, 404), ("/v1/records/1", writer, 403),
        ]
        for (target, fields, status) in reads {
            #expect(try fixture.api.send(.get, target, fields).status == status)
        }
        // These read no evidence, or come from nobody.
        for target in ["/checkpoint", "/v1/records/1/lock", "/healthz", "/tile/0/000.p/1"] {
            _ = try fixture.api.send(.get, target, auditor)
        }
        _ = try fixture.api.send(.get, "/v1/records/1")
        try fixture.api.store.accessLog.flush()
        let entries = fixture.api.store.accessLog.entries.value - before
        #expect(entries == UInt64(reads.count))
        let lines = try fixture.api.accessLines().suffix(reads.count)
        for (line, (target, fields, status)) in zip(lines, reads) {
            let name = fields.first?.1 == auditor.first?.1 ? "auditor" : "writer"
            #expect(line["principal"] == .string(name))
            // Of a search the collection stands there, and nothing that was searched for.
            let kept = target.hasPrefix("/v1/search") ? "/v1/search?collection=tests" : target
            #expect(line["target"] == .string(kept))
            #expect(line["status"] == .integer(Int64(status)))
            #expect(line["request"] != nil)
        }
        let actions = lines.map { $0["action"] }
        #expect(actions.contains("getPayload") && actions.contains("search"))
    }
}
