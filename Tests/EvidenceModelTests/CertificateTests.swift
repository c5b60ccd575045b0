import Cryptography
import EvidenceModel
import Testing
import TransparencyLog

/// What a certificate says, to be varied.
private struct Erasure {
    var collection = "payments"
    var ground = PayloadErased.Ground.expired
    var records = IndexRanges(RecordIndex(2))
    var lock: Lock
    var history: [RecordIndex] = [RecordIndex(3)]
    var policy: RecordIndex?
    var compliance = "2035-01-02T00:00:00Z"
    var wall = "2035-01-02T00:00:10Z"
    /// Nil: that of record 2 alone.
    var digest: SHA256Digest?
    var principal = PrincipalName.strongroom

    /// After the extension of record 2.
    init() throws {
        lock = try #require(Lock(mode: .compliance, until: Samples.time("2035-01-01")))
    }
}

/// A log: 0 created, 1 open under GOVERNANCE, 2 sealed under COMPLIANCE, 3 extends the lock of 2.
private struct ErasedLog {
    static let governed = 1
    static let sealed = 2
    var log: SmallLog

    init(signer: NoteSigner? = nil, governed: RetentionMode = .governance) throws {
        log = SmallLog(try signer ?? Samples.signer())
        log.append(try Samples.logCreated().encoded)
        log.append(
            Record.evidence(
                OpenEvidence(
                    collection: try CollectionName("payments"),
                    description: try Samples.openDescription(),
                    lock: try #require(Lock(mode: governed, until: Samples.time("2040-01-01"))),
                    received: try Samples.time("2026-11-21T01:02:03.456Z"),
                    sequence: .first
                )
            ).encoded
        )
        log.append(try Samples.sealedRecord().encoded, opening: try Samples.opening())
        try append(
            .lockExtended(records: IndexRanges(RecordIndex(2)), lock: Erasure().lock),
            by: PrincipalName("ann")
        )
    }

    mutating func append(_ act: Act, by principal: PrincipalName) throws {
        let record = ActRecord(
            act: act,
            principal: principal,
            reason: try Reason("schedule 12b"),
            received: try Samples.time("2035-01-02T00:00:10Z")
        )
        log.append(Record.act(record).encoded)
    }

    /// The digest of an erasure of one record.
    func digest(of index: Int) -> SHA256Digest {
        let record = log.records[index]
        var digest = ErasureDigest()
        digest.append(RecordIndex(UInt64(index)), leafHash: MerkleTree.leafHash(record.span))
        return digest.finalize()
    }

    /// Appends a certificate; its index.
    mutating func erase(_ change: (inout Erasure) throws -> Void = { _ in }) throws -> Int {
        var erasure = try Erasure()
        try change(&erasure)
        let own = digest(of: ErasedLog.sealed)
        try append(
            .payloadErased(
                PayloadErased(
                    collection: CollectionName(erasure.collection),
                    ground: erasure.ground,
                    items: [
                        .init(
                            records: erasure.records,
                            lock: erasure.lock,
                            history: erasure.history
                        )
                    ],
                    policy: erasure.policy,
                    clock: ClockReading(
                        compliance: Samples.time(erasure.compliance),
                        wall: Samples.time(erasure.wall)
                    ),
                    count: erasure.records.count,
                    digest: erasure.digest ?? own
                )
            ),
            by: erasure.principal
        )
        return log.records.count - 1
    }

    func failure(_ certificate: Int, of index: Int) throws -> CertificateFailure? {
        let receipts = (try log.receipt(certificate), try log.receipt(index))
        let keys = [log.signer.verifierKey]
        return error { () throws(CertificateFailure) in
            try CertificateVerification.verify(receipts.0, of: receipts.1, keys: keys)
        }
    }

    func prove(_ certificate: Int, of index: Int) throws -> ErasureProof {
        try CertificateVerification.verify(
            log.receipt(certificate),
            of: log.receipt(index),
            keys: [log.signer.verifierKey]
        )
    }
}

@Suite struct CertificateTests {
    @Test func anExpiredLockIsProven() throws {
        var log = try ErasedLog()
        let certificate = try log.erase()
        let proof = try log.prove(certificate, of: ErasedLog.sealed)
        #expect(proof.index.value == 2 && proof.certificate.value == 4)
        #expect(!proof.isBypass && proof.isDigestCompared)
        #expect(proof.item.history == [RecordIndex(3)] && proof.principal == .strongroom)
        #expect(proof.reason?.text == "schedule 12b")
    }

    /// The old receipt may be in a smaller tree than the certificate.
    @Test func aReceiptFromBeforeTheErasureIsEnough() throws {
        var log = try ErasedLog()
        let old = try log.log.receipt(ErasedLog.sealed)
        let certificate = try log.erase()
        let proof = try CertificateVerification.verify(
            log.log.receipt(certificate),
            of: old,
            keys: [log.log.signer.verifierKey]
        )
        #expect(old.treeSize.value < proof.certificate.value + 1)
    }

    @Test func aBypassIsShownAsOne() throws {
        var log = try ErasedLog()
        try log.append(
            .lockBypassed(records: IndexRanges(RecordIndex(1))),
            by: PrincipalName("bob")
        )
        let granted = try #require(Lock(mode: .governance, until: Samples.time("2040-01-01")))
        let digest = log.digest(of: ErasedLog.governed)
        let certificate = try log.erase { erasure in
            erasure.records = IndexRanges(RecordIndex(1))
            erasure.ground = .bypass(RecordIndex(4))
            erasure.lock = granted
            erasure.history = []
            erasure.digest = digest
            erasure.principal = try PrincipalName("bob")
        }
        let proof = try log.prove(certificate, of: ErasedLog.governed)
        #expect(proof.isBypass && proof.principal.text == "bob")
        #expect(proof.item.lock.isLocked(at: proof.erasure.clock.releasing))
    }

    @Test func severalRecordsAreProvenWithoutTheirDigest() throws {
        var log = try ErasedLog()
        let certificate = try log.erase { erasure in
            erasure.records = try #require(IndexRanges(ranges: [2...2, 7...9]))
            erasure.digest = SHA256.hash("of all four".utf8.span)
        }
        #expect(try !log.prove(certificate, of: ErasedLog.sealed).isDigestCompared)
    }

    @Test func otherRecordsAreNotCovered() throws {
        var log = try ErasedLog()
        let certificate = try log.erase()
        #expect(try log.failure(certificate, of: 1) == .notCovered(RecordIndex(1)))
        #expect(try log.failure(certificate, of: 0) == .notEvidence(RecordIndex(0), .logCreated))
        #expect(
            try log.failure(certificate, of: certificate)
                == .notEvidence(RecordIndex(4), .payloadErased)
        )
        #expect(try log.failure(3, of: 2) == .notACertificate(RecordIndex(3), .lockExtended))
        #expect(try log.failure(1, of: 2) == .notACertificate(RecordIndex(1), .evidence))
    }

    @Test func aCertificateOfAnotherLogIsRefused() throws {
        var first = try ErasedLog()
        _ = try first.erase()
        var second = try ErasedLog(signer: Samples.signer("log.example/other", seed: 9))
        let index = try second.erase()
        let certificate = try second.log.receipt(index)
        let record = try first.log.receipt(ErasedLog.sealed)
        // Both keys are trusted: what counts is that the logs differ.
        let keys = [first.log.signer.verifierKey, second.log.signer.verifierKey]
        let failure = error { () throws(CertificateFailure) in
            try CertificateVerification.verify(certificate, of: record, keys: keys)
        }
        guard case .otherLog = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        let unknown = error { () throws(CertificateFailure) in
            try CertificateVerification.verify(certificate, of: record, keys: [keys[0]])
        }
        guard case .certificate = unknown else {
            Issue.record("\(String(describing: unknown))")
            return
        }
    }

    @Test func aForkOfTheLogIsRefused() throws {
        var first = try ErasedLog()
        _ = try first.erase()
        var second = try ErasedLog(governed: .compliance)
        let index = try second.erase()
        let certificate = try second.log.receipt(index)
        let record = try first.log.receipt(ErasedLog.sealed)
        let keys = [first.log.signer.verifierKey]
        let failure = error { () throws(CertificateFailure) in
            try CertificateVerification.verify(certificate, of: record, keys: keys)
        }
        guard case .otherLog = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
    }

    /// What each certificate claims, and what is wrong with it.
    @Test func whatContradictsTheRecordIsRefused() throws {
        let before = try Samples.time("2030-01-01")
        let cases: [(name: String, change: (inout Erasure) throws -> Void)] = [
            ("another collection", { $0.collection = "orders" }),
            ("no act changed the lock, and it differs", { $0.history = [] }),
            (
                "a shortened lock",
                { $0.lock = try #require(Lock(mode: .compliance, until: before)) }
            ),
            (
                "a weakened lock",
                { $0.lock = try #require(Lock(mode: .governance, until: $0.lock.until)) }
            ),
            ("an act from after it", { $0.history = [RecordIndex(3), RecordIndex(5)] }),
            ("a policy from after it", { $0.policy = RecordIndex(4) }),
            ("the digest of something else", { $0.digest = SHA256.hash("other".utf8.span) }),
            (
                "an event that was not awaited",
                {
                    $0.lock = Lock(
                        mode: .compliance,
                        awaiting: try EventName("closed"),
                        then: try RetentionDuration(parsing: "7y")
                    )
                }
            ),
        ]
        for (name, change) in cases {
            var log = try ErasedLog()
            let certificate = try log.erase(change)
            let failure = try log.failure(certificate, of: ErasedLog.sealed)
            guard case .contradiction = failure else {
                Issue.record("\(name): \(String(describing: failure))")
                continue
            }
        }
    }

    @Test func whatItsOwnWordsForbidIsRefused() throws {
        let cases: [(name: String, change: (inout Erasure) throws -> Void)] = [
            ("the compliance clock was not there yet", { $0.compliance = "2035-01-01T00:00:00Z" }),
            ("the wall clock was not there yet", { $0.wall = "2034-12-31T23:59:59Z" }),
            (
                "the clocks did not agree",
                { ($0.compliance, $0.wall) = ("2035-02-01T00:00:00Z", "2036-02-01T00:00:00Z") }
            ),
            ("COMPLIANCE was bypassed", { $0.ground = .bypass(RecordIndex(3)) }),
        ]
        for (name, change) in cases {
            var log = try ErasedLog()
            let certificate = try log.erase(change)
            let failure = try log.failure(certificate, of: ErasedLog.sealed)
            guard case .unlawful = failure else {
                Issue.record("\(name): \(String(describing: failure))")
                continue
            }
        }
    }

    @Test func anEventGivesTheDateThatWasAwaited() throws {
        for (mode, isLawful) in [(RetentionMode.compliance, true), (.governance, false)] {
            var log = SmallLog(try Samples.signer())
            log.append(try Samples.logCreated().encoded)
            log.append(
                Record.evidence(
                    OpenEvidence(
                        collection: try CollectionName("payments"),
                        description: try Samples.openDescription(),
                        lock: Lock(
                            mode: .compliance,
                            awaiting: try EventName("closed"),
                            then: try RetentionDuration(parsing: "1y")
                        ),
                        received: try Samples.time("2026-11-21T01:02:03.456Z"),
                        sequence: .first
                    )
                ).encoded
            )
            var erased = try ErasedLog()
            erased.log = log
            try erased.append(
                .eventRecorded(
                    EventName("closed"),
                    at: nil,
                    records: IndexRanges(RecordIndex(1)),
                    lock: #require(Lock(mode: .compliance, until: Samples.time("2035-01-01")))
                ),
                by: PrincipalName("ann")
            )
            let granted = try #require(Lock(mode: mode, until: Samples.time("2035-01-01")))
            let own = erased.digest(of: 1)
            let certificate = try erased.erase { erasure in
                erasure.records = IndexRanges(RecordIndex(1))
                erasure.lock = granted
                erasure.history = [RecordIndex(2)]
                erasure.digest = own
            }
            #expect((try erased.failure(certificate, of: 1) == nil) == isLawful)
        }
    }

    @Test func everyFlippedByteIsRefused() throws {
        var log = try ErasedLog()
        let certificate = try log.erase()
        let good = (
            certificate: try log.log.receipt(certificate).encodedJSON,
            record: try log.log.receipt(ErasedLog.sealed).encodedJSON
        )
        let record = try parsedReceipt(good.record)
        let proof = try parsedReceipt(good.certificate)
        let keys = [log.log.signer.verifierKey]
        for place in good.certificate.indices {
            var bytes = good.certificate
            bytes[place] ^= 1
            guard let changed = try? parsedReceipt(bytes) else { continue }
            let failure = error { () throws(CertificateFailure) in
                try CertificateVerification.verify(changed, of: record, keys: keys)
            }
            #expect(failure != nil, "byte \(place) of the certificate")
        }
        for place in good.record.indices {
            var bytes = good.record
            bytes[place] ^= 1
            guard let changed = try? parsedReceipt(bytes) else { continue }
            let failure = error { () throws(CertificateFailure) in
                try CertificateVerification.verify(proof, of: changed, keys: keys)
            }
            #expect(failure != nil, "byte \(place) of the record's receipt")
        }
    }
}
