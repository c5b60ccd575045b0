import EvidenceModel
import EvidenceStore
import HTTPMessage
import TransparencyLog

/// Does what a JSON body asks for, and replies.
///
/// Blocks until the log has taken the acts: not for a connection's thread.
struct ActHandler: Sendable {
    /// How many records one request names.
    static let maximumRecords = 10_000

    let request: APIRequest
    let body: [UInt8]

    var store: EvidenceStore { request.api.store }

    func reply() throws(Refused) -> Response {
        switch request.route {
        case .lock(let index): try extendLock(of: try Query.index(index))
        case .policy(let collection): try setPolicy(collection)
        case .holds: try placeHold()
        case .holdRelease: try releaseHold()
        case .events: try recordEvent()
        case .erasures: try erase()
        case .bypass: try bypass()
        case .tokens: try createToken()
        case .tokenRevocation: try revokeToken()
        case .resync: try resync()
        case .keys: try rotateKey()
        case .closing: try closeLog()
        case .exports: try createExport()
        case .timestamps: try createTimestamps()
        case .timestampRenewal: try renewTimestamps()
        case .targets: try addTarget()
        case .target(let name): try removeTarget(name)
        case .targetProbe(let name): try probeTarget(name)
        case .targetReconciliation(let name): try reconcileTarget(name)
        case .targetPhase(let name): try changePhase(of: name)
        case .targetWait(let name): try wait(for: name)
        default: throw Refused(.methodNotAllowed, "This resource takes no body.")
        }
    }

    // MARK: Reading

    /// The body's members; of the query none may be there but `parameters`.
    func members(
        _ known: [String],
        parameters: [String] = []
    ) throws(Refused) -> BodyMembers {
        _ = try Query(request.head.target, known: parameters)
        return try BodyMembers(body: body.span, known: known)
    }

    /// The facts of records that a request names, and a refusal for each that the caller cannot
    /// see.
    ///
    /// - Throws: Where none is left.
    func facts(
        of records: IndexRanges,
        for permission: Permission
    ) throws(Refused) -> (facts: [RecordFacts], refused: [RefusedRecord]) {
        var facts: [RecordFacts] = []
        var refused: [RefusedRecord] = []
        for index in records.indexes {
            do throws(Refused) {
                facts.append(try request.facts(of: index, for: permission))
            } catch {
                guard error.problem.slug == .notFound else { throw error }
                refused.append(RefusedRecord(index: index, problem: error.problem))
            }
        }
        guard !facts.isEmpty else { throw Refused(allOf: refused) }
        return (facts, refused)
    }

    // MARK: Acting

    /// Writes the acts, and waits for them.
    ///
    /// `index`: the one record that it is about.
    func propose(
        _ proposal: ActProposal,
        _ reason: Reason?,
        about index: RecordIndex? = nil
    ) throws(Refused) -> ActOutcome {
        do throws(StoreError) {
            return try store.propose(proposal, by: request.principal, reason: reason)
        } catch {
            guard case .refused(let refusal) = error else { throw Refused(error) }
            throw Refused(Problem(refusal, at: index))
        }
    }

    /// The refusals of an outcome, behind those that were found before.
    func refusals(_ outcome: ActOutcome, after found: [RefusedRecord] = []) -> [RefusedRecord] {
        found
            + outcome.refused.map { index, refusal in
                RefusedRecord(index: index, problem: Problem(refusal, at: index))
            }
    }

    /// The receipts of acts, in the tree that they completed.
    func receipts(_ outcome: ActOutcome) throws(Refused) -> [JSONValue] {
        var receipts: [JSONValue] = []
        for act in outcome.acts {
            let receipt = try refusing { () throws(StoreError) in
                try store.receipt(
                    act.index,
                    record: act.record,
                    opening: nil,
                    checkpoint: outcome.checkpoint
                )
            }
            receipts.append(.object(receipt.json))
        }
        return receipts
    }

    /// The first act of an outcome that must have one, with its receipt.
    func only(_ outcome: ActOutcome) throws(Refused) -> (index: JSONValue, receipt: JSONValue) {
        guard let act = outcome.acts.first, let receipt = try receipts(outcome).first else {
            throw Refused(.damaged, "The log took the request and wrote nothing.")
        }
        return (.index(act.index), receipt)
    }

    /// 201 if something was written, else 200.
    func reply(_ object: JSONObject, isNew: Bool) -> Response {
        var response = Response.json(object)
        response.status = isNew ? 201 : 200
        return response
    }
}

extension ActOutcome {
    /// The acts as they were written.
    var records: [(index: RecordIndex, record: ActRecord)] {
        acts.compactMap { act in
            guard let record = try? Record(parsing: act.record.span), let found = record.actRecord
            else {
                return nil
            }
            return (act.index, found)
        }
    }
}

extension Refused {
    /// Every record that was named is refused; the first one's reason speaks for the request.
    init(allOf refused: [RefusedRecord]) {
        guard let first = refused.first else {
            self.init(.refused, "Nothing is left of the request.")
            return
        }
        var problem = first.problem
        problem.index = first.index
        if refused.count > 1 { problem.refused = refused }
        self.init(problem)
    }
}
