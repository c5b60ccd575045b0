import EvidenceModel
import EvidenceStore
import HTTPMessage

/// Who sends a request, and whether that one may.
///
/// Both are decided by the head alone, before any byte of the body is read. What the head cannot
/// tell (whose collection a record is of, what a body names) is decided by `APIRequest` later.
struct AccessDecision {
    let api: EvidenceAPI
    let head: RequestHead

    /// Who asks; for what is open to all nobody is looked at.
    func principal(for action: Action) throws(Refused) -> Principal {
        action.rule == .open ? .anonymous : try authenticated()
    }

    /// Refuses what the caller may not do.
    func check(
        _ principal: Principal,
        _ action: Action,
        _ route: Route
    ) throws(Refused) {
        guard case .needs(let permission, let scope) = action.rule else { return }
        switch scope {
        case .log: try require(principal, permission, in: nil)
        case .collection:
            // A name outside the limits is refused as such, but not to those without the role.
            let collection = route.collection.flatMap { try? CollectionName($0) }
            if collection == nil {
                try requireRole(principal, permission)
            } else {
                try require(principal, permission, in: collection)
            }
        case .query: try checkQuery(principal, permission)
        case .record, .body: try requireRole(principal, permission)
        }
    }

    // MARK: Who

    private func authenticated() throws(Refused) -> Principal {
        let fields = head.fields.all("authorization")
        guard let field = fields.first else {
            let hasTokens = api.store.withState { $0.hasTokens }
            guard hasTokens else { return .anonymous }
            throw Self.unauthorized(
                "This needs a token: send it as 'Authorization: Bearer <token>'; an admin makes "
                    + "one with strongroom token create.",
                isTokenInvalid: false
            )
        }
        do throws(Refused) {
            guard fields.count == 1 else {
                throw Self.unauthorized("Authorization is given twice; send one token.")
            }
            return try bearer(field)
        } catch {
            try countFailure(error)
            throw error
        }
    }

    /// The token was valid when the request began.
    static var tokenEnded: Refused {
        unauthorized("The token was revoked or has expired while the request was on its way.")
    }

    private func bearer(_ field: String) throws(Refused) -> Principal {
        let parts = field.split(separator: " ", omittingEmptySubsequences: true)
        guard parts.first?.lowercased() == "bearer" else {
            throw Self.unauthorized(
                "Authorization must be 'Bearer <token>'; no other scheme is taken here."
            )
        }
        guard parts.count == 2 else {
            throw Self.unauthorized("Authorization must have one token after 'Bearer'.")
        }
        let clock = api.store.clock.reading
        guard let name = api.store.credentials.name(forToken: String(parts[1])),
            let principal = api.store.withState({ $0.principal(named: name, at: clock) })
        else {
            throw Self.unauthorized(
                "The token is not valid here: it is unknown, was revoked, or has expired."
            )
        }
        return principal
    }

    /// Counts a wrong token against the address that it came from.
    ///
    /// A right one is let in all the same: a secret of 256 bits cannot be guessed, and whoever
    /// shares an address with a client of stale tokens must not be locked out by it.
    private func countFailure(_ refusal: Refused) throws(Refused) {
        guard let seconds = api.failures.recordFailure(from: head.remoteAddress) else { return }
        var problem = Problem(
            .tooManyFailures,
            "More than \(RecentFailures.limit) wrong tokens a minute came from "
                + "\(head.remoteHost); mend the token, and try again in \(seconds) s.",
            retryAfterSeconds: seconds
        )
        problem.fields = refusal.problem.fields
        throw Refused(problem)
    }

    /// Reference: RFC 6750 section 3.
    private static func unauthorized(_ detail: String, isTokenInvalid: Bool = true) -> Refused {
        var problem = Problem(.unauthorized, detail)
        let error = isTokenInvalid ? ", error=\"invalid_token\"" : ""
        problem.fields = [("WWW-Authenticate", "Bearer realm=\"strongroom\"" + error)]
        return Refused(problem)
    }

    // MARK: Whether

    private func require(
        _ principal: Principal,
        _ permission: Permission,
        in collection: CollectionName?
    ) throws(Refused) {
        guard principal.may(permission, in: collection) else {
            throw Refused(Self.forbidden(principal, permission, in: collection))
        }
    }

    /// Demands that the permission is there for some collection at least.
    private func requireRole(
        _ principal: Principal,
        _ permission: Permission
    ) throws(Refused) {
        try require(principal, permission, in: principal.collections?.first)
    }

    /// Who is limited to collections must name one of them.
    private func checkQuery(
        _ principal: Principal,
        _ permission: Permission
    ) throws(Refused) {
        try requireRole(principal, permission)
        guard principal.collections != nil else { return }
        let named = head.target.query.first { $0.name == "collection" }
        guard let named else {
            throw Refused(
                .forbidden,
                "'\(principal.name)' is limited to the collections "
                    + "\(Self.names(principal.collections)); name one with the query parameter "
                    + "'collection'."
            )
        }
        guard let collection = try? CollectionName(named.value) else { return }
        try require(principal, permission, in: collection)
    }

    /// Says what is missing: the role, the right, or the collection.
    static func forbidden(
        _ principal: Principal,
        _ permission: Permission,
        in collection: CollectionName?
    ) -> Problem {
        guard let role = principal.role else {
            return Problem(
                .forbidden,
                "While the log has no tokens, nobody may \(permission): it must be known who "
                    + "does it. Make tokens first, with strongroom token create."
            )
        }
        let who = "'\(principal.name)' (role \(role.rawValue))"
        guard principal.may(permission, in: principal.collections?.first) else {
            return Problem(
                .forbidden,
                "\(who) may not \(permission); this needs the permission "
                    + "'\(permission.rawValue)', which \(holders(of: permission))."
            )
        }
        let place = collection.map { "the collection \($0)" } ?? "all collections"
        return Problem(
            .forbidden,
            "\(who) may \(permission) in the collections \(names(principal.collections)) only; "
                + "this needs the permission '\(permission.rawValue)' in \(place)."
        )
    }

    private static func holders(of permission: Permission) -> String {
        if permission == .bypass {
            return "comes with the right 'bypass' (roles retention and admin), and with no role"
        }
        let roles = Role.allCases.filter { $0.permissions.contains(permission) }
        let names = roles.map(\.rawValue).joined(separator: ", ")
        return roles.count == 1 ? "the role \(names) has" : "the roles \(names) have"
    }

    private static func names(_ collections: Set<CollectionName>?) -> String {
        (collections ?? []).sorted().map(\.text).joined(separator: ", ")
    }
}

extension RequestHead {
    /// The client's address without its port.
    var remoteHost: String {
        guard let colon = remoteAddress.lastIndex(of: ":") else { return remoteAddress }
        return String(remoteAddress[..<colon])
    }
}
