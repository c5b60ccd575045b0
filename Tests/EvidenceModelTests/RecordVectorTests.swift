import Cryptography
import EvidenceModel
import Testing
import TransparencyLog

/// A record that scripts/vectors/record_vectors.py wrote, and what it was made of.
private struct RecordVector: Decodable {
    struct Payload: Decodable {
        let sha256: String
        let size: UInt64
    }

    struct Description: Decodable {
        let idempotencyKey: String?
        let labels: [String: String]?
        let mediaType: String
        let name: String
        let payload: Payload
        let submitter: String
        let traceparent: String?

        func model() throws -> EvidenceDescription {
            EvidenceDescription(
                name: try EvidenceName(name),
                mediaType: try MediaType(mediaType),
                labels: try Labels((labels ?? [:]).map { (key: $0.key, value: $0.value) }),
                payloadDigest: try #require(SHA256Digest(hex: payload.sha256)),
                payloadSize: payload.size,
                idempotencyKey: try idempotencyKey.map { try IdempotencyKey($0) },
                submitter: try Submitter(submitter),
                traceparent: try traceparent.map { try Traceparent($0) }
            )
        }
    }

    struct RequestedLock: Decodable {
        let mode: String?
        let retain: String?
        let until: String?

        func model() throws -> LockRequest {
            var retention = LockRequest.Retention.standard
            if let retain { retention = .duration(try RetentionDuration(parsing: retain)) }
            if let until { retention = .until(try Timestamp(userInput: until)) }
            return LockRequest(
                mode: try mode.map { try RetentionMode(userInput: $0) },
                retention: retention
            )
        }
    }

    let title: String
    let description: Description
    let requestedLock: RequestedLock?
    let salt: String?
    let canonicalDescription: String?
    let record: String
    let leafHash: String
    let fingerprint: String
    let keyHash: String?
}

private struct CreationVector: Decodable {
    let record: String
    let leafHash: String
}

private struct RefusedVector: Decodable {
    let error: String
    let record: String
}

@Suite(.tags(.golden)) struct RecordVectorTests {
    @Test func evidenceAgreesWithPython() throws {
        for vector in try Vectors.json("record/records.json", as: [RecordVector].self) {
            let bytes = Array(vector.record.utf8)
            let record = try parsedRecord(bytes)
            #expect(record.encoded == bytes, "\(vector.title)")
            #expect(MerkleTree.leafHash(bytes.span).hex == vector.leafHash)

            let description = try vector.description.model()
            let request = try vector.requestedLock?.model() ?? .standard
            let collection = try #require(record.collection)
            var form = EvidenceDraft.Form.open(description)
            if let salt = vector.salt {
                let opening = SealedOpening(
                    salt: try #require(Hex.decode(salt)),
                    evidence: description
                )
                #expect(text(opening.description) == vector.canonicalDescription)
                form = .sealed(description, opening)
            }
            let draft = EvidenceDraft(collection: collection, form: form, lockRequest: request)
            let encoded = draft.encode(
                received: record.received,
                sequence: try #require(record.sequence),
                lock: try #require(record.lock)
            )
            #expect(encoded == bytes, "\(vector.title)")
            #expect(Hex.encode(draft.fingerprint.bytes.span) == vector.fingerprint)
            #expect(draft.keyHash.map { Hex.encode($0.bytes.span) } == vector.keyHash)
        }
    }

    @Test func logCreationsAgreeWithPython() throws {
        for vector in try Vectors.json("record/log-created.json", as: [CreationVector].self) {
            let bytes = Array(vector.record.utf8)
            let record = try parsedRecord(bytes)
            #expect(record.kind == .logCreated)
            #expect(record.encoded == bytes)
            #expect(MerkleTree.leafHash(bytes.span).hex == vector.leafHash)
        }
    }

    @Test func faultyRecordsAreRefusedByTheirFault() throws {
        for vector in try Vectors.json("record/refused.json", as: [RefusedVector].self) {
            let found = error { () throws(RecordError) in try parsedRecord(vector.record) }
            #expect(found.map(name) == vector.error, "\(vector.record): \(found as Any)")
        }
    }

    private func name(_ error: RecordError) -> String {
        switch error {
        case .tooLarge: "tooLarge"
        case .notCanonical: "notCanonical"
        case .notAnObject: "notAnObject"
        case .newerVersion: "newerVersion"
        case .unknownKind: "unknownKind"
        case .unknownMember: "unknownMember"
        case .missingMember: "missingMember"
        case .invalidMember: "invalidMember"
        }
    }
}

@Suite(.tags(.property)) struct RecordPropertyTests {
    /// A draft's record is canonical, is read as what was put in, and fits.
    @Test func whatIsDraftedIsRead() throws {
        var draw = Draw()
        for _ in 0..<1_000 {
            let collection = try draw.collection()
            let description = try draw.description()
            let (received, sequence, lock) = (
                try draw.timestamp(), try draw.sequence(), try draw.lock()
            )
            let opening = SealedOpening(salt: draw.bytes(32), evidence: description)
            let open = EvidenceDraft(collection: collection, form: .open(description))
                .encode(received: received, sequence: sequence, lock: lock)
            let sealed = EvidenceDraft(collection: collection, form: .sealed(description, opening))
                .encode(received: received, sequence: sequence, lock: lock)
            #expect(
                try parsedRecord(open)
                    == .evidence(
                        OpenEvidence(
                            collection: collection,
                            description: description,
                            lock: lock,
                            received: received,
                            sequence: sequence
                        )
                    )
            )
            #expect(
                try parsedRecord(sealed)
                    == .sealedEvidence(
                        SealedEvidence(
                            collection: collection,
                            commitment: opening.commitment,
                            lock: lock,
                            received: received,
                            sequence: sequence
                        )
                    )
            )
            for record in [open, sealed, opening.description] {
                #expect(CanonicalJSON.encode(try parsedJSON(record)) == record)
            }
            #expect(
                try SealedOpening(salt: opening.salt, description: opening.description) == opening
            )
        }
    }

    /// Damage is refused, or it made another record that is written back as it was read.
    @Test func whatIsReadIsWritten() throws {
        var draw = Draw()
        var accepted = 0
        let samples = [
            try Samples.openRecord().encoded, try Samples.sealedRecord().encoded,
            try Samples.logCreated().encoded,
        ]
        for _ in 0..<5_000 {
            var bytes = draw.element(of: samples)
            for _ in 0..<draw.int(1...2) { draw.damage(&bytes) }
            guard let record = try? parsedRecord(bytes) else { continue }
            accepted += 1
            #expect(record.encoded == bytes)
        }
        #expect(accepted > 0)
    }

    @Test func randomBytesNeverTrap() throws {
        var draw = Draw()
        for _ in 0..<5_000 {
            let bytes = draw.bytes(draw.int(0...200))
            if let record = try? parsedRecord(bytes) { #expect(record.encoded == bytes) }
            let object = CanonicalJSON.encode(draw.json(depth: 3))
            if let record = try? parsedRecord(object) { #expect(record.encoded == object) }
        }
    }
}
