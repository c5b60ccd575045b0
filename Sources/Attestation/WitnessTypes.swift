package import EvidenceStore
package import TransparencyLog

/// What the operator may set of witnesses.
package struct WitnessConfiguration: Sendable {
    /// The least time between two checkpoints that witnesses are sent while the log grows.
    package var everySeconds: UInt64 = 10
    /// After how long they are asked anew though nothing grew.
    package var freshSeconds: UInt64 = 3600
    /// How long a witness may take for one checkpoint.
    package var timeoutSeconds: UInt64 = 10

    package init() {}
}

/// Why a policy cannot be used for a log.
package enum WitnessPolicyError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The policy lists logs, and this one is not among them.
    case otherLog(origin: String)
    /// A witness's address is no `http://` or `https://` URL.
    case url(TlogPolicy.Name, String)
    /// No witness has an address, so that nobody could be asked.
    case nobody

    package var description: String {
        switch self {
        case .otherLog(let origin): "it lists logs, and the key of \(origin) is not among them"
        case .url(let name, let url):
            "the address of witness \(name), \(url), is no http:// or https:// URL"
        case .nobody: "it names no witness with an address, so nobody can be asked"
        }
    }
}

/// What the server's log is told of witnesses.
package enum WitnessEvent: Sendable {
    /// The checkpoint of this size now has what the policy asks for.
    case cosigned(TreeSize, voices: Int)
    /// A witness has begun to fail, or fails in another way.
    case failing(TlogPolicy.Name, WitnessFailure)
    /// A witness cosigns again.
    case recovered(TlogPolicy.Name)
    /// A witness speaks against this log.
    case contradicted(TlogPolicy.Name, WitnessFailure)
    /// What was cosigned cannot be kept on the disk.
    case notKept(StoreError)
    /// A note on the disk was not what the policy accepts now; it is left out.
    case unusable(String)
}

/// How a witness stands, for metrics.
package struct WitnessStatus: Equatable, Sendable {
    package let name: TlogPolicy.Name
    /// What it cosigned last; nil: nothing is known.
    package let standing: CosignatureStore.Standing?
    /// When it last cosigned, by this machine's clock, in seconds since 1970; nil: never.
    package let successSeconds: UInt64?
    /// Failures since the start, by kind.
    package let failures: [WitnessFailure.Kind: UInt64]
    /// What it has against this log, if it has.
    package let contradiction: WitnessFailure?
}
