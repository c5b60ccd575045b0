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
        case .refused, .erased: self.init(.conflict, detail)
        case .policyChanged: self.init(.unavailable, detail, retryAfterSeconds: 1)
        case .storageFull: self.init(.storageFull, detail, retryAfterSeconds: 60)
        case .overloaded(let seconds):
            self.init(.overloaded, detail, retryAfterSeconds: seconds)
        case .damaged: self.init(.damaged, detail)
        case .unavailable, .busy, .newerFormat, .notALog:
            self.init(.unavailable, detail, retryAfterSeconds: 5)
        case .system(let failure) where failure.errno == .noSpace:
            self.init(.storageFull, detail, retryAfterSeconds: 60)
        case .system: self.init(.unavailable, detail, retryAfterSeconds: 5)
        }
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

/// Ends the handling of a request with a problem.
struct Refused: Error {
    let problem: Problem

    init(_ slug: Problem.Slug, _ detail: String) {
        problem = Problem(slug, detail)
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
