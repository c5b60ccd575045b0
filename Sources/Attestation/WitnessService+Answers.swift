package import EvidenceStore
import Platform
package import TransparencyLog

// What the rest of the server is told.

extension WitnessService {
    /// The newest checkpoint that the policy accepts, if it covers a tree of `size`.
    ///
    /// Any thread; waits for nobody.
    package func newest(covering size: TreeSize) -> CosignedCheckpoint? {
        let newest = state.withLock { $0.newest }
        return newest.flatMap { $0.size >= size ? $0 : nil }
    }

    /// The last checkpoint that covers `size` and that the policy accepted by cosignatures before a
    /// time: what counts when the log's key was stolen then.
    ///
    /// One of each hour is kept; times are those in the cosignatures.
    ///
    /// - Throws: `StoreError` if the state cannot be read.
    package func newest(
        covering size: TreeSize,
        before seconds: UInt64
    ) throws(StoreError) -> CosignedCheckpoint? {
        let now = state.withLock { $0.newest }
        if let now, let found = standing(now.note, before: seconds) {
            return found.size >= size ? found : nil
        }
        var result: CosignedCheckpoint?
        // Hours are this machine's, times the witnesses': theirs may be ahead by a little.
        try kept.forEachHour(endingAt: seconds + 3600) { bytes in
            guard let note = try? SignedNote(parsing: bytes) else { return true }
            guard let found = standing(note, before: seconds) else { return true }
            result = found.size >= size ? found : nil
            return false
        }
        return result
    }

    /// The note, if the policy accepts it without the cosignatures of that time and later.
    private func standing(_ note: SignedNote, before seconds: UInt64) -> CosignedCheckpoint? {
        guard let whole = CosignedCheckpoint(note, policy: policy, logKeys: store.verifierKeys)
        else {
            return nil
        }
        let late = whole.verdict.cosignatures.map(\.cosignature)
            .filter { $0.timestampSeconds >= seconds }.map(\.signature)
        guard !late.isEmpty else { return whole.isCosigned ? whole : nil }
        let lines = note.signatures.filter { !late.contains($0) }
        let early = (try? SignedNote(text: note.text, signatures: lines)).flatMap {
            CosignedCheckpoint($0, policy: policy, logKeys: store.verifierKeys)
        }
        return early.flatMap { $0.isCosigned ? $0 : nil }
    }

    /// The log's newest checkpoint with the cosignatures that it has by now.
    ///
    /// `note`, of a tree of `size`: as the log signed it; returned as it is if there are none.
    package func adorned(_ note: String, size: TreeSize) -> String {
        let candidates = state.withLock { state in
            ([state.newest?.note] + state.rounds.map(\.note)).compactMap { $0 }
        }
        // All that the log signed must be in it, whatever its keys are by now.
        let found = candidates.filter { $0.encoded.utf8.starts(with: note.utf8) }
        return found.max { $0.signatures.count < $1.signatures.count }?.encoded ?? note
    }

    /// Asks all witnesses at once for the newest checkpoint, which covers `size`, and waits for
    /// their answers until the deadline (monotonic).
    ///
    /// - Returns: The checkpoint of that round, or the newest one that the policy accepts if that
    ///   covers `size` and the round came to nothing; nil if the service is stopping.
    package func attest(covering size: TreeSize, deadlineNanoseconds: UInt64) -> WitnessRoll? {
        let number = state.withLock { state in
            state.isWanted = true
            return state.nextRound
        }
        changed.broadcast()
        let round = state.withLock(
            when: { state in
                guard !state.isStopping else { return true }
                return Self.urgent(number, size, state)?.outcomes.count == clients.count
            },
            on: changed,
            deadlineNanoseconds: deadlineNanoseconds
        ) { state in
            Self.urgent(number, size, state)
        }
        let known = newest(covering: size)
        guard let round else { return known.map { roll($0, [:]) } }
        let asked = CosignedCheckpoint(round.note, policy: policy, logKeys: store.verifierKeys)
        if let known, asked?.isCosigned != true { return roll(known, round.outcomes) }
        return asked.map { roll($0, round.outcomes) }
    }

    /// The first round that was begun for somebody who waits since `number` was the next one.
    private static func urgent(
        _ number: UInt64,
        _ size: TreeSize,
        _ state: State
    ) -> WitnessRound? {
        state.rounds.first { $0.isUrgent && $0.number >= number && $0.size >= size }
    }

    private func roll(
        _ checkpoint: CosignedCheckpoint,
        _ outcomes: [Int: WitnessFailure?]
    ) -> WitnessRoll {
        let voices = policy.witnesses.map { witness -> WitnessRoll.Voice in
            let found = checkpoint.verdict.cosignatures.first { $0.witness == witness.name }
            if let found {
                return WitnessRoll.Voice(
                    name: witness.name,
                    cosignedSeconds: found.cosignature.timestampSeconds,
                    missing: ""
                )
            }
            let place = clients.firstIndex { $0.name == witness.name }
            let missing =
                if let place {
                    (outcomes[place] ?? nil)?.description ?? "no answer in time"
                } else { "the policy names no address for it" }
            return WitnessRoll.Voice(name: witness.name, cosignedSeconds: nil, missing: missing)
        }
        return WitnessRoll(checkpoint: checkpoint, voices: voices)
    }

    /// Asks all witnesses what time it is, by their cosignatures of the newest checkpoint.
    ///
    /// - Returns: The newest that each has given since the start; also those of a round that the
    ///   policy does not accept, for each stands for itself.
    func times(deadlineNanoseconds: UInt64) -> [VouchedTime] {
        _ = attest(covering: store.checkpoint.size, deadlineNanoseconds: deadlineNanoseconds)
        var newest: [CosignatureKey: (size: TreeSize, cosignature: Cosignature)] = [:]
        for note in state.withLock({ $0.rounds.map(\.note) }) {
            guard let found = CosignedCheckpoint(note, policy: policy, logKeys: store.verifierKeys)
            else {
                continue
            }
            for cosigned in found.verdict.cosignatures {
                let cosignature = cosigned.cosignature
                let known = newest[cosignature.key]?.cosignature.timestampSeconds ?? 0
                if cosignature.timestampSeconds > known {
                    newest[cosignature.key] = (found.size, cosignature)
                }
            }
        }
        return newest.values.compactMap { VouchedTime($0.cosignature, of: $0.size) }
    }

    // MARK: Metrics

    /// How each witness stands that is asked.
    package var statuses: [WitnessStatus] {
        state.withLock { state in
            zip(clients, state.memories).map { client, memory in
                WitnessStatus(
                    name: client.name,
                    standing: memory.standing,
                    successSeconds: memory.successSeconds,
                    failures: memory.failures,
                    contradiction: memory.failure.flatMap { $0.isContradiction ? $0 : nil }
                )
            }
        }
    }

    /// The size of the newest checkpoint that the policy accepts, and when it did so; and how often
    /// what was learnt could not be kept.
    package var accepted: (size: TreeSize?, seconds: UInt64?, unkept: UInt64) {
        state.withLock { ($0.newest?.size, $0.newestSeconds, $0.unkept) }
    }
}
