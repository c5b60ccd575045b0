package import Attestation
import EvidenceBundle
import EvidenceModel
package import EvidenceStore
package import HTTPMessage
package import Observability
import Platform
package import Replication

/// The HTTP interface of a log: routes, limits, refusals.
///
/// `Schemas/openapi.yaml` is normative.
/// Knows neither sockets nor the HTTP library: requests come in and replies go out as values.
package final class EvidenceAPI: Application {
    package struct Configuration: Sendable {
        /// The largest payload.
        package var payloadLimitBytes: UInt64 = 5 << 30
        /// Bytes of batches and of JSON bodies that may be in memory at once.
        package var batchMemoryLimitBytes = 256 << 20
        /// The region of a target that is added without one.
        package var targetRegion = "us-east-1"
        /// Name and version of the program, as bundles tell them.
        package var software = "strongroom"

        package init() {}
    }

    let store: EvidenceStore
    let targets: TargetService
    /// Nil: nobody is asked.
    let witnesses: WitnessService?
    /// Nil: nobody stamps the log's checkpoints, and nobody ever did.
    let timestamps: TimeStampService?
    let configuration: Configuration
    let log: EventLog
    let batchMemory: MemoryBudget
    /// Where acts wait for the log.
    let acts = WorkPool(name: "acts", limit: 8, waitingLimit: 256)
    /// Where what is due is erased: one at a time.
    let erasures = WorkPool(name: "erasure", limit: 1, waitingLimit: 0)
    /// Where bundles are put together.
    let exportWork = WorkPool(name: "exports", limit: 1, waitingLimit: 4)
    let exports: ExportService
    /// Where targets' stores are waited for.
    let targetWork = WorkPool(name: "targets", limit: 16, waitingLimit: 16)
    /// Where authorities are waited for.
    let stampWork = WorkPool(name: "stamps", limit: 1, waitingLimit: 4)
    let reconciliations = Reconciliations()
    let failures = FailureLimiter()
    private let closing = Mutex(false)
    private let requestIDs = RequestIDs()
    private let serverStatistics = Mutex<(@Sendable () -> ServerStatistics)?>(nil)

    package init(
        store: EvidenceStore,
        targets: TargetService,
        witnesses: WitnessService? = nil,
        timestamps: TimeStampService? = nil,
        configuration: Configuration,
        log: EventLog
    ) {
        self.store = store
        self.targets = targets
        self.witnesses = witnesses
        self.timestamps = timestamps
        self.configuration = configuration
        self.log = log
        exports = ExportService(
            store: store,
            software: configuration.software,
            attesters: Self.attesters(witnesses, timestamps)
        )
        batchMemory = MemoryBudget(limitBytes: configuration.batchMemoryLimitBytes)
    }

    /// Witnesses first: they may put a larger tree's checkpoint in the place of the one at hand.
    private static func attesters(
        _ witnesses: WitnessService?,
        _ timestamps: TimeStampService?
    ) -> [any CheckpointAttesting] {
        var attesters: [any CheckpointAttesting] = []
        if let witnesses { attesters.append(WitnessAttester(witnesses: witnesses)) }
        if let timestamps { attesters.append(TimeStampAttester(service: timestamps)) }
        return attesters
    }

    package func exchange(for head: RequestHead) -> any Exchange {
        let id = requestIDs.next()
        do throws(Refused) {
            let (route, action) = try resolve(head)
            let decision = AccessDecision(api: self, head: head)
            let request = APIRequest(
                api: self,
                head: head,
                id: id,
                route: route,
                action: action,
                principal: try decision.principal(for: action)
            )
            return exchange(request, decision)
        } catch {
            return RefusalExchange(refuse(error.problem, id))
        }
    }

    private func exchange(_ request: APIRequest, _ decision: AccessDecision) -> any Exchange {
        do throws(Refused) {
            try decision.check(request.principal, request.action, request.route)
        } catch {
            return RefusalExchange(request.refuse(error.problem))
        }
        return switch request.route {
        case .evidence(let collection): EvidenceExchange(request, collection: collection)
        case .batch(let collection): BatchExchange(request, collection: collection)
        default:
            switch request.head.method {
            case .get, .head: ReadExchange(request)
            default: ActExchange(request)
            }
        }
    }

    /// What the request asks for.
    private func resolve(_ head: RequestHead) throws(Refused) -> (Route, Action) {
        guard let route = Route(head.target.pathSegments) else {
            throw Refused(
                .notFound,
                "There is nothing at '\(Query.excerpt(head.target.rawPath))'; "
                    + "Schemas/openapi.yaml lists what there is."
            )
        }
        guard let action = route.action(head.method) else {
            let methods = route.methods.map(\.name)
            var problem = Problem(
                .methodNotAllowed,
                "'\(Query.excerpt(head.target.rawPath))' takes "
                    + "\(methods.joined(separator: " and ")), not "
                    + "\(Query.excerpt(head.method.name))."
            )
            problem.fields = [("Allow", methods.joined(separator: ", "))]
            throw Refused(problem)
        }
        if head.method != .get, head.method != .head, Self.isFromAnotherOrigin(head) {
            throw Refused(
                .crossOrigin,
                "The request comes from a web page of another origin (Origin, Sec-Fetch-Site); "
                    + "evidence is pushed by programs. Nothing was stored."
            )
        }
        return (route, action)
    }

    /// Whether a browser sends this for a page of somebody else.
    ///
    /// The server trusts what comes over loopback, and a browser lets any page post there; what it
    /// stored would be locked for years. Browsers cannot be made to leave these fields out.
    ///
    /// Reference: Fetch section 3.2 (`Origin`), W3C Fetch Metadata (`Sec-Fetch-Site`).
    private static func isFromAnotherOrigin(_ head: RequestHead) -> Bool {
        if let site = head.fields.first("sec-fetch-site") {
            return site != "same-origin" && site != "none"
        }
        guard let origin = head.fields.first("origin") else { return false }
        return origin != "http://" + (head.fields.first("host") ?? "")
    }

    package func response(to violation: ProtocolViolation) -> Response {
        finish(Problem(violation).response, requestIDs.next())
    }

    /// Shows a server's statistics among the metrics from now on.
    package func watch(_ statistics: @escaping @Sendable () -> ServerStatistics) {
        serverStatistics.withLock { $0 = statistics }
    }

    /// The server's statistics, if it is watched.
    var connectionStatistics: ServerStatistics? {
        serverStatistics.withLock { $0 }.map { $0() }
    }

    /// From now on nobody waits for a target any more: the server is about to stop.
    package func beginClosing() { closing.withLock { $0 = true } }

    var isClosing: Bool { closing.withLock { $0 } }

    /// Waits until what was begun for clients is done: acts, an erasure, and what targets do.
    package func waitForWork() {
        acts.wait()
        erasures.wait()
        exportWork.wait()
        targetWork.wait()
        stampWork.wait()
        reconciliations.wait()
    }

    /// Where an action is done.
    func pool(for action: Action) -> WorkPool {
        if action == .erase { return erasures }
        if action == .createExport { return exportWork }
        if action == .createTimestamps || action == .renewTimestamps { return stampWork }
        return action.asksTarget ? targetWork : acts
    }

    /// Whether records of a collection are sealed.
    func isSealed(_ collection: CollectionName) -> Bool {
        store.policy(for: collection).isSealed
    }

    /// Ends a request that asks whether evidence is taken, if it is not.
    func checkReadiness() throws(Refused) {
        do throws(StoreError) {
            try store.checkReadiness()
        } catch {
            var problem = Problem(error)
            if problem.slug == .logClosed {
                problem.status = Problem.Slug.unavailable.status
                problem.retryAfterSeconds = 3600
            }
            throw Refused(problem)
        }
    }

    /// Adds what every reply carries.
    func finish(_ response: Response, _ id: String) -> Response {
        var response = response
        response.fields.append("Strongroom-Request-Id", id)
        return response
    }

    /// The reply to a request that ends with a problem; logged.
    func refuse(_ problem: Problem, _ id: String) -> Response {
        let level: EventLog.Level = problem.status >= 500 ? .warning : .info
        log.record(
            level,
            "request.refused",
            [
                .text("request", id), .text("problem", problem.slug.rawValue),
                .number("status", problem.status), .text("detail", problem.detail),
            ]
        )
        return finish(problem.response, id)
    }
}

/// Names for requests: a random start for the process, then a count.
final class RequestIDs: Sendable {
    private let prefix: String
    private let count = Mutex<UInt64>(0)

    init() {
        prefix = Random.bytes(count: 6).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }

    func next() -> String {
        let number = count.withLock { count in
            count += 1
            return count
        }
        return "\(prefix)-\(number)"
    }
}

/// A number of bytes of which parts are taken and given back.
final class MemoryBudget: Sendable {
    private let limitBytes: Int
    private let used = Mutex(0)

    init(limitBytes: Int) {
        self.limitBytes = limitBytes
    }

    /// False: there is not so much left.
    func take(_ bytes: Int) -> Bool {
        used.withLock { used in
            guard used + bytes <= limitBytes else { return false }
            used += bytes
            return true
        }
    }

    func giveBack(_ bytes: Int) { used.withLock { $0 -= bytes } }
}

/// A request that is refused by its head alone.
final class RefusalExchange: Exchange {
    private let reply: Response

    init(_ reply: Response) { self.reply = reply }

    func begin() -> Response? { reply }
    func finish(_ responder: Responder) { responder.respond(reply) }
}
