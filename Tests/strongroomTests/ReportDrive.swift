import Cryptography
import EvidenceModel
import Testing
import TransparencyLog

@testable import strongroom

/// Evidence that a fold has seen, in memory.
struct SeenEvidence: EvidenceMemory {
    var all: [AuditedEvidence] = []

    func evidence(in range: ClosedRange<UInt64>) throws(Never) -> [AuditedEvidence] {
        #expect(range.upperBound - range.lowerBound < LogAudit.pieceCount)
        return all.filter { range.contains($0.facts.index.value) }
    }
}

/// A log that is written, audited and folded for a report, record by record, without a server.
struct ReportDrive {
    static let origin = "log.example/report"
    static let day: Int64 = 86_400_000
    /// 2030-01-01T00:00:00Z.
    static let start: Int64 = 1_893_456_000_000

    var fold: ReportFold
    var audit = LogAudit(origin: ReportDrive.origin)
    var memory = SeenEvidence()
    var next: UInt64 = 0
    var now = ReportDrive.start
    var sequences: [String: UInt64] = [:]
    var finding: ReportFinding?

    /// The period: days from the start.
    init(
        from: Int64 = 0,
        to: Int64 = 1_000,
        collection: String? = nil,
        predecessor: Predecessor? = nil
    ) throws {
        let scope = ReportScope(
            from: try Self.time(from * Self.day),
            to: try Self.time(to * Self.day),
            collection: try collection.map { try CollectionName($0) }
        )
        fold = ReportFold(origin: Self.origin, scope: scope)
        let made = try LogCreation(
            origin: Self.origin,
            founders: [],
            segmentHeight: 8,
            verifierKeys: [try Self.signer().verifierKey],
            predecessor: predecessor,
            received: try Self.time(0)
        )
        try add(.logCreated(made))
    }

    static func time(_ later: Int64) throws -> Timestamp {
        try #require(Timestamp(milliseconds: start + later))
    }

    static func signer(_ name: String = ReportDrive.origin, seed: UInt8 = 9) throws -> NoteSigner {
        let key = try #require(Ed25519PrivateKey(seed: [UInt8](repeating: seed, count: 32)))
        return try NoteSigner(name: name, privateKey: key)
    }

    var time: Timestamp { get throws { try #require(Timestamp(milliseconds: now)) } }

    static func lock(_ mode: RetentionMode, days: Int64) throws -> Lock {
        try #require(Lock(mode: mode, until: try time(days * day)))
    }

    /// Takes a record; one that breaks a rule ends the log, as it does for a report.
    mutating func add(_ record: Record) throws {
        guard finding == nil else { return }
        let bytes = record.encoded
        let read = try Record(parsing: bytes.span)
        let (index, leaf) = (RecordIndex(next), MerkleTree.leafHash(bytes.span))
        fold.willTake(read, audit, at: index)
        do throws(AuditFailure<Never>) {
            try audit.take(read, at: index, from: memory)
        } catch {
            guard case .violation(let violation) = error else { return }
            finding = ReportFinding(
                rule: violation.rule.rawValue,
                detail: violation.detail,
                records: [violation.index]
            )
            return
        }
        fold.didTake(read, at: index, audit, from: memory)
        if let evidence = AuditedEvidence(read, at: index, leafHash: leaf) {
            memory.all.append(evidence)
        }
        next += 1
    }

    mutating func put(
        _ lock: Lock,
        in collection: String = "a",
        name: String = "name",
        isSealed: Bool = false,
        skip: UInt64 = 0
    ) throws {
        let number = (sequences[collection] ?? 0) + 1 + skip
        sequences[collection] = number
        let (place, count) = (try CollectionName(collection), try #require(SequenceNumber(number)))
        let digest = SHA256.hash(Array(name.utf8).span)
        let description = EvidenceDescription(
            name: try EvidenceName(name),
            payloadDigest: digest,
            payloadSize: 1
        )
        let received = try time
        try add(
            isSealed
                ? .sealedEvidence(
                    SealedEvidence(
                        collection: place,
                        commitment: digest,
                        lock: lock,
                        received: received,
                        sequence: count
                    )
                )
                : .evidence(
                    OpenEvidence(
                        collection: place,
                        description: description,
                        lock: lock,
                        received: received,
                        sequence: count
                    )
                )
        )
    }

    mutating func act(_ act: Act, by name: String = "ada") throws {
        try add(
            .act(
                ActRecord(
                    act: act,
                    principal: try PrincipalName(name),
                    reason: try Reason("because"),
                    received: try time
                )
            )
        )
    }

    mutating func erase(_ index: UInt64, ground: PayloadErased.Ground = .expired) throws {
        let facts = try #require(memory.all.first { $0.facts.index.value == index }).facts
        var sum = ErasureDigest()
        sum.append(facts.index, leafHash: facts.leafHash)
        let digest = sum.finalize()
        let standing = audit.state.lockStanding(of: facts.index, lock: facts.lock)
        var history = standing.history
        if case .bypass(let bypass) = ground { history.removeAll { $0 == bypass } }
        let item = PayloadErased.Item(
            records: IndexRanges(facts.index),
            lock: standing.lock,
            history: history
        )
        try act(
            .payloadErased(
                PayloadErased(
                    collection: facts.collection,
                    ground: ground,
                    items: [item],
                    policy: audit.state.policyIndex(for: facts.collection),
                    clock: ClockReading(compliance: try time, wall: try time),
                    count: 1,
                    digest: digest
                )
            ),
            by: "strongroom"
        )
    }

    mutating func token(_ name: String, bypass: Bool = false) throws {
        let grant = AccessGrant(
            name: try PrincipalName(name),
            role: .retention,
            rights: bypass ? [.bypass] : []
        )
        try act(.accessChanged(.created(grant)), by: "local")
    }

    mutating func hold(_ index: UInt64, _ matter: String = "case/1") throws {
        let records = IndexRanges(RecordIndex(index))
        try act(.holdPlaced(try Matter(matter), .records(records)))
    }

    mutating func target(_ name: String = "s3") throws {
        let description = TargetDescription(
            name: try TargetName(name),
            bucket: "evidence",
            region: "eu-central-1",
            logRetention: try RetentionDuration(parsing: "10y")
        )
        try act(.targetAdded(description))
    }

    mutating func probe(_ finding: ProbeReport.Finding, _ name: String = "s3") throws {
        let report = ProbeReport(
            findings: Dictionary(
                uniqueKeysWithValues: ProbeReport.Rule.allCases.map { ($0, finding) }
            ),
            hasConditions: true,
            hasChecksums: true,
            detail: "found"
        )
        try act(.targetProbed(try TargetName(name), report), by: "strongroom")
    }

    mutating func phase(_ name: String = "s3") throws {
        let root = SHA256.hash(Array("root".utf8).span)
        let change = TargetPhaseChange(
            target: try TargetName(name),
            from: .local,
            to: .dual,
            size: TreeSize(next),
            localRoot: root,
            targetRoot: root
        )
        try act(.targetPhase(change))
    }

    mutating func rotate() throws {
        let (before, after) = (try Self.signer(), try Self.signer(seed: 77))
        try act(
            .keyRotated(
                KeyRotation(
                    key: after.verifierKey,
                    previous: before.verifierKey,
                    size: TreeSize(next + 1),
                    until: try Self.time(now - Self.start + 30 * Self.day),
                    signatures: KeyRotation.Signatures(from: before, to: after)
                )
            )
        )
    }

    mutating func policy(_ collection: String = "a") throws {
        let retention = try RetentionPolicy(
            mode: .compliance,
            minimum: RetentionDuration(parsing: "1s"),
            standard: RetentionDuration(parsing: "7y"),
            maximum: RetentionDuration(parsing: "99y")
        )
        try act(
            .policySet(try CollectionName(collection), CollectionPolicy(retention: retention))
        )
    }

    /// Ends the log, and what the report knows of it.
    func facts() -> ReportFacts {
        var fold = fold
        fold.end(audit, finding: finding)
        if finding == nil { fold.takeStock(from: memory) }
        return fold.facts
    }

    /// A checkpoint's signature lines without witnesses, and no list of time-stamps.
    static func alone() throws -> ReportAttestations {
        ReportAttestations(
            witnesses: ReportWitnesses(try signed()),
            timestamps: ReportTimeStamps(unread: "nobody was asked")
        )
    }

    /// One authority's time-stamp of a tree, with this standing.
    static func stamped(
        _ size: UInt64,
        _ standing: ReportTimeStamps.Standing,
        isAsked: Bool = true
    ) -> ReportTimeStamps {
        let stamp = ReportTimeStamps.Stamp(
            size: TreeSize(size),
            time: "2030-01-02T00:00:00.000Z",
            milliseconds: start + day,
            standing: standing
        )
        return ReportTimeStamps(
            isAsked: isAsked,
            authorities: [ReportTimeStamps.Authority(name: "tsa", deciding: stamp)],
            asked: Timestamp(milliseconds: start + 4 * day) ?? .earliest
        )
    }

    static func signed() throws -> SignedCheckpoint {
        let checkpoint = try Checkpoint(
            origin: origin,
            size: TreeSize(7),
            root: SHA256.hash(Array("root".utf8).span)
        )
        return try SignedCheckpoint.sign(checkpoint, by: try signer())
    }

    /// The same checkpoint with and without what others were asked for.
    static func attested() throws -> [ReportAttestations] {
        let timestamps = [
            ReportTimeStamps(unread: "nobody was asked"), stamped(1 << 40, .verified("CN=tsa")),
            stamped(1 << 40, .wrong("it is forged")), stamped(1 << 40, .listed, isAsked: false),
        ]
        return zip(try witnessed(), timestamps).map {
            ReportAttestations(witnesses: $0, timestamps: $1)
        }
    }

    /// The same checkpoint with and without a cosignature that is asked for.
    private static func witnessed() throws -> [ReportWitnesses] {
        let signed = try signed()
        let cosigner = try Cosigner(
            name: "witness.example",
            privateKey: try #require(Ed25519PrivateKey(seed: [UInt8](repeating: 3, count: 32)))
        )
        let other = try Cosigner(
            name: "other.example",
            privateKey: try #require(Ed25519PrivateKey(seed: [UInt8](repeating: 4, count: 32)))
        )
        let cosignature = cosigner.cosign(signed.checkpoint, timestampSeconds: 1_893_456_000)
        let note = try signed.note.adding([cosignature]).note
        let both = try SignedCheckpoint.open(note, keys: [signer().verifierKey])
        return [
            ReportWitnesses(signed), ReportWitnesses(both),
            ReportWitnesses(both, keys: [cosigner.cosignatureKey]),
            ReportWitnesses(both, keys: [cosigner.cosignatureKey, other.cosignatureKey]),
        ]
    }
}
