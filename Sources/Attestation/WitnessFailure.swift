package import EvidenceStore
package import TransparencyLog

/// Why a witness has not cosigned, by what somebody can do about it.
package enum WitnessFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// No response in time: unreachable, slow, or no HTTP.
    case silent(String)
    /// A status that promises nothing: limiting, overloaded, broken, or no witness at all.
    case failing(status: Int, detail: String)
    /// It follows other logs or keys, or finds the request malformed.
    case refused(AddCheckpointResponse.Refusal, detail: String)
    /// What it sent is not of C2SP tlog-witness.
    case garbage(String)
    /// Its answer has no valid cosignature of its own.
    case invalid(String)
    /// It named another size each time that it was asked.
    case unsettled(TreeSize)
    /// It has cosigned a larger tree than the log has: this log was set back, or another signs.
    case ahead(witness: TreeSize, log: TreeSize)
    /// The log does not continue what it cosigned before: two histories.
    case inconsistent(String)
    /// The proof could not be read from this log.
    case log(StoreError)

    /// The name of a kind of failure, as metrics have it.
    package enum Kind: String, CaseIterable, Sendable {
        case silent, failing, refused, garbage, invalid, unsettled, ahead, inconsistent, log
    }

    package var kind: Kind {
        switch self {
        case .silent: .silent
        case .failing: .failing
        case .refused: .refused
        case .garbage: .garbage
        case .invalid: .invalid
        case .unsettled: .unsettled
        case .ahead: .ahead
        case .inconsistent: .inconsistent
        case .log: .log
        }
    }

    /// Whether the witness's word speaks against this log: two histories, or a log that was set
    /// back.
    ///
    /// It is a witness's word only, so that it must not stop the log; somebody has to look.
    package var isContradiction: Bool {
        switch self {
        case .ahead, .inconsistent: true
        case .silent, .failing, .refused, .garbage, .invalid, .unsettled, .log: false
        }
    }

    package var description: String {
        switch self {
        case .silent(let reason): "no answer: \(reason)"
        case .failing(let status, let detail): "it answers with \(status): \(detail)"
        case .refused(let refusal, let detail): "it refuses (\(refusal.rawValue)): \(detail)"
        case .garbage(let detail): "it answers with something else than a witness: \(detail)"
        case .invalid(let detail): "its cosignature does not count: \(detail)"
        case .unsettled(let size): "it names another size each time, \(size) at last"
        case .ahead(let witness, let log):
            "it has cosigned a tree of \(witness) records, and this log has \(log): the log was "
                + "set back to an older copy, or another server signs with its key"
        case .inconsistent(let detail):
            "this log does not continue what it cosigned before, so there are two histories: "
                + detail
        case .log(let error): "the proof for it cannot be read: \(error)"
        }
    }
}
