import TransparencyLog

extension LogState {
    // MARK: Tokens

    func ruleToken(
        _ grant: AccessGrant,
        by principal: Principal,
        at clock: ClockReading
    ) throws(Refusal) -> Ruling {
        guard !grant.name.isReserved else { throw .tokenNameReserved(grant.name) }
        guard tokensByName[grant.name] == nil else { throw .tokenExists(grant.name) }
        // Whoever is anonymous loses every permission with the first token: it must replace them.
        if principal == .anonymous {
            guard grant.role == .admin, grant.collections == nil else { throw .firstTokenNotAdmin }
        }
        guard !grant.rights.contains(.bypass) || grant.role.admitsBypass else {
            throw .roleWithoutBypass(grant.role)
        }
        let maximum = AccessGrant.maximumCollectionCount
        if let collections = grant.collections, !(1...maximum).contains(collections.count) {
            throw .tokenCollections(maximum: maximum)
        }
        try check(grant, isWithinTheScopeOf: principal)
        if let expires = grant.expires, expires <= clock.granting {
            throw .tokenExpiryPast(expires, now: clock.granting)
        }
        return Ruling([.accessChanged(.created(grant))])
    }

    func ruleRevocation(
        _ name: PrincipalName,
        by principal: Principal
    ) throws(Refusal) -> Ruling {
        guard let token = tokensByName[name] else { throw .tokenUnknown(name) }
        if let revoked = token.revoked { throw .revokedBefore(name, by: revoked) }
        try check(token.grant, isWithinTheScopeOf: principal)
        return Ruling([.accessChanged(.revoked(name))])
    }

    private func check(
        _ grant: AccessGrant,
        isWithinTheScopeOf principal: Principal
    ) throws(Refusal) {
        guard let scope = principal.collections else { return }
        guard let collections = grant.collections, collections.isSubset(of: scope) else {
            throw .tokenBeyondScope(principal.name)
        }
    }

    // MARK: Clock

    func ruleResync(
        _ first: Principal,
        _ firstReason: Reason,
        second: Principal,
        at clock: ClockReading
    ) throws(Refusal) -> Ruling {
        try checkToken(of: first, at: clock)
        guard first.may(.resyncClock) else {
            throw .notPermitted(first.name, .resyncClock, collection: nil)
        }
        guard persons(behind: first).isDisjoint(with: persons(behind: second)) else {
            throw .samePerson(first: first.name, second: second.name)
        }
        guard let wall = clock.wall, wall > clock.compliance else { throw .clockNotBehind(clock) }
        return Ruling([
            .clockResynced(
                from: clock.compliance,
                to: wall,
                by: .persons(with: first.name, firstReason: firstReason)
            )
        ])
    }

    /// Only from an unsettled clock to a settled one: what is left of a day is for persons.
    func ruleResync(by times: [AuthenticatedTime], at clock: ClockReading) throws(Refusal) -> Ruling
    {
        guard !clock.isSettled else { return Ruling([]) }
        guard let wall = clock.wall, wall > clock.compliance else { throw .clockNotBehind(clock) }
        let vouched = times.map(\.time).min() ?? .earliest
        let moved = ClockReading(compliance: min(vouched, wall), wall: wall)
        guard moved.compliance > clock.compliance, moved.isSettled else {
            throw .clockUnsettled(clock)
        }
        return Ruling([
            .clockResynced(from: clock.compliance, to: moved.compliance, by: .times(times))
        ])
    }

    /// Everybody on whom a principal's name depends.
    private func persons(behind principal: Principal) -> Set<PrincipalName> {
        Set(principal.chain).union(chain(of: principal.name))
    }
}
