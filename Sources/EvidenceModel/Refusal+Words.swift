extension Refusal: CustomStringConvertible {
    /// The rule and the state, in words that a person can act on.
    public var description: String {
        switch self {
        case .notPermitted, .needsTokens, .onlyTheLogItself, .tokenRevoked, .revokedBefore,
            .tokenExpired,
            .reasonMissing,
            .logClosed, .clockUnsettled, .erasureUnfinished:
            wordsOfLog
        case .noRecords, .notEvidence, .erased, .locked, .held, .complianceLocked, .lockExpired:
            wordsOfRecord
        case .lockInPast, .lockShorter, .lockWeaker, .lockTooLong, .lockBeyondCalendar,
            .dateBeforeEvent, .notAwaiting:
            wordsOfLock
        case .matterUnknown, .matterReleased, .notHeld, .selectionAhead: wordsOfHold
        case .targetExists, .targetUnknown, .tooManyTargets, .targetPlaceTaken, .targetInPhase,
            .phaseNotNext, .targetHoldsPayloads, .comparisonAhead, .copyOwesNothing:
            wordsOfTarget
        default: wordsOfToken
        }
    }

    private var wordsOfLog: String {
        switch self {
        case .notPermitted(let name, let permission, let collection?):
            "\(name) may not \(permission) in the collection \(collection)"
        case .notPermitted(let name, let permission, nil): "\(name) may not \(permission)"
        case .needsTokens(let permission):
            "to \(permission) somebody has to answer for it by name: make tokens first"
        case .onlyTheLogItself(let name): "\(name) may not write what the log reports of itself"
        case .tokenRevoked(let name, let index), .revokedBefore(let name, let index):
            "the token \(name) was revoked by record \(index)"
        case .tokenExpired(let name, let expired): "the token \(name) expired \(expired)"
        case .reasonMissing: "a reason must be given: it becomes part of the record"
        case .logClosed(let index): "the log was closed by record \(index); nothing follows"
        case .clockUnsettled(let clock):
            "the clocks must agree within 24 hours; they say: \(clock)"
        case .erasureUnfinished(let index):
            "record \(index) erased payloads whose bytes are not all gone yet; wait for its "
                + "payload.purged"
        default: ""
        }
    }

    private var wordsOfRecord: String {
        switch self {
        case .noRecords: "it is about no record at all"
        case .notEvidence(let index): "record \(index) is no evidence"
        case .erased(let certificate): "its payload is erased; record \(certificate) certifies it"
        case .locked(let lock, let now):
            "locked in \(lock); by the clock that releases it is \(now)"
        case .held(let matters):
            "held by \(matters.map(\.text).joined(separator: ", ")): a hold outlasts every lock "
                + "until it is released"
        case .complianceLocked(let lock):
            "locked in \(lock): nobody erases under a COMPLIANCE lock"
        case .lockExpired(let lock):
            "its lock is over (\(lock)): there is nothing to bypass, erase it as due"
        default: ""
        }
    }

    private var wordsOfLock: String {
        switch self {
        case .lockInPast(let until, let now, let current):
            "a lock must end in the future: \(until) is not, it is \(now); it is in \(current)"
        case .lockShorter(let until, let current):
            "a lock is never shortened: it is in \(current), \(until) is earlier"
        case .lockWeaker(let mode, let current):
            "a lock is never weakened: it is in \(current), \(mode) is weaker"
        case .lockTooLong(let until, let maximum):
            "the collection's policy allows at most \(maximum) from now: \(until) is later"
        case .lockBeyondCalendar: "a lock must end by the year 9999"
        case .dateBeforeEvent(let current):
            "it is in \(current): until the event only its mode can be changed"
        case .notAwaiting(let event, let current):
            "it does not await the event \(event): it is in \(current)"
        default: ""
        }
    }

    private var wordsOfHold: String {
        switch self {
        case .matterUnknown(let matter): "no hold names the matter \(matter)"
        case .matterReleased(let matter, let index?):
            "the matter \(matter) was released by record \(index)"
        case .matterReleased(let matter, nil): "the matter \(matter) is released"
        case .notHeld(let matter): "the matter \(matter) does not hold it"
        case .selectionAhead(let before, let next):
            "a selection looks at records that exist: \(before) is beyond \(next)"
        default: ""
        }
    }

    private var wordsOfTarget: String {
        switch self {
        case .targetExists(let name):
            "there is or was a target \(name); a name is never given again"
        case .targetUnknown(let name): "there is no target \(name)"
        case .tooManyTargets(let maximum): "a log has at most \(maximum) targets: remove one first"
        case .targetPlaceTaken(let name):
            "its objects would stand among those of the target \(name): give it another bucket or "
                + "prefix"
        case .targetInPhase(let name, let phase): "the target \(name) is in the phase \(phase)"
        case .phaseNotNext(let from, let to):
            "a target walks one phase at a time: from \(from) to "
                + from.neighbours.map(\.rawValue).joined(separator: " or ") + ", not to \(to)"
        case .targetHoldsPayloads(let name):
            "payloads may stand in the target \(name) only: take it to another phase first, which "
                + "brings them back to the disk"
        case .comparisonAhead(let size, let next):
            "a comparison looks at records that exist: \(size) is beyond \(next)"
        case .copyOwesNothing(let copy, let erasure):
            "the copy \(copy) never held what record \(erasure) erased"
        default: ""
        }
    }

    private var wordsOfToken: String {
        switch self {
        case .tokenExists(let name):
            "there is or was a token \(name); a name is never given again"
        case .tokenUnknown(let name): "there is no token \(name)"
        case .tokenNameReserved(let name): "no token may be named \(name)"
        case .tokenExpiryPast(let expires, let now):
            "a token must end in the future: \(expires) is not, it is \(now)"
        case .tokenBeyondScope(let name):
            "\(name) may manage tokens for its own collections only"
        case .tokenCollections(let maximum):
            "a token is for 1 to \(maximum) collections, or for all"
        case .firstTokenNotAdmin:
            "the first token must have the role admin and all collections, for it makes the others"
        case .roleWithoutBypass(let role):
            "the right to bypass goes with the roles retention and admin, not \(role.rawValue)"
        case .clockNotBehind(let clock):
            "the compliance clock never goes back, and moves only to a later wall clock: \(clock)"
        case .samePerson(let first, let second):
            "two persons are needed: \(first) and \(second) are the same, or one made the other's "
                + "token, or one person made both"
        case .nothingErased(let index): "record \(index) erased nothing"
        case .purgedBefore(let copy): "the copy \(copy) was purged before"
        case .keyKnown(let key): "the log has, or had, the key \(key)"
        case .tooManyKeys(let maximum):
            "a log signs with at most \(maximum) keys at once: wait until an earlier one ends"
        case .reportOutOfOrder(let rule), .malformed(let rule): rule
        default: ""
        }
    }
}
