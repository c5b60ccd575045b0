import EvidenceModel
import Platform
import TransparencyLog

extension LogWriter {
    /// Acts that have their place, and what of the proposal was refused.
    struct DecidedActs {
        let acts: [(index: RecordIndex, record: [UInt8])]
        let refused: [(index: RecordIndex, refusal: Refusal)]

        func outcome(_ checkpoint: PublishedCheckpoint) -> ActOutcome {
            ActOutcome(acts: acts, refused: refused, checkpoint: checkpoint)
        }
    }

    /// Decides on what all acts so far amount to, then gives the acts their places.
    ///
    /// This is the moment that counts: of a hold and an erasure the one with the lower index wins.
    ///
    /// - Returns: A failure if the proposal is refused.
    /// - Throws: What makes it impossible to go on.
    func take(
        _ request: ActRequest,
        at time: ClockReading
    ) throws(StoreError) -> Result<DecidedActs, StoreError> {
        // The index that the first act gets, after the census that may come before it.
        try makeRoom()
        let ruling: Ruling
        do throws(Refusal) {
            ruling = try working.rule(
                on: request.proposal,
                by: request.principal,
                reason: request.reason,
                at: time,
                next: nextIndex,
                defaults: configuration.standardPolicy
            )
        } catch {
            return .failure(.refused(error))
        }
        var acts: [(index: RecordIndex, record: [UInt8])] = []
        for act in ruling.acts {
            acts.append(
                try place(act, by: request.principal.name, request.reason, received(time))
            )
        }
        return .success(DecidedActs(acts: acts, refused: ruling.refused))
    }

    /// Gives an act its index, and lets the next decisions see it.
    private func place(
        _ act: Act,
        by principal: PrincipalName,
        _ reason: Reason?,
        _ received: Timestamp
    ) throws(StoreError) -> (index: RecordIndex, record: [UInt8]) {
        try makeRoom()
        let record = ActRecord(
            act: act,
            principal: principal,
            reason: reason,
            received: max(received, lastReceived)
        )
        let bytes = record.encoded
        let index = append(
            bytes,
            .withoutPayload,
            chunk: nil,
            opening: nil,
            received: record.received
        )
        try fold(record, at: index)
        metrics.acts.add()
        return (index, bytes)
    }

    /// Counts the collections that changed since the last census.
    func placeCensus() throws(StoreError) {
        guard !uncounted.isEmpty, working.closed == nil else { return }
        let entries = heads.filter { uncounted.contains($0.key) }
        let ruling: Ruling
        do throws(Refusal) {
            ruling = try working.rule(
                on: .census(before: nextIndex, entries),
                by: .system,
                reason: nil,
                at: clock.reading(),
                next: nextIndex
            )
        } catch {
            throw .unavailable("a census was refused: \(error)")
        }
        // What is counted from here on is for the next census, should this one fill the segment.
        uncounted.removeAll(keepingCapacity: true)
        for act in ruling.acts {
            _ = try place(act, by: Principal.system.name, nil, received(clock.reading()))
        }
    }

    /// Lets a copy of the active segment take its place, unless that is full meanwhile: then what
    /// was erased is left out at its seal.
    ///
    /// - Throws: What the log cannot go on from.
    func replaceActive(_ replacement: ActiveReplacement) throws(StoreError) {
        let rewrite = replacement.rewrite
        try commitPending()
        guard rewrite.source === active, !active.tree.isFull else {
            return replacement.completion(
                Result { () throws(StoreError) in try rewrite.abandon() }
            )
        }
        do throws(StoreError) {
            try rewrite.copyRest(upTo: UInt64(active.tree.count))
        } catch {
            return replacement.completion(.failure(error))
        }
        active = try rewrite.replace()
        view.add(active)
        replacement.completion(.success(()))
    }
}
