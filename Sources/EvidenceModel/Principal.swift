/// Who asks for something, and what that one may do.
public struct Principal: Hashable, Sendable {
    /// Whoever talks to a server that has no tokens: everything but a bypass and a resync, which
    /// need to know who it is.
    public static let anonymous = Principal(reserved: .anonymous)
    /// The log itself: what it reports of itself, and erasing what is due.
    public static let system = Principal(reserved: .strongroom)
    /// Whoever may write to the log's directory: makes the first tokens.
    public static let local = Principal(reserved: .local)

    /// The name that stands in records.
    public let name: PrincipalName
    /// The role; `nil` for the three reserved names.
    public let role: Role?
    /// Rights beyond the role.
    public let rights: Set<Right>
    /// The collections that it is confined to; `nil`: none, all are open to it.
    public let collections: Set<CollectionName>?
    /// Itself, who created it, who created that one, and so on.
    public let chain: [PrincipalName]

    /// The bearer of a token.
    public init(
        name: PrincipalName,
        role: Role?,
        rights: Set<Right> = [],
        collections: Set<CollectionName>? = nil,
        chain: [PrincipalName]
    ) {
        self.name = name
        self.role = role
        self.rights = rights
        self.collections = collections
        self.chain = chain
    }

    private init(reserved name: PrincipalName) {
        self.init(name: name, role: nil, chain: [name])
    }

    /// Whether something is allowed.
    ///
    /// `collection`: where; `nil` asks for all collections if the permission is about collections.
    /// What concerns the whole log is allowed only to who is confined to no collections.
    public func may(_ permission: Permission, in collection: CollectionName? = nil) -> Bool {
        guard has(permission) else { return false }
        guard let collections else { return true }
        switch permission.reach {
        case .none: return true
        case .wholeLog: return false
        case .collections: return collection.map { collections.contains($0) } ?? false
        }
    }

    /// Whether something is allowed anywhere.
    func has(_ permission: Permission) -> Bool {
        if let role {
            return permission == .bypass
                ? role.admitsBypass && rights.contains(.bypass)
                : role.permissions.contains(permission)
        }
        switch name {
        case .anonymous: return permission != .bypass && permission != .resyncClock
        case .strongroom:
            return [.readEvidence, .readLock, .readClock, .erase].contains(permission)
        case .local: return permission == .manageTokens || permission == .readTokens
        default: return false
        }
    }
}
