package import EvidenceStore
import Platform
package import TransparencyLog

/// Has witnesses cosign what the log signs, and keeps what they said.
///
/// Works in *rounds*: one checkpoint, the newest, is offered to all witnesses, each of which has a
/// thread of its own, so that whoever is down, slow or hostile holds up nobody else; appends know
/// nothing of all this. A round begins at most every `everySeconds` if the log has grown, every
/// `freshSeconds` if not, and at once for ``attest(covering:deadlineNanoseconds:)``. It waits for
/// the one before, but not for witnesses that failed in it; those are asked less and less often.
///
/// A checkpoint that the policy accepts is kept (``CosignatureStore``) before it is shown.
package final class WitnessService: Sendable {
    /// Where the time comes from.
    package struct TimeSource: Sendable {
        /// Wall clock, in seconds since 1970.
        package var wallSeconds: @Sendable () -> UInt64

        package init(wallSeconds: @escaping @Sendable () -> UInt64) {
            self.wallSeconds = wallSeconds
        }

        package static let machine = TimeSource {
            UInt64(max(0, Clock.wallMilliseconds()) / 1000)
        }
    }

    /// A witness that failed is asked again after one to so many times `everySeconds`.
    private static let maximumPause: UInt64 = 8
    /// Rounds that are remembered, for answers that come late.
    private static let rememberedRounds = 4

    package let policy: TlogPolicy
    let store: EvidenceStore
    let clients: [WitnessClient]
    package let configuration: WitnessConfiguration
    let kept: CosignatureStore
    let time: TimeSource
    let onEvent: @Sendable (WitnessEvent) -> Void

    let state: Mutex<State>
    let changed = Condition()
    /// One at a time writes to the disk, so that an older note never follows a newer one.
    let keeping = Mutex(())

    struct State {
        var memories: [Memory]
        /// The newest is the last.
        var rounds: [WitnessRound] = []
        var nextRound: UInt64 = 1
        /// When the last round began, by the wall clock.
        var roundSeconds: UInt64 = 0
        /// The first round is not waited for.
        var hasBegun = false
        /// Somebody waits for a round that has not begun.
        var isWanted = false
        var isStopping = false
        /// Threads that use the store or the state just now.
        var inside = 0
        /// The newest checkpoint that the policy accepts; it is on the disk, or about to be.
        var newest: CosignedCheckpoint?
        /// When that was, by this machine's clock.
        var newestSeconds: UInt64?
        /// How often what was learnt could not be written.
        var unkept: UInt64 = 0
    }

    /// What is remembered of one witness.
    struct Memory {
        var standing: CosignatureStore.Standing?
        var failures: [WitnessFailure.Kind: UInt64] = [:]
        var failure: WitnessFailure?
        var failuresInARow: UInt64 = 0
        /// The round that it was last asked for, and when it may be asked again after a failure.
        var asked: UInt64 = 0
        var notBeforeNanoseconds: UInt64 = 0
        /// When it last cosigned, by this machine's clock.
        var successSeconds: UInt64?

        /// When to look again, though nobody signals; nil: never.
        var wakeNanoseconds: UInt64? { failure == nil ? nil : notBeforeNanoseconds }
    }

    /// Reads what was kept; nobody is asked before ``start()``.
    ///
    /// - Throws: ``StoreError`` if the state cannot be read.
    package init(
        store: EvidenceStore,
        policy: TlogPolicy,
        transport: any AttestationTransport,
        configuration: WitnessConfiguration = WitnessConfiguration(),
        time: TimeSource = .machine,
        onEvent: @escaping @Sendable (WitnessEvent) -> Void
    ) throws(StoreError) {
        self.store = store
        self.policy = policy
        self.configuration = configuration
        self.time = time
        self.onEvent = onEvent
        let kept = try CosignatureStore(store.paths)
        self.kept = kept
        let known = policy.witnesses.map(\.key)
        clients = policy.witnesses.compactMap { witness in
            witness.url.map { url in
                WitnessClient(
                    name: witness.name,
                    key: witness.key,
                    url: url,
                    known: known,
                    transport: transport
                )
            }
        }
        var memories: [Memory] = []
        for client in clients {
            let standing = try kept.standing(of: client.key)
            memories.append(
                Memory(standing: standing, successSeconds: standing?.timestampSeconds)
            )
        }
        var first = State(memories: memories)
        if let bytes = try kept.newest() {
            let found = (try? SignedNote(parsing: bytes)).flatMap {
                CosignedCheckpoint($0, policy: policy, logKeys: store.verifierKeys)
            }
            if let found, found.isCosigned {
                first.newest = found
                first.newestSeconds =
                    found.verdict.cosignatures.map(\.cosignature.timestampSeconds).max()
            } else {
                let why = found?.verdict.shortcomings.map(\.description).joined(separator: "; ")
                onEvent(.unusable(why ?? "it is no checkpoint of this log"))
            }
        }
        state = Mutex(first)
    }

    /// Whether a policy can be used for a log.
    package static func check(
        _ policy: TlogPolicy,
        logKeys: [VerifierKey]
    ) throws(WitnessPolicyError) {
        let listed = policy.logs.map(\.key)
        guard listed.isEmpty || logKeys.contains(where: { listed.contains($0) }) else {
            throw .otherLog(origin: logKeys.first?.name ?? "")
        }
        for witness in policy.witnesses {
            guard let url = witness.url else { continue }
            let text = url.lowercased()
            guard text.hasPrefix("http://") || text.hasPrefix("https://") else {
                throw .url(witness.name, url)
            }
        }
        guard policy.witnesses.contains(where: { $0.url != nil }) else { throw .nobody }
    }

    // MARK: Life

    /// Begins to ask.
    package func start() {
        _ = Thread(name: "witnesses", priority: .background) { [self] in
            while beginRound() {}
        }
        for place in clients.indices {
            _ = Thread(name: "witness-\(place)", priority: .background) { [self] in
                while let round = nextRound(for: place) { ask(place, round) }
            }
        }
    }

    /// Ends; returns when nobody uses the store any more.
    ///
    /// A request that is under way is not waited for: its answer is dropped.
    package func stop() {
        state.withLock { $0.isStopping = true }
        changed.broadcast()
        state.withLock(when: { $0.inside == 0 }, on: changed) { _ in }
        kept.close()
    }

    /// Runs work that uses the store or the disk; nil once the service is stopping.
    func whileRunning<Result>(_ body: () -> Result) -> Result? {
        let isRunning = state.withLock { state in
            if !state.isStopping { state.inside += 1 }
            return !state.isStopping
        }
        guard isRunning else { return nil }
        defer {
            state.withLock { $0.inside -= 1 }
            changed.broadcast()
        }
        return body()
    }

    /// How long to leave a witness alone that has failed so many times in a row.
    func pauseNanoseconds(afterFailures count: UInt64) -> UInt64 {
        let factor = min(Self.maximumPause, 1 << min(count - 1, 10))
        return configuration.everySeconds * factor * 1_000_000_000
    }

    /// Adds a round; the oldest is forgotten.
    func add(_ round: WitnessRound, to state: inout State) {
        state.rounds.append(round)
        if state.rounds.count > Self.rememberedRounds { state.rounds.removeFirst() }
    }
}
