package import EvidenceModel
import Platform
package import Replication
package import SigV4

/// Credentials and how long they are good.
package struct IssuedCredentials: Sendable {
    package let credentials: SigningCredentials
    /// `nil`: until they are replaced.
    package let expires: Timestamp?

    package init(_ credentials: SigningCredentials, expires: Timestamp?) {
        self.credentials = credentials
        self.expires = expires
    }
}

/// Where credentials come from.
package protocol CredentialProvider: Sendable {
    /// Fetches them anew; may block for some seconds.
    ///
    /// - Throws: `invalid(.noCredentials)` with what to do about it.
    func issue() throws(StoreFailure) -> IssuedCredentials
}

/// Credentials that were handed in.
package struct StaticCredentials: CredentialProvider {
    private let credentials: SigningCredentials

    package init(_ credentials: SigningCredentials) {
        self.credentials = credentials
    }

    package func issue() -> IssuedCredentials { IssuedCredentials(credentials, expires: nil) }
}

/// Credentials in use, told apart from those before and after by a number.
struct HeldCredentials: Sendable {
    let credentials: SigningCredentials
    let generation: UInt64
}

/// Keeps credentials and renews them before they expire.
///
/// One thread fetches while the others go on with those that are still good, or wait. Fetching that
/// fails is tried again after some time, as long as the old ones are good.
package final class CredentialCache: Sendable {
    /// How long before their end credentials are renewed.
    static let marginMilliseconds: Int64 = 300_000
    /// How long not to try again after a failure, while the old ones are still good.
    static let pauseMilliseconds: Int64 = 15_000

    private struct State {
        var held: (credentials: HeldCredentials, expires: Timestamp?)?
        var generation: UInt64 = 0
        var isFetching = false
        var notBefore: Int64 = .min
        /// How many fetches have ended, and why the last one failed.
        var fetches: UInt64 = 0
        var failure: StoreFailure?
    }

    private enum Step {
        case use(HeldCredentials)
        case fetch
        case fail(StoreFailure)
    }

    private let provider: any CredentialProvider
    private let surroundings: Surroundings
    private let state = Mutex(State())
    private let changed = Condition()

    package init(_ provider: any CredentialProvider, surroundings: Surroundings = .machine) {
        self.provider = provider
        self.surroundings = surroundings
    }

    /// Credentials that are good now.
    func current() throws(StoreFailure) -> HeldCredentials {
        let now = surroundings.wallMilliseconds()
        let (first, fetches) = state.withLock { (step($0, at: now), $0.fetches) }
        if case .use(let held) = first { return held }
        // Who finds a fetch under way waits for its end, and shares its failure.
        let second = state.withLock(when: { !$0.isFetching }, on: changed) { state in
            let step = self.step(state, at: now)
            guard case .fetch = step else { return step }
            if state.fetches != fetches, let failure = state.failure { return .fail(failure) }
            state.isFetching = true
            return .fetch
        }
        switch second {
        case .use(let held): return held
        case .fail(let failure): throw failure
        case .fetch: return try fetch(at: now)
        }
    }

    private func step(_ state: State, at now: Int64) -> Step {
        guard let held = state.held else { return .fetch }
        guard let expires = held.expires else { return .use(held.credentials) }
        let leftMilliseconds = expires.milliseconds - now
        if leftMilliseconds > Self.marginMilliseconds { return .use(held.credentials) }
        let isGood = leftMilliseconds > 0
        if isGood, state.isFetching || now < state.notBefore { return .use(held.credentials) }
        return .fetch
    }

    private func fetch(at now: Int64) throws(StoreFailure) -> HeldCredentials {
        defer { changed.broadcast() }
        do throws(StoreFailure) {
            let issued = try provider.issue()
            if let expires = issued.expires, expires.milliseconds <= now {
                throw .invalid(.expiredCredentials, detail: "they ended at \(expires)")
            }
            return state.withLock { state in
                state.isFetching = false
                state.fetches += 1
                state.failure = nil
                state.generation += 1
                let held = HeldCredentials(
                    credentials: issued.credentials,
                    generation: state.generation
                )
                state.held = (held, issued.expires)
                return held
            }
        } catch {
            return try state.withLock { state throws(StoreFailure) in
                state.isFetching = false
                state.fetches += 1
                state.failure = error
                state.notBefore = now + Self.pauseMilliseconds
                guard let held = state.held, let expires = held.expires,
                    expires.milliseconds > now
                else { throw error }
                return held.credentials
            }
        }
    }

    /// Drops credentials that the store no longer takes; whether there is sense in another try.
    func discard(_ held: HeldCredentials) -> Bool {
        state.withLock { state in
            if state.held?.credentials.generation == held.generation { state.held = nil }
            return true
        }
    }
}
