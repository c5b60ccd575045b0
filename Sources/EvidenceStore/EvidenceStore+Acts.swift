package import EvidenceModel
import Platform
import TransparencyLog

/// What became of a proposed act.
package struct ActOutcome: Sendable {
    /// The records that it made, durable and covered by the checkpoint; none if nothing changed.
    package let acts: [(index: RecordIndex, record: [UInt8])]
    /// The records that it was refused for, one by one.
    package let refused: [(index: RecordIndex, refusal: Refusal)]
    package let checkpoint: PublishedCheckpoint
}

/// What became of a person's word that the wall clock is right.
package enum ResyncOutcome: Sendable {
    /// It waits for a second person until then, by the compliance clock.
    case pending(until: Timestamp)
    case done(ActOutcome)
}

/// The clocks, and what stands between them.
package struct ClockStatus: Sendable {
    package let reading: ClockReading
    /// How far the wall clock may push the compliance clock at the next start.
    package let budgetMilliseconds: Int64
    package let pendingResync: PendingResync?
}

extension EvidenceStore {
    /// Lends what all acts so far amount to; keep it short, the sequencer may wait.
    package func withState<Result, Failure: Error>(
        _ body: (borrowing LogState) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try view.withState(body)
    }

    /// The policy of collections for which none was set.
    package var standardPolicy: CollectionPolicy { configuration.standardPolicy }

    /// The policy of a collection: the one that was set, else the server's.
    package func policy(for collection: CollectionName) -> CollectionPolicy {
        let standard = configuration.standardPolicy
        return view.withState { $0.policy(for: collection, defaults: standard) }
    }

    /// Proposes an act; the sequencer decides, in the order of the log.
    ///
    /// Taken also when the disk is nearly full: the reserve is there for it.
    ///
    /// `completion`: called once; on success the acts are durable, read back and in force. It runs
    /// on the sequencer's thread: it must be quick and must not call the store.
    package func propose(
        _ proposal: ActProposal,
        by principal: Principal,
        reason: Reason?,
        completion: @escaping @Sendable (Swift.Result<ActOutcome, StoreError>) -> Void
    ) {
        do throws(StoreError) {
            try queue.enqueue(
                .act(
                    ActRequest(
                        proposal: proposal,
                        principal: principal,
                        reason: reason,
                        completion: completion
                    )
                )
            )
        } catch {
            completion(.failure(error))
        }
    }

    /// Proposes an act and waits for what becomes of it; not for the sequencer's thread.
    package func propose(
        _ proposal: ActProposal,
        by principal: Principal,
        reason: Reason?
    ) throws(StoreError) -> ActOutcome {
        let answer = Answer<ActOutcome>()
        propose(proposal, by: principal, reason: reason) { answer.give($0) }
        return try answer.wait()
    }

    // MARK: Clock

    /// The clocks as of this moment.
    package var clock: ClockStatus {
        ClockStatus(
            reading: keeper.reading(),
            budgetMilliseconds: keeper.budgetMilliseconds,
            pendingResync: keeper.pendingResync
        )
    }

    /// Takes a person's word that the wall clock is right; a second person's makes it so.
    package func resync(
        by principal: Principal,
        reason: Reason
    ) throws(StoreError) -> ResyncOutcome {
        let reading = keeper.reading()
        guard let ahead = reading.differenceMilliseconds, ahead >= Self.resyncMilliseconds else {
            throw .refused(.clockNotBehind(reading))
        }
        let first: PendingResync
        switch keeper.requestResync(by: principal, reason: reason) {
        case .waiting(let pending): return .pending(until: pending.until)
        case .completing(let pending): first = pending
        }
        let outcome = try propose(
            .resync(firstBy: first.principal, firstReason: first.reason),
            by: principal,
            reason: reason
        )
        keeper.endResync()
        try beat()
        return .done(outcome)
    }

    /// Moves the clock as far as two independent authenticated times vouch for; they were verified.
    ///
    /// The record is enough for the next start: it needs no heartbeat.
    ///
    /// - Returns: No act if the clocks agree by now.
    package func resync(by times: [AuthenticatedTime]) throws(StoreError) -> ActOutcome {
        let outcome = try propose(.resyncByTimes(times), by: .system, reason: nil)
        guard !outcome.acts.isEmpty else { return outcome }
        keeper.endResync()
        return outcome
    }

    /// What two persons need not be asked for.
    private static let resyncMilliseconds: Int64 = 1000

    // MARK: Tokens

    /// Makes an access token; the text is kept nowhere.
    package func createToken(
        _ grant: AccessGrant,
        by principal: Principal
    ) throws(StoreError) -> (token: String, outcome: ActOutcome) {
        let isKnown = withState { $0.tokens.contains { $0.name == grant.name } }
        // The credential first: an act without it would be a token that nobody can use.
        let token = isKnown ? "" : try credentials.create(grant.name)
        do throws(StoreError) {
            return (token, try propose(.createToken(grant), by: principal, reason: nil))
        } catch {
            if !isKnown { try credentials.remove(grant.name) }
            throw error
        }
    }

    /// Makes a secret for a token that the log knows and whose own is lost.
    ///
    /// The text is kept nowhere. No record is written: what the token may do is as it was.
    ///
    /// - Throws: `invalid` if the log has no such token, it was revoked, or its secret is there.
    package func renewToken(_ name: PrincipalName) throws(StoreError) -> String {
        let isActive = withState { state in
            state.tokens.contains { $0.name == name && $0.revoked == nil }
        }
        guard isActive else { throw .invalid("the log has no token \(name) that is not revoked") }
        return try credentials.create(name)
    }

    /// Ends the use of a token.
    package func revokeToken(
        _ name: PrincipalName,
        by principal: Principal
    ) throws(StoreError) -> ActOutcome {
        let outcome = try propose(.revokeToken(name), by: principal, reason: nil)
        try credentials.remove(name)
        return outcome
    }
}

extension EvidenceStore {
    /// Records the heads of the access log's finished days that no record tells of.
    func recordAccessDigests() throws(StoreError) {
        let (last, isClosed) = withState { ($0.lastAccessDigest?.day, $0.closed != nil) }
        guard !isClosed else { return }
        let today = String(keeper.now().rfc3339.prefix(10))
        for digest in try accessLog.digests(before: today, after: last) {
            _ = try propose(
                .accessDigest(count: digest.count, head: digest.head, day: digest.day),
                by: .system,
                reason: nil
            )
        }
    }
}

/// A result that one thread waits for and another gives.
final class Answer<Value: Sendable>: Sendable {
    private let result = Mutex<Swift.Result<Value, StoreError>?>(nil)
    private let given = Condition()

    func give(_ value: Swift.Result<Value, StoreError>) {
        result.withLock { $0 = value }
        given.broadcast()
    }

    func wait() throws(StoreError) -> Value {
        try result.withLock(when: { $0 != nil }, on: given) { result throws(StoreError) in
            guard let result else { preconditionFailure("waited for an answer") }
            return try result.get()
        }
    }
}
