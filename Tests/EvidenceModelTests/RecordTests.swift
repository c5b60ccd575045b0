import Cryptography
import Testing
import TransparencyLog

@testable import EvidenceModel

@Suite struct RecordTests {
    @Test func anOpenRecordHasThisForm() throws {
        let expected = #"""
            {"collection":"payments","idempotencyKey":"build-17/metrics","kind":"evidence",\#
            "labels":{"branch":"main","sprint":"6"},\#
            "lock":{"mode":"COMPLIANCE","until":"2033-11-22T00:00:00Z"},\#
            "mediaType":"application/json","name":"sprint6/metrics.json","payload":{"sha256":\#
            "239f59ed55e737c77147cf55ad0c1b030b6d7ee748a7426952f9b852d5a935e5","size":1234},\#
            "received":"2026-11-21T01:02:03.456Z","sequence":41,\#
            "submitter":"pipeline:payments-ci",\#
            "traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","v":1}
            """#
        #expect(text(try Samples.openRecord().encoded) == expected)
    }

    @Test func everyKindIsReadBackAsWritten() throws {
        for record in [
            try Samples.openRecord(), try Samples.sealedRecord(), try Samples.logCreated(),
        ] {
            let read = try parsedRecord(record.encoded)
            #expect(read == record)
            #expect(read.encoded == record.encoded)
        }
    }

    @Test func aRecordTellsWhatItIs() throws {
        let open = try Samples.openRecord()
        let sealed = try Samples.sealedRecord()
        let created = try Samples.logCreated()
        #expect([open, sealed, created].map(\.kind) == [.evidence, .evidence, .logCreated])
        #expect(open.collection?.text == "payments")
        #expect(open.sequence?.value == 41)
        #expect(open.lock == (try Samples.lock()))
        #expect(open.received.rfc3339 == "2026-11-21T01:02:03.456Z")
        #expect(sealed.collection == open.collection)
        #expect(sealed.sequence == open.sequence)
        #expect(sealed.lock == open.lock)
        #expect(sealed.received == open.received)
        #expect(created.collection == nil)
        #expect(created.sequence == nil)
        #expect(created.lock == nil)
        #expect(created.received.rfc3339 == "2026-11-21T00:00:00.000Z")
    }

    @Test func aDraftEncodesTheRecord() throws {
        let lock = try Samples.lock()
        let received = try Samples.time("2026-11-21T01:02:03.456Z")
        let sequence = try #require(SequenceNumber(41))
        let description = try Samples.openDescription()
        let open = EvidenceDraft(
            collection: try CollectionName("payments"),
            form: .open(description)
        )
        let opened = try Samples.openRecord().encoded
        #expect(open.encode(received: received, sequence: sequence, lock: lock) == opened)
        #expect(open.description == description)
        #expect(open.opening == nil)
        let opening = try Samples.opening()
        let sealed = EvidenceDraft(
            collection: try CollectionName("payments"),
            form: .sealed(description, opening)
        )
        let closed = try Samples.sealedRecord().encoded
        #expect(sealed.encode(received: received, sequence: sequence, lock: lock) == closed)
        #expect(sealed.description == description)
        #expect(sealed.opening == opening)
        #expect(sealed.fingerprint == open.fingerprint)
        #expect(sealed.keyHash == open.keyHash)
    }

    /// Byte 65,535 is still looked at; 65,536 are refused before anything is.
    @Test func theLargestRecordHas65535Bytes() throws {
        #expect(Record.maximumSizeBytes == 65_535)
        let frame = #"{"a":"","kind":"other","v":1}"#
        for size in [65_534, 65_535] {
            let filler = String(repeating: "x", count: size - frame.utf8.count)
            let text = #"{"a":"\#(filler)","kind":"other","v":1}"#
            #expect(text.utf8.count == size)
            let found = error { () throws(RecordError) in try parsedRecord(text) }
            #expect(found == .unknownKind("\"other\""))
        }
        let filler = String(repeating: "x", count: 65_536 - frame.utf8.count)
        let found = error { () throws(RecordError) in
            try parsedRecord(#"{"a":"\#(filler)","kind":"other","v":1}"#)
        }
        #expect(found == .tooLarge(sizeBytes: 65_536))
    }

    @Test func aNewerProgramIsNamedBeforeAnythingElse() throws {
        func refusal(_ text: String) -> RecordError? {
            error { () throws(RecordError) in try parsedRecord(text) }
        }
        #expect(refusal(#"{"kind":"x","v":2}"#) == .newerVersion(2))
        #expect(refusal(#"{"kind":["x"],"v":9007199254740991}"#) == .newerVersion((1 << 53) - 1))
        #expect(
            refusal(#"{"kind":"key.forged","lock":[],"v":1}"#) == .unknownKind("\"key.forged\"")
        )
        #expect(refusal(#"{"kind":"evidence","v":0}"#)?.description.contains("\"v\"") == true)
        #expect(refusal(#"{"kind":"evidence"}"#) == .missingMember("v"))
        #expect(refusal(#"{"v":1}"#) == .missingMember("kind"))
        #expect(refusal(#"{}"#) == .missingMember("v"))
    }

    @Test func errorsNameTheMember() throws {
        let text = text(try Samples.openRecord().encoded)
        for (old, new, expected) in [
            ("\"v\":1", "\"v\":1,\"x\":1", "the unknown member \"x\""),
            ("\"sequence\":41,", "", "the member \"sequence\" is missing"),
            ("\"sequence\":41", "\"sequence\":0", "the member \"sequence\": must be at least 1"),
            ("COMPLIANCE", "LEGAL", "the member \"mode\": must be COMPLIANCE or GOVERNANCE"),
        ] {
            let found = error { () throws(RecordError) in
                try parsedRecord(text.replacing(old, with: new))
            }
            #expect(found?.description == expected)
        }
        for (error, word) in [
            (RecordError.tooLarge(sizeBytes: 70_000), "65535"), (.notAnObject, "object"),
            (.newerVersion(2), "newer program"), (.unknownKind("\"x\""), "newer program"),
            (.notCanonical(JSONError(reason: .tooDeep, offset: 3)), "16 levels (at byte 3)"),
        ] {
            #expect(error.description.contains(word))
        }
    }

    @Test func anOpeningOpensOneDescription() throws {
        let opening = try Samples.opening()
        let again = try SealedOpening(salt: opening.salt, description: opening.description)
        #expect(again == opening)
        #expect(again.evidence == (try Samples.openDescription()))
        let other = SealedOpening(
            salt: [UInt8](1...32),
            evidence: try Samples.openDescription()
        )
        #expect(other.commitment != opening.commitment)
        for salt in [[], [UInt8](0..<31), [UInt8](0..<33)] {
            #expect(throws: RecordError.self) {
                try SealedOpening(salt: salt, description: opening.description)
            }
        }
        for description in ["", "{}", "[]", text(opening.description) + " "] {
            #expect(throws: RecordError.self) {
                try SealedOpening(salt: opening.salt, description: Array(description.utf8))
            }
        }
        let long = [UInt8](repeating: 0x20, count: 65_536)
        #expect(throws: RecordError.tooLarge(sizeBytes: 65_536)) {
            try SealedOpening(salt: opening.salt, description: long)
        }
    }

    @Test func aLogIsCreatedWithinLimits() throws {
        let key = try Samples.signer().verifierKey
        func field(
            _ origin: String = key.name,
            _ founders: [String] = [],
            _ height: UInt8 = 16,
            _ keys: [VerifierKey] = [key]
        ) -> LimitViolation.Field? {
            error { () throws(LimitViolation) in
                try LogCreation(
                    origin: origin,
                    founders: founders,
                    segmentHeight: height,
                    verifierKeys: keys,
                    received: .earliest
                )
            }?.field
        }
        #expect(field() == nil)
        #expect(field("other") == .verifierKeys)
        for origin in [
            "", "a b", "a+b", "a\u{A0}b", "a\nb", "a\u{9F}b", String(repeating: "o", count: 256),
        ] {
            #expect(field(origin) == .origin)
        }
        #expect(field(key.name, (0..<16).map { "f\($0)" }) == nil)
        #expect(field(key.name, (0..<17).map { "f\($0)" }) == .founders)
        for founders in [[""], ["a\nb"], ["a", "a"], [String(repeating: "f", count: 257)]] {
            #expect(field(key.name, founders) == .founders)
        }
        #expect(field(key.name, ["Zo\u{EB}", "Zoe\u{308}"]) == nil)
        #expect(field(key.name, [], 8) == nil)
        for height in [UInt8(0), 7, 9, 17, 255] {
            #expect(field(key.name, [], height) == .segmentHeight)
        }
        #expect(field(key.name, [], 8, []) == .verifierKeys)
        #expect(field(key.name, [], 8, [key, key]) == .verifierKeys)
        let keys = try (UInt8(0)..<17).map { try Samples.signer(seed: $0).verifierKey }
        #expect(field(key.name, [], 8, Array(keys.prefix(16))) == nil)
        #expect(field(key.name, [], 8, keys) == .verifierKeys)
    }
}

@Suite struct FingerprintTests {
    @Test func theSameRequestHasTheSameFingerprint() throws {
        let description = try Samples.openDescription()
        let request = LockRequest(retention: .duration(try RetentionDuration(parsing: "7y")))
        let first = RequestFingerprint(description: description, lockRequest: request)
        #expect(first == RequestFingerprint(description: description, lockRequest: request))
        #expect(first != RequestFingerprint(description: description, lockRequest: .standard))
        #expect(first.bytes.count == RequestFingerprint.sizeBytes)
        func stored(_ bytes: [UInt8]) -> RequestFingerprint? { RequestFingerprint(bytes.span) }
        #expect(stored(first.bytes) == first)
        #expect(stored(Array(first.bytes.dropLast())) == nil)
        var appended: [UInt8] = [1]
        first.append(to: &appended)
        #expect(appended == [1] + first.bytes)
    }

    @Test func aKeyIsScopedToCollectionAndSubmitter() throws {
        let key = try IdempotencyKey("k")
        let hash = KeyHash(
            collection: try CollectionName("a"),
            submitter: try Submitter("b"),
            key: key
        )
        let others = [
            KeyHash(collection: try CollectionName("ab"), submitter: try Submitter("b"), key: key),
            KeyHash(collection: try CollectionName("a"), submitter: try Submitter("bk"), key: key),
            KeyHash(
                collection: try CollectionName("a"),
                submitter: try Submitter("b"),
                key: try IdempotencyKey("kk")
            ),
        ]
        #expect(!others.contains(hash))
        #expect(Set(others + [hash]).count == 4)
        func stored(_ bytes: [UInt8]) -> KeyHash? { KeyHash(bytes.span) }
        #expect(stored(hash.bytes) == hash)
        #expect(stored([]) == nil)
        var appended: [UInt8] = []
        hash.append(to: &appended)
        #expect(appended == hash.bytes)
        #expect(appended.count == KeyHash.sizeBytes)
    }
}
