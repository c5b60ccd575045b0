import EvidenceModel
import HTTPMessage
import Testing

@testable import HTTPAPI

/// Every operation against every caller, by the rules that `Schemas/openapi.yaml` states.
@Suite struct AccessTests {
    private typealias Caller = AccessFixture.Caller

    // MARK: The table and the code

    @Test func theInterfaceDescribesEveryActionOfTheCode() {
        let documented = OpenAPI.operations.map(\.id).sorted()
        #expect(documented == Action.allCases.map(\.rawValue).sorted())
        #expect(AccessFixture.requests.keys.sorted() == documented)
    }

    @Test(arguments: OpenAPI.operations)
    func everyOperationHasARuleAndTheCodeHasTheSame(_ operation: OpenAPI.Operation) throws {
        let action = try #require(Action(rawValue: operation.id))
        let permission = try #require(operation.permission, "\(operation) has no rule")
        switch action.rule {
        case .open:
            #expect(permission == "public")
            #expect(operation.isOpen)
            #expect(operation.scope == nil)
        case .needs(let needed, let scope):
            #expect(permission == needed.rawValue)
            #expect(operation.scope == scope.rawValue)
            #expect(!operation.isOpen)
            #expect(operation.statuses.isSuperset(of: [401, 403, 429]))
        }
        let target = try #require(AccessFixture.requests[operation.id]).target
        let route = try #require(Route(try RequestTarget(parsing: target).pathSegments))
        #expect(route.action(operation.method) == action)
    }

    // MARK: Every operation, every caller

    /// What becomes of a request that is right in all other respects.
    private enum Outcome: Equatable {
        case letIn
        case refused(Int)
    }

    private func expected(_ operation: OpenAPI.Operation, _ caller: Caller) throws -> Outcome {
        guard let needed = operation.permission, needed != "public" else { return .letIn }
        guard let role = caller.role else { return .refused(401) }
        let permission = try #require(Permission(rawValue: needed))
        let hasRole =
            permission == .bypass ? caller.canBypass : role.permissions.contains(permission)
        guard hasRole else { return .refused(403) }
        guard caller.isOther else { return .letIn }
        switch operation.scope {
        // What concerns no collection can be done with a token that has some.
        case "log":
            return [.manageTokens, .readTokens, .readClock].contains(permission)
                ? .letIn : .refused(403)
        // The request's records exist, in another collection.
        case "record", "body": return .refused(404)
        default: return .refused(403)
        }
    }

    /// Requests that are refused change nothing and say why; so they can share a log.
    @Test func whoMayNotIsRefused() throws {
        let fixture = try AccessFixture()
        let size = fixture.api.treeSize
        for operation in OpenAPI.operations {
            for caller in Caller.allCases {
                guard case .refused(let status) = try expected(operation, caller) else { continue }
                let reply = try fixture.send(operation, as: caller)
                #expect(reply.status == status, "\(operation) as \(caller): \(reply)")
                guard status == 401 || status == 403 else { continue }
                try expectProblem(reply, status, status == 401 ? "unauthorized" : "forbidden")
                #expect((reply.fields.first("www-authenticate") != nil) == (status == 401))
                let detail = try #require(try reply.string("detail"))
                let names = [operation.permission ?? "", "limited to the collections other"]
                #expect(status == 401 || names.contains { detail.contains($0) }, "\(detail)")
                if operation.method == .get {
                    let head = try fixture.send(operation, as: caller, method: .head)
                    #expect(head.status == status, "HEAD of \(operation) as \(caller)")
                }
            }
        }
        #expect(fixture.api.treeSize == size)
    }

    /// Reads share a log; what changes it has one of its own each.
    @Test func whoMayIsServed() throws {
        var fixture = try AccessFixture()
        for operation in OpenAPI.operations {
            let callers = try Caller.allCases.filter { try expected(operation, $0) == .letIn }
            try #require(!callers.isEmpty, "\(operation) is for nobody")
            for caller in callers {
                let reply = try fixture.send(operation, as: caller)
                let place = "\(operation) as \(caller): \(reply)"
                #expect(operation.statuses.contains(reply.status), "\(place)")
                let wanted = Self.unusual[operation.id].map { [$0] } ?? [200, 201]
                #expect(wanted.contains(reply.status), "\(place)")
                if operation.method != .get, reply.status < 300 { fixture = try AccessFixture() }
            }
        }
    }

    /// What finds nothing in this log: an archive without files, no erasure, no census, no full
    /// tile, no bundle; what waits for a second person; what needs a target that is replicated to,
    /// or an authority of time.
    private static let unusual = [
        "reconcileTarget": 409, "changeTargetPhase": 409, "waitForTarget": 409,
        "appendBatch": 400, "getErasure": 404, "getCensus": 404, "getTile": 404,
        "getEntryBundle": 404, "getExport": 404, "resyncClock": 409,
        "getTimestamp": 404, "createTimestamps": 409, "renewTimestamps": 409,
    ]

    @Test func withoutTokensEverythingIsOpenButWhatNeedsAName() throws {
        let fixture = try APIFixture()
        try fixture.put("x")
        for operation in OpenAPI.operations where operation.method == .get {
            let request = try #require(AccessFixture.requests[operation.id])
            let reply = try fixture.get(request.target)
            #expect(reply.status == 200 || reply.status == 404, "\(operation): \(reply)")
        }
        for id in ["bypass", "resyncClock"] {
            let request = try #require(AccessFixture.requests[id])
            let reply = try fixture.act(.post, request.target, request.body)
            try expectProblem(reply, 403, "forbidden", mentions: "no tokens")
        }
        // A token that means nothing is not passed over: its owner believes to be somebody.
        let reply = try fixture.send(.get, "/v1/search", [("Authorization", "Bearer x")])
        try expectProblem(reply, 401, "unauthorized")
    }

    // MARK: What is refused, in words

    @Test func refusalsSayWhatWouldBeNeeded() throws {
        let fixture = try AccessFixture()
        let erase = try fixture.send(try OpenAPI.operation("erase"), as: .auditor)
        try expectProblem(erase, 403, "forbidden", mentions: "'auditor'", "erase", "retention")
        let bypass = try fixture.send(try OpenAPI.operation("bypass"), as: .admin)
        try expectProblem(bypass, 403, "forbidden", mentions: "right 'bypass'", "no role")
        let policy = try fixture.send(try OpenAPI.operation("setPolicy"), as: .otherAdmin)
        try expectProblem(policy, 403, "forbidden", mentions: "collections other", "tests")
        let search = try fixture.api.send(.get, "/v1/search", try fixture.fields(.otherAuditor))
        try expectProblem(search, 403, "forbidden", mentions: "'collection'", "other")
        let own = try fixture.api.send(
            .get,
            "/v1/search?collection=other",
            try fixture.fields(.otherAuditor)
        )
        #expect(own.status == 200)
    }

    @Test func otherCollectionsRecordsDoNotExist() throws {
        let fixture = try AccessFixture()
        let fields = try fixture.fields(.otherAuditor)
        let foreign = try fixture.api.send(.get, "/v1/records/1", fields)
        let act = try fixture.api.send(.get, "/v1/records/7", fields)
        let absent = try fixture.api.send(.get, "/v1/records/999999", fields)
        for reply in [foreign, act, absent] { try expectProblem(reply, 404, "not-found") }
        // Nothing tells them apart but the index that was asked for.
        let words = try foreign.string("detail")?.replacing("record 1 ", with: "record N ")
        #expect(try act.string("detail")?.replacing("record 7 ", with: "record N ") == words)
        #expect(
            try absent.string("detail")?.replacing("record 999999 ", with: "record N ") == words
        )
        #expect(try fixture.api.send(.get, "/v1/records/6", fields).status == 200)
        #expect(try fixture.api.send(.get, "/v1/records/6/payload", fields).text == "five")
    }

    @Test func tokensAreRefusedBeforeAnyByteOfTheBody() throws {
        let fixture = try AccessFixture()
        for id in ["appendEvidence", "appendBatch", "placeHold", "erase"] {
            let request = try #require(AccessFixture.requests[id])
            let head = try APIFixture.head(.post, request.target, body: [1])
            let reply = try #require(fixture.api.api.exchange(for: head).begin())
            #expect(reply.status == 401)
        }
    }

    // MARK: Failures

    @Test func failuresFromOneAddressAreLimited() throws {
        let fixture = try AccessFixture()
        let unknown = try fixture.fields(.unknown)
        var statuses: [Int] = []
        for _ in 0..<20 {
            let reply = try fixture.api.send(.get, "/v1/search", unknown, address: "192.0.2.7:99")
            statuses.append(reply.status)
            guard reply.status == 429 else { continue }
            try expectProblem(reply, 429, "too-many-failures", mentions: "192.0.2.7")
            #expect(reply.fields.first("retry-after") != nil)
            #expect(try reply.integer("retryAfter") ?? 0 > 0)
        }
        #expect(statuses == Array(repeating: 401, count: 10) + Array(repeating: 429, count: 10))
        // Others are not concerned, nor is a right token from there.
        let elsewhere = try fixture.api.send(
            .get,
            "/v1/search",
            unknown,
            address: "192.0.2.8:99"
        )
        #expect(elsewhere.status == 401)
        let right = try fixture.api.send(
            .get,
            "/v1/search",
            try fixture.fields(.auditor),
            address: "192.0.2.7:98"
        )
        #expect(right.status == 200)
        let metrics = try fixture.api.get("/metrics").text
        #expect(metrics.contains("strongroom_authentication_failures_total 21"))
    }
}
