import EvidenceStore
import Platform
import TransparencyLog

// What the threads of the service do.

extension WitnessService {
    private static let second: UInt64 = 1_000_000_000

    // MARK: Rounds

    /// Waits until a round is due and begins it; false once the service is stopping.
    func beginRound() -> Bool {
        let tick = Clock.monotonicNanoseconds() + configuration.everySeconds * Self.second
        // The first one begins at once, the next one tick later at the earliest.
        state.withLock(
            when: { $0.isStopping || $0.isWanted || !$0.hasBegun },
            on: changed,
            deadlineNanoseconds: tick
        ) { _ in }
        // Each request has a deadline, so that this ends.
        state.withLock(when: { $0.isStopping || $0.isWanted || isSettled($0) }, on: changed) { _ in
        }
        // Taken back before the checkpoint is read: a wish that comes later means a later one.
        let isWanted = state.withLock { state in
            defer { state.isWanted = false }
            return state.isWanted
        }
        guard
            let offer = whileRunning({ () -> (size: TreeSize, note: SignedNote)? in
                let checkpoint = store.checkpoint
                // The log signed it: it is a note.
                return (try? SignedNote(parsing: checkpoint.note)).map { (checkpoint.size, $0) }
            })
        else { return false }
        let now = time.wallSeconds()
        state.withLock { state in
            state.hasBegun = true
            guard let offer, offer.size > .zero else { return }
            guard isWanted || isDue(state, size: offer.size, now) else { return }
            let round = WitnessRound(
                number: state.nextRound,
                size: offer.size,
                isUrgent: isWanted,
                offered: offer.note
            )
            add(round, to: &state)
            state.nextRound += 1
            state.roundSeconds = now
        }
        changed.broadcast()
        return true
    }

    /// Whether all have answered the newest round that can be expected to.
    private func isSettled(_ state: State) -> Bool {
        guard let round = state.rounds.last else { return true }
        return state.memories.indices.allSatisfy { place in
            round.outcomes[place] != nil || state.memories[place].failure != nil
        }
    }

    private func isDue(_ state: State, size: TreeSize, _ now: UInt64) -> Bool {
        guard let last = state.rounds.last, last.size == size else { return true }
        // A wall clock that went back makes it due, too.
        return now < state.roundSeconds || now - state.roundSeconds >= configuration.freshSeconds
    }

    // MARK: One witness

    /// Waits until a witness has something to do; nil once the service is stopping.
    func nextRound(for place: Int) -> WitnessRound? {
        while true {
            let wake = state.withLock { $0.memories[place].wakeNanoseconds }
            let next = state.withLock(
                when: { $0.isStopping || isReady(place, $0) },
                on: changed,
                deadlineNanoseconds: wake
            ) { state -> WitnessRound?? in
                if state.isStopping { return .some(nil) }
                guard isReady(place, state), let round = state.rounds.last else { return nil }
                state.memories[place].asked = round.number
                return round
            }
            if let next { return next }
        }
    }

    private func isReady(_ place: Int, _ state: State) -> Bool {
        guard let round = state.rounds.last else { return false }
        let memory = state.memories[place]
        let isNew = round.number > memory.asked
        guard memory.failure != nil else { return isNew }
        // One that failed is asked for the same checkpoint again, but not at once.
        return (isNew && round.isUrgent)
            || Clock.monotonicNanoseconds() >= memory.notBeforeNanoseconds
    }

    /// Asks a witness for a round's checkpoint, and takes over what it says.
    func ask(_ place: Int, _ round: WitnessRound) {
        let client = clients[place]
        let known = state.withLock { $0.memories[place].standing?.size ?? .zero }
        let deadline = Clock.monotonicNanoseconds() + configuration.timeoutSeconds * Self.second
        let answer: WitnessClient.Answer
        do throws(WitnessFailure) {
            answer = try client.ask(
                for: round.offered,
                size: round.size,
                from: known,
                deadlineNanoseconds: deadline
            ) { old throws(StoreError) in
                try proof(from: old, to: round.size)
            }
        } catch {
            return fail(place, round, error)
        }
        _ = whileRunning { take(answer, place, round) }
    }

    private func proof(
        from old: TreeSize,
        to size: TreeSize
    ) throws(StoreError) -> [MerkleHash] {
        let result = whileRunning { () -> Result<[MerkleHash], StoreError> in
            do throws(StoreError) {
                return .success(try store.consistencyProof(from: old, to: size).proof)
            } catch { return .failure(error) }
        }
        guard let result else { throw .unavailable("the server is stopping") }
        return try result.get()
    }

    private func fail(_ place: Int, _ round: WitnessRound, _ failure: WitnessFailure) {
        let (isNews, isStopping) = state.withLock { state -> (Bool, Bool) in
            var memory = state.memories[place]
            let isNews = memory.failure?.kind != failure.kind
            memory.failures[failure.kind, default: 0] += 1
            memory.failure = failure
            memory.failuresInARow += 1
            memory.notBeforeNanoseconds =
                Clock.monotonicNanoseconds()
                + pauseNanoseconds(afterFailures: memory.failuresInARow)
            state.memories[place] = memory
            end(place, round, failure, &state)
            return (isNews, state.isStopping)
        }
        changed.broadcast()
        guard isNews, !isStopping else { return }
        let name = clients[place].name
        onEvent(failure.isContradiction ? .contradicted(name, failure) : .failing(name, failure))
    }

    private func take(_ answer: WitnessClient.Answer, _ place: Int, _ round: WitnessRound) {
        let seconds = answer.cosignatures[0].timestampSeconds
        let (wasFailing, accepted) = state.withLock { state -> (Bool, CosignedCheckpoint?) in
            let wasFailing = state.memories[place].failure != nil
            state.memories[place].failure = nil
            state.memories[place].failuresInARow = 0
            state.memories[place].standing = CosignatureStore.Standing(
                size: round.size,
                timestampSeconds: seconds
            )
            state.memories[place].successSeconds = time.wallSeconds()
            for number in state.rounds.indices where state.rounds[number].number == round.number {
                state.rounds[number].add(answer)
                return (wasFailing, judge(state.rounds[number].note, state))
            }
            return (wasFailing, nil)
        }
        keep(accepted)
        // Not before: whoever waits for the round is shown what is durable.
        state.withLock { end(place, round, nil, &$0) }
        changed.broadcast()
        if wasFailing { onEvent(.recovered(clients[place].name)) }
        if let accepted {
            onEvent(.cosigned(accepted.size, voices: accepted.verdict.cosignatures.count))
        }
    }

    private func end(
        _ place: Int,
        _ round: WitnessRound,
        _ failure: WitnessFailure?,
        _ state: inout State
    ) {
        for number in state.rounds.indices where state.rounds[number].number == round.number {
            state.rounds[number].end(place, failure)
        }
    }

    /// A note that now counts and says more than the one that did before.
    private func judge(_ note: SignedNote, _ state: State) -> CosignedCheckpoint? {
        guard let found = CosignedCheckpoint(note, policy: policy, logKeys: store.verifierKeys),
            found.isCosigned, found.size >= state.newest?.size ?? .zero
        else { return nil }
        return found
    }

    /// Makes durable what was learnt, then shows it.
    private func keep(_ accepted: CosignedCheckpoint?) {
        let now = time.wallSeconds()
        keeping.withLock { _ in
            let standings = state.withLock { state in
                zip(clients, state.memories).compactMap { client, memory in
                    memory.standing.map { (key: client.key, standing: $0) }
                }
            }
            let isNewer = state.withLock { state in
                guard let accepted, let newest = state.newest else { return accepted != nil }
                // Two threads may come here in the other order.
                return accepted.size > newest.size || !accepted.isPart(of: newest)
            }
            let note = isNewer ? accepted.map { Array($0.note.encoded.utf8) } : nil
            do throws(StoreError) {
                try kept.keep(standings, note: note, nowSeconds: now)
            } catch {
                // It counts all the same: who was given it can prove it. After the next start it
                // may be missing.
                state.withLock { $0.unkept += 1 }
                onEvent(.notKept(error))
            }
            guard let accepted, isNewer else { return }
            state.withLock { state in
                state.newest = accepted
                state.newestSeconds = now
            }
        }
    }
}

extension CosignedCheckpoint {
    /// Whether the other is of the same or a larger tree and has all that this one has.
    fileprivate func isPart(of other: CosignedCheckpoint) -> Bool {
        size < other.size
            || (size == other.size
                && note.signatures.allSatisfy { other.note.signatures.contains($0) })
    }
}
