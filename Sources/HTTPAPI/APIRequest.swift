import EvidenceModel
import EvidenceStore
import HTTPMessage
import TransparencyLog

/// A request that was let in: who asks for what.
struct APIRequest: Sendable {
    let api: EvidenceAPI
    let head: RequestHead
    /// Names the request in replies and logs.
    let id: String
    let route: Route
    let action: Action
    let principal: Principal

    /// Adds what every reply carries.
    ///
    /// A read of evidence goes into the access log first; what cannot be recorded there is not
    /// given out.
    func finish(_ response: Response) -> Response {
        guard recordAccess(status: response.status) else {
            let problem = Problem(
                .unavailable,
                "Reads of evidence are recorded, and the access log cannot be written; the "
                    + "server's log says why.",
                retryAfterSeconds: 60
            )
            return api.refuse(problem, id)
        }
        return api.finish(response, id)
    }

    /// The reply to a request that ends with a problem; logged.
    func refuse(_ problem: Problem) -> Response {
        _ = recordAccess(status: problem.status)
        return api.refuse(problem, id)
    }

    /// False: it was a read of evidence, and could not be recorded.
    private func recordAccess(status: Int) -> Bool {
        guard action.readsEvidence else { return true }
        return api.store.accessLog.record(
            AccessEntry(
                // Not the wall clock: one that jumps ahead keeps its day's file open for years.
                time: api.store.clock.reading.compliance,
                principal: principal.name,
                action: action.rawValue,
                target: target,
                status: status,
                request: id
            )
        )
    }

    /// The path and the collection, in one spelling, as the access log keeps them.
    ///
    /// No other parameter: a prefix or label that was searched for may be a sealed record's, and
    /// what stands in the access log stands there for ever.
    var target: String {
        var text = Self.encoded(head.target.pathSegments.joined(separator: "/"))
        text = "/" + text
        if let named = head.target.query.first(where: { $0.name == "collection" }) {
            text += "?collection=" + Self.encoded(named.value)
        }
        return String(text.prefix(Self.targetLimitBytes))
    }

    private static let targetLimitBytes = 2_048

    /// Percent-encodes what is not plain ASCII or separates parameters.
    private static func encoded(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: bytes.append(byte)
            case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"),
                UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: "@"):
                bytes.append(byte)
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                bytes += Array("%\(digits.count < 2 ? "0" : "")\(digits)".utf8)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension APIRequest {
    /// Ends a request whose token was revoked or has expired since it was let in: its body may have
    /// been on the way for hours.
    func checkAgain() throws(Refused) {
        let store = api.store
        guard principal.role != nil else {
            let hasTokens = store.withState { $0.hasTokens }
            guard !hasTokens else { throw AccessDecision.tokenEnded }
            return
        }
        let clock = store.clock.reading
        let current = store.withState { $0.principal(named: principal.name, at: clock) }
        guard current == principal else { throw AccessDecision.tokenEnded }
    }
}

// What a caller may see and do, beyond what its role allows.
extension APIRequest {
    /// Whether the caller sees the log as a whole.
    var seesEverything: Bool { principal.collections == nil }

    /// Ends a request that concerns a collection outside of the caller's.
    func require(_ permission: Permission, in collection: CollectionName?) throws(Refused) {
        guard principal.may(permission, in: collection) else {
            throw Refused(AccessDecision.forbidden(principal, permission, in: collection))
        }
    }

    /// Facts of a piece of evidence that the caller may do something with.
    ///
    /// To a caller that is limited to collections a record outside of them looks like one that
    /// does not exist.
    func facts(
        of index: RecordIndex,
        for permission: Permission
    ) throws(Refused) -> RecordFacts {
        guard !seesEverything else {
            return try refusing { () throws(StoreError) in try api.store.facts(of: index) }
        }
        do throws(StoreError) {
            let facts = try api.store.facts(of: index)
            if principal.may(permission, in: facts.collection) { return facts }
        } catch {
            guard case .notFound = error else { throw Refused(error) }
        }
        throw invisible(index)
    }

    /// A record that the caller may read: evidence of its collections, or what concerns them.
    func record(_ index: RecordIndex) throws(Refused) -> StoredRecord {
        do throws(StoreError) {
            let stored = try api.store.record(at: index)
            if seesEverything || sees(stored) { return stored }
        } catch {
            guard !seesEverything, case .notFound = error else { throw Refused(error) }
        }
        throw invisible(index)
    }

    private func sees(_ stored: StoredRecord) -> Bool {
        let collection = stored.record.collection ?? stored.record.actRecord?.act.collection
        guard let collection else { return false }
        return principal.may(.readEvidence, in: collection)
    }

    private func invisible(_ index: RecordIndex) -> Refused {
        Refused(
            .notFound,
            "There is no record \(index) in the collections that '\(principal.name)' may see."
        )
    }
}

extension Record {
    /// What it says if it is no evidence.
    var actRecord: ActRecord? {
        if case .act(let record) = self { record } else { nil }
    }
}

extension Act {
    /// The one collection that the act says it is about.
    var collection: CollectionName? {
        switch self {
        case .policySet(let collection, _): collection
        case .payloadErased(let erased): erased.collection
        case .holdPlaced(_, .selection(let selection, _, _, _, _)): selection.collection
        default: nil
        }
    }
}
