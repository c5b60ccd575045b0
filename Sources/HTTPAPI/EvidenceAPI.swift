package import EvidenceModel
package import EvidenceStore
package import HTTPMessage
package import Observability
import Platform

/// The HTTP interface of a log: routes, limits, refusals.
///
/// `Schemas/openapi.yaml` is normative.
/// Knows neither sockets nor the HTTP library: requests come in and replies go out as values.
package final class EvidenceAPI: Application {
    package struct Configuration: Sendable {
        /// Collections whose records are sealed.
        package var sealedCollections: Set<CollectionName> = []
        /// The largest payload.
        package var payloadLimitBytes: UInt64 = 5 << 30
        /// Bytes of batches that may be in memory at once.
        package var batchMemoryLimitBytes = 256 << 20

        package init() {}
    }

    let store: EvidenceStore
    let configuration: Configuration
    let log: EventLog
    let batchMemory: MemoryBudget
    private let requestIDs = RequestIDs()
    private let serverStatistics = Mutex<(@Sendable () -> ServerStatistics)?>(nil)

    package init(store: EvidenceStore, configuration: Configuration, log: EventLog) {
        self.store = store
        self.configuration = configuration
        self.log = log
        batchMemory = MemoryBudget(limitBytes: configuration.batchMemoryLimitBytes)
    }

    package func exchange(for head: RequestHead) -> any Exchange {
        let id = requestIDs.next()
        guard let route = Route(head.target.pathSegments) else {
            return Refusal(
                Problem(
                    .notFound,
                    "There is nothing at '\(Query.excerpt(head.target.rawPath))'; "
                        + "Schemas/openapi.yaml lists what there is."
                ),
                id,
                self
            )
        }
        guard route.methods.contains(head.method) else {
            return Refusal(
                Problem(
                    .methodNotAllowed,
                    "'\(Query.excerpt(head.target.rawPath))' takes "
                        + "\(route.methods.map(\.name).joined(separator: " and ")), not "
                        + "\(Query.excerpt(head.method.name))."
                ),
                id,
                self,
                allow: route.methods.map(\.name).joined(separator: ", ")
            )
        }
        if head.method == .post, Self.isFromAnotherOrigin(head) {
            return Refusal(
                Problem(
                    .crossOrigin,
                    "The request comes from a web page of another origin (Origin, Sec-Fetch-Site); "
                        + "evidence is pushed by programs. Nothing was stored."
                ),
                id,
                self
            )
        }
        switch route {
        case .evidence(let collection):
            return EvidenceExchange(self, head, id, collection: collection)
        case .batch(let collection):
            return BatchExchange(self, head, id, collection: collection)
        default: return ReadExchange(self, head, id, route)
        }
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

    /// Adds what every reply carries.
    func finish(_ response: Response, _ id: String) -> Response {
        var response = response
        response.fields.append("Strongroom-Request-Id", id)
        return response
    }

    /// The reply to a request that ends with a problem; logged.
    func refuse(_ problem: Problem, _ id: String) -> Response {
        let level: EventLog.Level = problem.slug.status >= 500 ? .warning : .info
        log.record(
            level,
            "request.refused",
            [
                .text("request", id), .text("problem", problem.slug.rawValue),
                .number("status", problem.slug.status), .text("detail", problem.detail),
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
final class Refusal: Exchange {
    private let reply: Response

    init(_ problem: Problem, _ id: String, _ api: EvidenceAPI, allow: String? = nil) {
        var reply = api.refuse(problem, id)
        if let allow { reply.fields.append("Allow", allow) }
        self.reply = reply
    }

    func begin() -> Response? { reply }
    func finish(_ responder: Responder) { responder.respond(reply) }
}
