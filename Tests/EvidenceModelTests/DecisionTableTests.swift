import EvidenceModel
import Testing
import TransparencyLog

/// Every combination of lock, hold, clock, person and request against the rules, written down here
/// a second time and in other terms: numbers and words.
@Suite struct DecisionTableTests {
    enum Held: CaseIterable { case not, byIndex, bySelection }

    enum Request: String, CaseIterable {
        case erase, bypass, extendFar, extendSame, extendEarlier, extendPast, extendTooFar
        case upgrade, downgrade, upgradeFar, event, otherEvent, hold, release
    }

    /// Who asks, and what the tables of roles allow that one.
    static let persons: [(name: String, role: Role?, bypass: Bool, scope: [String]?, may: String)] =
        [
            ("writer", .writer, false, nil, ""),
            ("auditor", .auditor, false, nil, ""),
            ("retention", .retention, false, nil, "erase extend event hold"),
            ("retention2", .retention, true, nil, "erase extend event hold bypass"),
            ("admin", .admin, false, nil, "extend event hold release"),
            ("admin2", .admin, true, ["a", "b"], "extend event hold release bypass"),
            ("elsewhere", .admin, true, ["b"], ""),
            ("elsewhere2", .retention, true, ["b"], ""),
            ("anonymous", nil, false, nil, "erase extend event hold release"),
            ("strongroom", nil, false, nil, "erase"),
        ]

    struct Case {
        let mode: RetentionMode
        /// Milliseconds from now; `nil`: the lock awaits its event.
        let until: Int64?
        let held: Held
        let isErased: Bool
        /// Wall minus compliance clock; `nil`: no wall clock.
        let drift: Int64?
    }

    static func cases(_ mode: RetentionMode) -> [Case] {
        var all: [Case] = []
        let ends: [Int64?] = [-2 * oneDay, -1_000, 0, 1_000, 2 * oneDay, nil]
        let drifts: [Int64?] = [0, oneDay, -oneDay, oneDay + 1, -oneDay - 1, 9 * 365 * oneDay, nil]
        for until in ends {
            for drift in drifts {
                for held in Held.allCases {
                    for isErased in [false, true] where !isErased || held == .not {
                        all.append(
                            Case(
                                mode: mode,
                                until: until,
                                held: held,
                                isErased: isErased,
                                drift: drift
                            )
                        )
                    }
                }
            }
        }
        return all
    }

    // MARK: The rules, once more

    /// `acts n`, `refused <category>` for the record, or `thrown <category>`.
    static func expected(_ request: Request, _ given: Case, may: String) -> String {
        let allowed = may.split(separator: " ").map(String.init)
        let need: String =
            switch request {
            case .erase: "erase"
            case .bypass: "bypass"
            case .event, .otherEvent: "event"
            case .hold: "hold"
            case .release: "release"
            default: "extend"
            }
        guard allowed.contains(need) else { return "thrown forbidden" }
        if request == .hold {
            if given.isErased { return "refused gone" }
            return given.held == .byIndex ? "acts 0" : "acts 1"
        }
        if request == .release { return given.held == .not ? "thrown conflict" : "acts 1" }
        guard let drift = given.drift, -oneDay <= drift, drift <= oneDay else {
            return "thrown clockUnsettled"
        }
        let isLate = given.until.map { min(0, drift) > $0 } ?? false
        switch request {
        case .erase:
            if given.isErased { return "refused gone" }
            return isLate && given.held == .not ? "acts 1" : "refused conflict"
        case .bypass:
            if given.isErased { return "refused gone" }
            let isProper = !isLate && given.mode == .governance && given.held == .not
            return isProper ? "acts 2" : "refused conflict"
        case .event, .otherEvent:
            if given.isErased { return "refused gone" }
            return request == .event && given.until == nil ? "acts 1" : "refused conflict"
        default: return extended(request, given, granting: max(0, drift))
        }
    }

    private static func extended(
        _ request: Request,
        _ given: Case,
        granting: Int64
    ) -> String {
        if given.isErased { return "thrown gone" }
        if request == .downgrade, given.mode == .compliance { return "thrown conflict" }
        let changesMode = [.upgrade, .upgradeFar].contains(request) && given.mode == .governance
        guard let until = given.until else {
            if date(request, given) != nil { return "thrown conflict" }
            return changesMode ? "acts 1" : "acts 0"
        }
        if let date = date(request, given) {
            if date <= granting { return "thrown unprocessable" }
            if date < until { return "thrown conflict" }
            if request == .extendTooFar { return "thrown unprocessable" }
            return date > until || changesMode ? "acts 1" : "acts 0"
        }
        guard changesMode else { return "acts 0" }
        return until <= granting ? "thrown unprocessable" : "acts 1"
    }

    /// The date that is asked for, from now; `nil` if none is.
    private static func date(_ request: Request, _ given: Case) -> Int64? {
        switch request {
        case .extendFar, .upgradeFar: 4 * oneDay
        case .extendSame: given.until ?? 3 * oneDay
        case .extendEarlier: (given.until ?? 3 * oneDay) - 1_000
        case .extendPast: -1_000
        case .extendTooFar: 101 * 366 * oneDay
        default: nil
        }
    }

    // MARK: Asking

    private func proposal(
        _ request: Request,
        _ facts: RecordFacts,
        _ given: Case
    ) throws -> ActProposal {
        let matter = try Matter("case-1")
        let date = Self.date(request, given).flatMap {
            Timestamp(milliseconds: Ledger.start + $0)
        }
        switch request {
        case .erase: return .erase([facts])
        case .bypass: return .bypass([facts])
        case .event: return .recordEvent(try EventName("end"), at: nil, [facts])
        case .otherEvent: return .recordEvent(try EventName("other"), at: nil, [facts])
        case .hold: return .placeHold(matter, .records(IndexRanges(facts.index)), [facts])
        case .release: return .releaseHold(matter, IndexRanges(facts.index), [facts])
        case .upgrade, .upgradeFar:
            return .extendLock(facts, LockExtension(until: date, mode: .compliance))
        case .downgrade: return .extendLock(facts, LockExtension(mode: .governance))
        default: return .extendLock(facts, LockExtension(until: date))
        }
    }

    private func ledger(_ facts: RecordFacts, _ given: Case) throws -> Ledger {
        var ledger = try Ledger()
        let matter = try Matter("case-1")
        switch given.held {
        case .not: break
        case .byIndex:
            try ledger.propose(
                .placeHold(matter, .records(IndexRanges(facts.index)), [facts]),
                by: .anonymous
            )
        case .bySelection:
            let scope = HoldScope.selection(
                try Selection(collection: facts.collection, namePrefix: "na"),
                before: RecordIndex(100),
                count: 1,
                digest: Samples.digest(of: ""),
                isStanding: false
            )
            try ledger.propose(.placeHold(matter, scope), by: .anonymous)
        }
        if given.isErased {
            let past = try Facts.record(facts.index.value, Facts.lock(.governance, -9 * oneDay))
            try ledger.propose(.erase([past]), by: .system, nil)
        }
        try ledger.setClock(0, wall: given.drift)
        return ledger
    }

    private func outcome(
        _ ledger: Ledger,
        _ proposal: ActProposal,
        by principal: Principal
    ) throws
        -> String
    {
        var ledger = ledger
        do {
            let ruling = try ledger.propose(proposal, by: principal)
            if let refused = ruling.refused.first {
                #expect(ruling.acts.isEmpty && ruling.refused.count == 1)
                return "refused \(refused.1.category)"
            }
            return "acts \(ruling.acts.count)"
        } catch let refusal as Refusal {
            return "thrown \(refusal.category)"
        }
    }

    private func principal(
        _ person: (name: String, role: Role?, bypass: Bool, scope: [String]?, may: String)
    ) throws -> Principal {
        if person.name == "anonymous" { return .anonymous }
        guard let role = person.role else { return .system }
        return try Persons.bearer(person.name, role, bypass: person.bypass, in: person.scope)
    }

    @Test(arguments: RetentionMode.allCases)
    func everyCombinationIsAsTheTableSays(_ mode: RetentionMode) throws {
        var (compared, outcomes) = (0, Set<String>())
        let persons = try Self.persons.map { (try principal($0), $0.may) }
        for given in Self.cases(mode) {
            let lock = try given.until.map { try Facts.lock(mode, $0) } ?? Facts.awaiting(mode)
            let facts = try Facts.record(7, lock)
            var base = try ledger(facts, given)
            base.writesBytes = false
            for request in Request.allCases {
                let proposal = try proposal(request, facts, given)
                for (principal, may) in persons {
                    let expected = Self.expected(request, given, may: may)
                    // Nobody but a person can be asked for what tokens are needed for.
                    let found = try outcome(base, proposal, by: principal)
                    compared += 1
                    outcomes.insert("\(request) \(expected)")
                    if found != expected {
                        Issue.record(
                            "\(given) \(request) by \(principal.name): \(found), not \(expected)"
                        )
                    }
                }
            }
        }
        #expect(compared == 23_520)
        #expect(outcomes.count > 30)
    }
}
