import EvidenceModel
import Platform
import TransparencyLog

extension LogWriter {
    /// What becomes of a submission.
    enum Decided {
        case append(RecordIndex, record: [UInt8])
        case existing(RecordIndex)

        func outcome(_ checkpoint: PublishedCheckpoint) -> AppendOutcome {
            switch self {
            case .append(let index, let record): .appended(index, record: record, checkpoint)
            case .existing(let index): .existing(index, checkpoint)
            }
        }
    }

    /// Decides for a request as a whole, then gives each of its records a place.
    ///
    /// - Returns: A failure if the request is refused.
    /// - Throws: What makes it impossible to go on.
    func take(
        _ request: AppendRequest,
        at time: ClockReading
    ) throws(StoreError) -> Result<[Decided], StoreError> {
        let now = received(time)
        var locks: [Lock?] = []
        var earlier: [RecordIndex?] = []
        do throws(StoreError) {
            try request.checkKeys()
            for submission in request.submissions {
                let use = try earlierUse(submission.draft, at: now)
                earlier.append(use)
                locks.append(use == nil ? try lock(for: submission.draft, at: time) : nil)
            }
        } catch {
            return .failure(error)
        }
        var decided: [Decided] = []
        decided.reserveCapacity(request.submissions.count)
        var placed: [KeyHash: RecordIndex] = [:]
        for (position, submission) in request.submissions.enumerated() {
            let key = submission.draft.keyHash
            if let index = earlier[position] ?? key.flatMap({ placed[$0] }) {
                metrics.repeats.add()
                decided.append(.existing(index))
            } else if let lock = locks[position] {
                let index = try place(submission, lock: lock, received: now)
                decided.append(index)
                if let key { placed[key] = index.outcomeIndex }
            }
        }
        return .success(decided)
    }

    /// The lock that the collection's policy gives.
    private func lock(
        for draft: EvidenceDraft,
        at time: ClockReading
    ) throws(StoreError) -> Lock {
        if let closed = working.closed { throw .refused(.logClosed(closed)) }
        guard time.isSettled else { throw .refused(.clockUnsettled(time)) }
        let policy = working.policy(
            for: draft.collection,
            defaults: configuration.standardPolicy
        )
        guard draft.opening != nil || !policy.isSealed else { throw .policyChanged }
        do throws(LockRefusal) {
            return try policy.grant(draft.lockRequest, at: time)
        } catch {
            throw .retentionRefused(error)
        }
    }

    /// The record that an equal request made within the window.
    ///
    /// - Throws: `conflict` if the key was used for another request.
    private func earlierUse(
        _ draft: EvidenceDraft,
        at now: Timestamp
    ) throws(StoreError) -> RecordIndex? {
        guard let key = draft.keyHash else { return nil }
        let use = try keys.lastUse(of: key, at: now) { number, key throws(StoreError) in
            guard let found = try view.sealed.segment(number).lastUse(of: key) else { return nil }
            let reader = try view.beginRead(number)
            let (_, bytes) = try reader.record(at: found.index)
            let record = try Record.stored(bytes.span, at: found.index, in: reader.path)
            return IdempotencyKeys.Use(
                index: found.index,
                fingerprint: found.fingerprint,
                received: record.received
            )
        }
        guard let use else { return nil }
        if use.fingerprint == draft.fingerprint { return use.index }
        guard try mayBeRestored(use, draft) else { throw .conflict(use.index) }
        return use.index
    }

    /// Whether a record that came back from a copy may be of an equal request.
    ///
    /// What was asked of the lock is in no copy: the fingerprint is that of a request that asked
    /// for nothing, and the lock that was granted tells what may have been asked.
    private func mayBeRestored(
        _ use: IdempotencyKeys.Use,
        _ draft: EvidenceDraft
    ) throws(StoreError) -> Bool {
        let bare = RequestFingerprint(description: draft.description, lockRequest: .standard)
        guard use.index.value < restored.value, use.fingerprint == bare else { return false }
        let reader = try view.beginRead(view.geometry.segment(of: use.index))
        let (_, bytes) = try reader.record(at: use.index)
        let record = try Record.stored(bytes.span, at: use.index, in: reader.path)
        guard let lock = record.lock else { return false }
        return draft.lockRequest.mayHaveGiven(lock, received: record.received)
    }

    /// Gives a piece of evidence its index, sequence number and bytes.
    private func place(
        _ submission: Submission,
        lock: Lock,
        received: Timestamp
    ) throws(StoreError) -> Decided {
        try makeRoom()
        let draft = submission.draft
        let sequence = heads[draft.collection]?.count.next ?? .first
        // A census that was placed to make room may have been received later.
        let received = max(received, lastReceived)
        let record = draft.encode(received: received, sequence: sequence, lock: lock)
        let (frame, chunk) = submission.frame()
        let index = append(
            record,
            frame,
            chunk: chunk,
            opening: draft.opening,
            received: received
        )
        count(draft.collection, sequence, at: index)
        if let key = draft.keyHash {
            keys.insert(
                key,
                IdempotencyKeys.Use(
                    index: index,
                    fingerprint: draft.fingerprint,
                    received: received
                ),
                segment: active.number
            )
        }
        measure(submission)
        return .append(index, record: record)
    }

    private func measure(_ submission: Submission) {
        metrics.appends.add()
        metrics.payloadBytes.add(submission.payload.sizeBytes)
        switch submission.payload.content {
        case .chunk(let bytes, _, _): metrics.storedPayloadBytes.add(UInt64(bytes.count))
        case .file(let file, let storedSize, _):
            metrics.storedPayloadBytes.add(storedSize)
            // From here on the record may become durable at any moment: the file must outlive us.
            file.markTaken()
            pendingFiles.append(file.id)
        }
    }
}

extension LogWriter.Decided {
    var outcomeIndex: RecordIndex {
        switch self {
        case .append(let index, _), .existing(let index): index
        }
    }
}
