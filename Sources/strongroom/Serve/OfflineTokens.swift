internal import EvidenceModel
internal import EvidenceStore
internal import TransparencyLog

/// Tokens of a log that nobody serves: whoever may write to its directory makes the first one.
enum OfflineTokens {
    /// Opens the log, has it make the token, and closes it.
    ///
    /// - Throws: `tryAgain` while a server has the log open; `refused` as a server would.
    static func create(
        _ request: TokenRequest,
        in directory: String,
        signingKeyFile: String?
    ) throws(CommandFailure) -> CreatedToken {
        let keys = try SigningKey.ofLog(in: directory, file: signingKeyFile)
        let store = try open(directory, keys)
        defer { store.close() }
        let grant = try grant(request, from: store.clock.reading.granting)
        do throws(StoreError) {
            let (token, outcome) = try store.createToken(grant, by: .local)
            return CreatedToken(token: token, act: outcome.acts.first?.index.value)
        } catch {
            throw CommandFailure(error)
        }
    }

    /// Makes a new secret for a token whose own is lost, as all are after a restore; the log may
    /// be read-only.
    static func renew(
        _ name: String,
        in directory: String,
        signingKeyFile: String?
    ) throws(CommandFailure) -> CreatedToken {
        let principal: PrincipalName
        do throws(LimitViolation) {
            principal = try PrincipalName(name)
        } catch {
            throw CommandFailure(.refused, "\(error)")
        }
        let keys = try SigningKey.ofOpenedLog(in: directory, file: signingKeyFile)
        let store = try open(directory, keys)
        defer { store.close() }
        do throws(StoreError) {
            return CreatedToken(token: try store.renewToken(principal), act: nil)
        } catch {
            throw CommandFailure(error)
        }
    }

    private static func open(
        _ directory: String,
        _ keys: SigningKeys?
    ) throws(CommandFailure) -> EvidenceStore {
        var configuration = StoreConfiguration()
        // It is open for a moment: nothing is looked for or erased in it.
        configuration.retentionJobIntervalSeconds = .max
        do throws(StoreError) {
            return try EvidenceStore(
                path: directory,
                keys: keys,
                configuration: configuration
            ) { _ in }
        } catch {
            throw CommandFailure(error)
        }
    }

    /// What a server reads out of the same request; its refusals have its exit code.
    static func grant(
        _ request: TokenRequest,
        from now: Timestamp
    ) throws(CommandFailure) -> AccessGrant {
        do throws(LimitViolation) {
            var collections: Set<CollectionName> = []
            for name in request.collections { collections.insert(try CollectionName(name)) }
            return AccessGrant(
                name: try PrincipalName(request.name),
                role: request.role,
                rights: request.rights,
                collections: collections.isEmpty ? nil : collections,
                expires: try request.expires.map { (text) throws(LimitViolation) in
                    try expiry(text, from: now)
                }
            )
        } catch {
            throw CommandFailure(.refused, "\(error)")
        }
    }

    private static func expiry(
        _ text: String,
        from now: Timestamp
    ) throws(LimitViolation) -> Timestamp {
        if text.contains("-") { return try Timestamp(userInput: text) }
        // An end beyond the calendar is the calendar's last moment.
        return try RetentionDuration(parsing: text).end(from: now) ?? .latest
    }
}
