import EvidenceModel
import Replication

extension Problem {
    /// What a target, or its store, refused or could not do.
    init(_ error: TargetError) {
        switch error {
        case .unknown(let name):
            self.init(
                .targetUnknown,
                "There is no target \(name); GET /v1/targets lists them."
            )
        case .exists(let name):
            self.init(
                .targetExists,
                "There is a target \(name) already, or there was one: a name is given once."
            )
        case .unsuitable(let detail): self.init(.targetUnsuitable, Self.capital(detail))
        // May begin with the target's name.
        case .refused(let detail): self.init(.targetRefused, Self.ended(detail))
        case .store(let failure, let activity):
            let detail = Self.capital("\(activity): \(failure)")
            if failure.passesByItself {
                self.init(
                    .targetUnavailable,
                    detail,
                    retryAfterSeconds: failure.retryAfterSeconds
                )
            } else {
                self.init(.targetUnsuitable, detail)
            }
        case .log(let error): self.init(error)
        }
    }

    /// Begins with a capital letter.
    private static func capital(_ text: String) -> String {
        ended(text.prefix(1).uppercased() + text.dropFirst())
    }

    /// What others word has no full stop, or has one.
    private static func ended(_ text: String) -> String {
        text.hasSuffix(".") ? text : text + "."
    }
}

extension Refused {
    init(_ error: TargetError) {
        problem = Problem(error)
    }
}

/// Runs calls of the targets; what they throw ends the request.
func targeting<Result>(
    _ body: () throws(TargetError) -> Result
) throws(Refused) -> Result {
    do throws(TargetError) {
        return try body()
    } catch {
        throw Refused(error)
    }
}

extension StoreFailure {
    /// Whether the same may succeed later though nobody mends anything.
    fileprivate var passesByItself: Bool {
        switch self {
        case .conflict, .throttled, .unavailable, .circuitOpen, .transport, .local: true
        case .locked, .preconditionFailed, .notFound, .deleteMarker, .accessDenied, .invalid,
            .rejected, .unsupported, .corrupt:
            false
        }
    }

    fileprivate var retryAfterSeconds: Int {
        guard case .circuitOpen(let milliseconds) = self else { return 5 }
        return Int(clamping: milliseconds / 1_000 + 1)
    }
}
