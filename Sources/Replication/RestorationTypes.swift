package import EvidenceStore
package import TransparencyLog

/// Why a log was not restored.
package enum RestorationError: Error, Sendable, CustomStringConvertible {
    /// The store did not do what it was asked for; nothing in the bucket was changed.
    case store(StoreFailure, while: String)
    /// What the bucket holds is not what was signed.
    case unverified(String)
    /// The bucket does not hold all that was signed: what it lacks.
    case lagging(String)
    /// The data directory cannot be written.
    case log(StoreError)

    package var description: String {
        switch self {
        case .store(let failure, let activity): "\(activity): \(failure)"
        case .unverified(let detail): detail
        case .lagging(let detail): detail
        case .log(let error): "\(error)"
        }
    }
}

/// What is to be restored, and what is known of it.
package struct RestorationRequest: Sendable {
    /// The data directory: empty but for a signing key, or not there.
    package var path: String
    /// The log's keys, pinned: at least one, all of its name.
    package var keys: [VerifierKey]
    /// The bucket and the prefix, to find the target in the log.
    package var bucket: String
    package var prefix: String
    /// A signed checkpoint that is known from elsewhere.
    package var atLeast: String?
    /// The log that goes on for this one: what is restored never signs, and the last records may be
    /// missing; it is then what the newest checkpoint proves whose records are all there.
    package var successor: String?

    var origin: String { keys[0].name }
    /// The keys as they stand in messages.
    var keyList: String { keys.map(\.description).joined(separator: ", ") }

    package init(path: String, keys: [VerifierKey], bucket: String, prefix: String = "") {
        self.path = path
        self.keys = keys
        self.bucket = bucket
        self.prefix = prefix
    }
}

/// How far a restoration is.
package enum RestorationProgress: Sendable {
    case records(UInt64, of: UInt64)
    case payloads(UInt64, bytes: UInt64)
    case segments(UInt64, of: UInt64)
}

/// What was restored.
package struct RestorationReport: Sendable {
    /// Whether the restored node may go on under the same origin.
    package enum Signing: Hashable, Sendable {
        /// Nothing newer can have been signed: why.
        case allowed(String)
        /// It serves read-only: why.
        case refused(String)
    }

    package let description: LogDescription
    package let checkpoint: SignedCheckpoint
    package let signing: Signing
    /// The newest tree that is known to have been signed: records beyond the checkpoint are lost.
    package let newestKnown: TreeSize
    package let payloads: UInt64
    package let payloadBytes: UInt64
    /// Records whose payloads were lawfully erased.
    package let erased: UInt64
    /// Records that should have a payload, and of which the bucket has none that is right.
    package let missing: [ClosedRange<UInt64>]
    /// Objects that are not what they should be, and what is wrong; at most 1,000.
    package let findings: [String]
    /// The tokens that the log knows, whose secrets are nowhere now.
    package let tokens: Int
}
