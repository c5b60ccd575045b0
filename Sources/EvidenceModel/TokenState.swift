public import TransparencyLog

/// A token, as the log tells of it; its secret stands elsewhere.
public struct TokenState: Equatable, Sendable {
    /// What it may do.
    public let grant: AccessGrant
    /// The `access.changed` record that made it.
    public let created: RecordIndex
    /// Who made it.
    public let createdBy: PrincipalName
    /// The `access.changed` record that revoked it, if one did.
    public internal(set) var revoked: RecordIndex?

    /// The name.
    public var name: PrincipalName { grant.name }

    /// Whether it may be used: neither revoked nor, by the later clock, expired.
    public func isValid(at clock: ClockReading) -> Bool {
        guard revoked == nil else { return false }
        return grant.expires.map { clock.granting < $0 } ?? true
    }
}
