import EvidenceModel
import Testing
import TransparencyLog

/// What an audit has seen, in memory.
struct Remembered: EvidenceMemory {
    var all: [AuditedEvidence] = []

    func evidence(in range: ClosedRange<UInt64>) throws(Never) -> [AuditedEvidence] {
        #expect(range.upperBound - range.lowerBound < LogAudit.pieceCount)
        return all.filter { range.contains($0.facts.index.value) }
    }
}

/// A log that is written and audited record by record.
struct AuditDrive {
    var audit = LogAudit(origin: "log.example/payments")
    var memory = Remembered()
    var next: UInt64 = 0
    /// The compliance clock.
    var now = Ledger.start
    var sequences: [String: UInt64] = [:]

    init() throws {
        let made = try LogCreation(
            origin: "log.example/payments",
            founders: [],
            segmentHeight: 8,
            verifierKeys: [try Samples.signer().verifierKey],
            received: try time()
        )
        #expect(try add(.logCreated(made)) == nil)
    }

    func time(_ later: Int64 = 0) throws -> Timestamp {
        try #require(Timestamp(milliseconds: now + later))
    }

    var clock: ClockReading {
        get throws { ClockReading(compliance: try time(), wall: try time()) }
    }

    /// Takes a record; what it breaks.
    mutating func add(_ record: Record) throws -> LogViolation? {
        let bytes = record.encoded
        let (index, leaf) = (RecordIndex(next), MerkleTree.leafHash(bytes.span))
        let read = try parsedRecord(bytes)
        do throws(AuditFailure<Never>) {
            try audit.take(read, at: index, from: memory)
        } catch {
            guard case .violation(let violation) = error else { return nil }
            #expect(violation.index == index && violation.detail.contains("record \(index)"))
            return violation
        }
        if let evidence = AuditedEvidence(read, at: index, leafHash: leaf) {
            memory.all.append(evidence)
        }
        next += 1
        return nil
    }

    /// Takes a piece of evidence with the next number, or that one.
    mutating func put(
        _ lock: Lock,
        in collection: String = "a",
        name: String = "name",
        sequence: UInt64? = nil,
        isSealed: Bool = false
    ) throws -> LogViolation? {
        let number = sequence ?? (sequences[collection] ?? 0) + 1
        sequences[collection] = number
        let (place, count) = (try CollectionName(collection), try #require(SequenceNumber(number)))
        let description = EvidenceDescription(
            name: try EvidenceName(name),
            payloadDigest: Samples.digest(of: name),
            payloadSize: 1
        )
        guard !isSealed else {
            return try add(
                .sealedEvidence(
                    SealedEvidence(
                        collection: place,
                        commitment: Samples.digest(of: name),
                        lock: lock,
                        received: try time(),
                        sequence: count
                    )
                )
            )
        }
        return try add(
            .evidence(
                OpenEvidence(
                    collection: place,
                    description: description,
                    lock: lock,
                    received: try time(),
                    sequence: count
                )
            )
        )
    }

    /// Takes an act.
    mutating func act(_ act: Act, by name: String = "ada") throws -> LogViolation? {
        try add(
            .act(
                ActRecord(
                    act: act,
                    principal: try PrincipalName(name),
                    reason: try Reason("because"),
                    received: try time()
                )
            )
        )
    }

    /// Writes what the rules give for a proposal; each of these acts must pass.
    mutating func propose(_ proposal: ActProposal, by principal: Principal) throws -> Refusal? {
        let (reading, reason) = (try clock, try Reason("because"))
        let ruling: Ruling
        do throws(Refusal) {
            ruling = try audit.state.rule(
                on: proposal,
                by: principal,
                reason: reason,
                at: reading,
                next: RecordIndex(next)
            )
        } catch { return error }
        for act in ruling.acts {
            #expect(try self.act(act, by: principal.name.text) == nil)
        }
        return nil
    }

    func facts(_ index: UInt64) throws -> RecordFacts {
        try #require(memory.all.first { $0.facts.index.value == index }).facts
    }

    /// A certificate that is right, of records of one lock.
    func certificate(
        _ indexes: UInt64...,
        ground: PayloadErased.Ground = .expired,
        lock: Lock? = nil,
        history: [RecordIndex]? = nil,
        clock: ClockReading? = nil,
        digest: MerkleHash? = nil
    ) throws -> Act {
        var sum = ErasureDigest()
        for index in indexes { sum.append(RecordIndex(index), leafHash: try facts(index).leafHash) }
        let first = try facts(indexes[0])
        let standing = audit.state.lockStanding(of: first.index, lock: first.lock)
        let item = PayloadErased.Item(
            records: IndexRanges(indexes.map { RecordIndex($0) }),
            lock: lock ?? standing.lock,
            history: history ?? standing.history
        )
        let right = sum.finalize()
        return .payloadErased(
            PayloadErased(
                collection: first.collection,
                ground: ground,
                items: [item],
                policy: audit.state.policyIndex(for: first.collection),
                clock: try clock ?? self.clock,
                count: UInt64(indexes.count),
                digest: digest ?? right
            )
        )
    }

    func census(
        _ entries: [String: (count: UInt64, last: UInt64)],
        before: UInt64? = nil
    ) throws
        -> Act
    {
        var collections: [CollectionName: CensusEntry] = [:]
        for (name, entry) in entries {
            collections[try CollectionName(name)] = CensusEntry(
                count: try #require(SequenceNumber(entry.count)),
                last: RecordIndex(entry.last)
            )
        }
        return .census(
            before: RecordIndex(before ?? next),
            part: 1,
            parts: 1,
            collections: collections
        )
    }

    func selection(
        _ matches: [UInt64],
        in collection: String = "a",
        prefix: String? = nil,
        isStanding: Bool = false
    ) throws -> Act {
        var digest = SelectionDigest()
        for match in matches { digest.append(RecordIndex(match)) }
        return .holdPlaced(
            try Matter("case"),
            .selection(
                try Selection(collection: CollectionName(collection), namePrefix: prefix),
                before: RecordIndex(next),
                count: UInt64(matches.count),
                digest: digest.finalize(),
                isStanding: isStanding
            )
        )
    }
}
