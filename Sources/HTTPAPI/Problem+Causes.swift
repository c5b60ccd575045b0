import EvidenceModel
import EvidenceStore
import HTTPMessage
import Platform

extension Problem {
    /// What the store refused or could not do.
    init(_ error: StoreError) {
        let detail = "\(error)."
        switch error {
        case .invalid: self.init(.badRequest, detail)
        case .notFound: self.init(.notFound, detail)
        case .conflict(let index): self.init(.conflict, detail, index: index)
        case .retentionRefused: self.init(.retention, detail)
        case .storageFull: self.init(.storageFull, detail, retryAfterSeconds: 60)
        case .overloaded(let seconds):
            self.init(.overloaded, detail, retryAfterSeconds: seconds)
        case .damaged: self.init(.damaged, detail)
        case .refused(let refusal): self.init(refusal)
        case .erased(let index, let certificate):
            self.init(
                .erased,
                "The payload of record \(index) was erased; record \(certificate) is the "
                    + "certificate, GET /v1/records/\(index)/erasure proves it.",
                index: index
            )
            self.certificate = certificate
        case .policyChanged: self.init(.policyChanged, detail, retryAfterSeconds: 1)
        case .copyPending: self.init(.copyPending, detail, retryAfterSeconds: 5)
        case .unavailable, .busy, .newerFormat, .notALog:
            self.init(.unavailable, detail, retryAfterSeconds: 5)
        case .system(let failure) where failure.errno == .noSpace:
            self.init(.storageFull, detail, retryAfterSeconds: 60)
        case .system: self.init(.unavailable, detail, retryAfterSeconds: 5)
        }
    }

    /// What the rules of the log do not allow.
    ///
    /// `index`: the record that it is about, if it is about one.
    init(_ refusal: Refusal, at index: RecordIndex? = nil) {
        let text = "\(refusal)"
        let detail = index.map { "Record \($0): \(text)." } ?? Self.sentence(text)
        switch refusal.category {
        case .forbidden: self.init(.forbidden, detail)
        case .conflict: self.init(refusal.lockedUntil == nil ? .refused : .locked, detail)
        case .unprocessable: self.init(refusal.isAboutLock ? .retention : .limit, detail)
        case .gone: self.init(.erased, detail)
        case .closed: self.init(.logClosed, detail)
        case .clockUnsettled:
            guard case .clockUnsettled(let clock) = refusal else {
                self.init(.clockUnsettled, detail, retryAfterSeconds: Self.clockRetrySeconds)
                return
            }
            self.init(clock)
        }
        self.index = index
        lockedUntil = refusal.lockedUntil
        certificate = refusal.certificate
    }

    /// The clocks do not agree: both times, by how much, and what to do.
    init(_ clock: ClockReading) {
        let difference = clock.differenceMilliseconds.map { milliseconds in
            let (seconds, side) = (
                milliseconds.magnitude / 1000, milliseconds < 0 ? "behind" : "ahead"
            )
            return "the wall clock is \(seconds) s \(side), and 86400 s are allowed"
        }
        self.init(
            .clockUnsettled,
            "The clocks do not agree: \(clock)" + (difference.map { "; " + $0 } ?? "")
                + ". Until they do, no evidence is taken and nothing is erased, for a wrong date "
                + "of a lock cannot be undone. Mend the machine's clock; if it is right, two "
                + "witnesses or authorities of time settle it, or two admins, who run strongroom "
                + "clock resync. See also strongroom clock show, and ops/runbooks/clock.md.",
            retryAfterSeconds: Self.clockRetrySeconds
        )
    }

    private static let clockRetrySeconds = 60

    private static func sentence(_ text: String) -> String {
        text.prefix(1).uppercased() + text.dropFirst() + "."
    }

    /// A value that is outside its limits.
    init(_ violation: LimitViolation) {
        let slug: Slug =
            switch violation.category {
            case .malformed: .badRequest
            case .contentTooLarge: .contentTooLarge
            case .targetTooLong: .targetTooLong
            case .unprocessable: .limit
            case .headerTooLarge: .headerTooLarge
            }
        self.init(slug, "\(violation).")
    }

    /// A request that breaks HTTP's own rules.
    init(_ violation: ProtocolViolation) {
        let slug: Slug =
            switch violation.status {
            case 414: .targetTooLong
            case 417: .expectationFailed
            case 431: .headerTooLarge
            default: .badRequest
            }
        self.init(slug, violation.detail)
    }
}

extension Refusal {
    /// Whether it is about the lock that was asked for.
    fileprivate var isAboutLock: Bool {
        switch self {
        case .lockInPast, .lockTooLong, .lockBeyondCalendar: true
        default: false
        }
    }
}

/// Ends the handling of a request with a problem.
struct Refused: Error {
    let problem: Problem

    init(_ slug: Problem.Slug, _ detail: String) {
        problem = Problem(slug, detail)
    }

    init(_ problem: Problem) {
        self.problem = problem
    }

    init(_ error: StoreError) {
        problem = Problem(error)
    }

    init(_ violation: LimitViolation) {
        problem = Problem(violation)
    }
}

/// Runs calls of the store; what they throw ends the request.
func refusing<Result>(_ body: () throws(StoreError) -> Result) throws(Refused) -> Result {
    do throws(StoreError) {
        return try body()
    } catch {
        throw Refused(error)
    }
}

/// Makes values that have limits; what is outside of them ends the request.
func limiting<Result>(_ body: () throws(LimitViolation) -> Result) throws(Refused) -> Result {
    do throws(LimitViolation) {
        return try body()
    } catch {
        throw Refused(error)
    }
}
