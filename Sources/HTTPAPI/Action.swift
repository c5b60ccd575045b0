import EvidenceModel

/// What a request asks for: a resource and a method; the raw values are the `operationId`s of
/// `Schemas/openapi.yaml`.
enum Action: String, CaseIterable, Sendable {
    case appendEvidence, appendBatch
    case getRecord, getPayload, getReceipt, getErasure
    case getLock, extendLock
    case listPolicies, getPolicy, setPolicy, getCensus
    case listHolds, getHold, placeHold, releaseHold, recordEvent
    case listDue, erase, bypass
    case listTokens, createToken, revokeToken
    case getClock, resyncClock, listKeys, rotateKey, closeLog
    case listTargets, addTarget, getTarget, removeTarget
    case probeTarget, reconcileTarget, changeTargetPhase, waitForTarget
    case listTimestamps, getTimestamp, createTimestamps, renewTimestamps
    case search, createExport, getExport, getConsistency, getCheckpoint
    case getTile, getPartialTile, getEntryBundle, getPartialEntryBundle
    case health, readiness, metrics

    /// What the caller must be allowed; a new action without a rule does not compile.
    var rule: AccessRule {
        switch self {
        case .appendEvidence, .appendBatch: .needs(.appendEvidence, .collection)
        case .getRecord, .getPayload, .getReceipt: .needs(.readEvidence, .record)
        case .getErasure, .getLock: .needs(.readLock, .record)
        case .extendLock: .needs(.extendLock, .record)
        case .listPolicies: .needs(.readLock, .log)
        case .getPolicy: .needs(.readLock, .collection)
        case .setPolicy: .needs(.setPolicy, .collection)
        case .getCensus: .needs(.readEvidence, .collection)
        case .listHolds, .getHold: .needs(.readLock, .log)
        case .placeHold: .needs(.placeHold, .body)
        case .releaseHold: .needs(.releaseHold, .body)
        case .recordEvent: .needs(.recordEvent, .body)
        case .listDue: .needs(.readLock, .query)
        case .erase: .needs(.erase, .body)
        case .bypass: .needs(.bypass, .body)
        case .listTokens: .needs(.readTokens, .log)
        case .createToken, .revokeToken: .needs(.manageTokens, .log)
        case .getClock: .needs(.readClock, .log)
        case .resyncClock: .needs(.resyncClock, .log)
        case .rotateKey: .needs(.rotateKey, .log)
        case .closeLog: .needs(.closeLog, .log)
        case .listTargets, .getTarget: .needs(.readTargets, .log)
        // Waiting closes packs, each an object that is locked for years.
        case .addTarget, .removeTarget, .probeTarget, .reconcileTarget, .changeTargetPhase,
            .waitForTarget:
            .needs(.manageTargets, .log)
        case .search: .needs(.readEvidence, .query)
        case .createExport: .needs(.readEvidence, .body)
        // That record says which collection it is about.
        case .getExport: .needs(.readEvidence, .record)
        case .getEntryBundle, .getPartialEntryBundle: .needs(.readEntries, .log)
        // Hashes, their signature and whose it is; the proof is made of the same hashes.
        case .getConsistency, .getCheckpoint, .getTile, .getPartialTile, .listKeys: .open
        case .createTimestamps, .renewTimestamps: .needs(.manageTimestamps, .log)
        // What others signed over a checkpoint.
        case .listTimestamps, .getTimestamp: .open
        case .health, .readiness, .metrics: .open
        }
    }

    /// Whether a target's store is asked, which may take long.
    var asksTarget: Bool {
        switch self {
        case .addTarget, .removeTarget, .probeTarget, .reconcileTarget, .changeTargetPhase,
            .waitForTarget:
            true
        default: false
        }
    }

    /// Whether evidence is read: that goes into the access log.
    var readsEvidence: Bool {
        switch rule {
        case .needs(.readEvidence, _), .needs(.readEntries, _): true
        default: false
        }
    }
}

/// What an action demands of its caller.
enum AccessRule: Equatable, Sendable {
    /// Nothing: no token is looked at.
    case open
    case needs(Permission, AccessScope)
}

/// What is compared with the collections that a token is limited to.
enum AccessScope: String, Sendable {
    /// The log as a whole.
    case log
    /// The collection that the path names.
    case collection
    /// The record's collection; a record outside does not exist for the caller.
    case record
    /// The collection that the query names.
    case query
    /// What the body names.
    case body
}
