/// What a token is for.
///
/// No role includes erasing under a COMPLIANCE lock: nothing does.
public enum Role: String, Sendable, Hashable, CaseIterable {
    /// Appends evidence; reads nothing.
    case writer
    /// Reads everything; changes nothing.
    case auditor
    /// Runs retention: extends locks, records events, places holds, erases what is due.
    case retention
    /// Sets policies, releases holds, manages tokens; neither reads evidence nor erases.
    case admin
}

/// What a token may do beyond its role.
public enum Right: String, Sendable, Hashable, CaseIterable {
    /// Erase under a GOVERNANCE lock, with a reason.
    case bypass
}

/// What can be allowed or not; every route and every act needs one of these.
public enum Permission: String, Sendable, Hashable, CaseIterable {
    case appendEvidence
    /// Records, payloads, receipts, search, export.
    case readEvidence
    /// Entry bundles, which show every collection.
    case readEntries
    /// Locks, holds, policies, what is due.
    case readLock
    case extendLock
    case placeHold
    case releaseHold
    case recordEvent
    case erase
    case bypass
    case setPolicy
    case manageTokens
    case readTokens
    case resyncClock
    case readClock
    /// Lets the log sign with another key.
    case rotateKey
    case closeLog
    /// Adds, probes, reconciles and removes targets, and changes their phase.
    case manageTargets
    /// Targets and how they stand.
    case readTargets
    /// Has checkpoints stamped, and time-stamps renewed.
    case manageTimestamps

    /// How far a permission reaches.
    enum Reach {
        /// What is done concerns single collections: a token for some of them may do it there.
        case collections
        /// What is done concerns the whole log: a token for some collections may not do it.
        case wholeLog
        /// What is done concerns no collection.
        case none
    }

    var reach: Reach {
        switch self {
        case .appendEvidence, .readEvidence, .readLock, .extendLock, .placeHold, .releaseHold,
            .recordEvent, .erase, .bypass, .setPolicy:
            .collections
        case .readEntries, .resyncClock, .rotateKey, .closeLog, .manageTargets, .readTargets,
            .manageTimestamps:
            .wholeLog
        case .manageTokens, .readTokens, .readClock: .none
        }
    }
}

extension Permission: CustomStringConvertible {
    /// In words, as in *may not place holds*.
    public var description: String {
        switch self {
        case .appendEvidence: "append evidence"
        case .readEvidence: "read evidence"
        case .readEntries: "read the entries of all collections"
        case .readLock: "read locks, holds and policies"
        case .extendLock: "extend locks"
        case .placeHold: "place holds"
        case .releaseHold: "release holds"
        case .recordEvent: "record events"
        case .erase: "erase what is due"
        case .bypass: "bypass GOVERNANCE locks"
        case .setPolicy: "set policies"
        case .manageTokens: "create and revoke tokens"
        case .readTokens: "list tokens"
        case .resyncClock: "resync the compliance clock"
        case .readClock: "read the clocks"
        case .rotateKey: "rotate the signing key"
        case .closeLog: "close the log"
        case .manageTargets: "manage targets"
        case .readTargets: "see the targets"
        case .manageTimestamps: "ask for time-stamps"
        }
    }
}

extension Role {
    /// What the role allows.
    public var permissions: Set<Permission> {
        switch self {
        case .writer: [.appendEvidence]
        case .auditor:
            [
                .readEvidence, .readEntries, .readLock, .readClock, .readTokens, .readTargets,
            ]
        case .retention:
            [
                .readLock, .readClock, .extendLock, .placeHold, .recordEvent, .erase,
                .readTargets,
            ]
        case .admin:
            [
                .readLock, .readClock, .readTokens, .extendLock, .placeHold, .releaseHold,
                .recordEvent, .setPolicy, .manageTokens, .resyncClock, .rotateKey,
                .closeLog, .manageTargets, .readTargets, .manageTimestamps,
            ]
        }
    }

    /// Whether the right to bypass can come with the role.
    public var admitsBypass: Bool { self == .retention || self == .admin }
}
