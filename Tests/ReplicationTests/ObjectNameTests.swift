import Cryptography
import EvidenceModel
import Testing

@testable import Replication

@Suite struct ObjectNameTests {
    @Test func keysAreOneTo1024Bytes() {
        #expect(ObjectKey("a")?.text == "a")
        #expect(ObjectKey(String(repeating: "é", count: 512))?.text.utf8.count == 1_024)
        #expect(ObjectKey("") == nil)
        #expect(ObjectKey(String(repeating: "é", count: 513)) == nil)
    }

    @Test func keysAreTheirBytes() throws {
        let composed = try #require(ObjectKey("caf\u{e9}"))
        let decomposed = try #require(ObjectKey("cafe\u{301}"))
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
        #expect(decomposed < composed)
        #expect(try #require(ObjectKey("B")) < #require(ObjectKey("a")))
    }

    @Test(arguments: ["", " ", "a b", "a\n", "é", String(repeating: "a", count: 1_025)])
    func versionsAndTagsAreVisibleASCII(text: String) {
        #expect(ObjectVersion(text) == nil)
        #expect(ObjectTag(text) == nil)
    }

    @Test(arguments: [
        ("\"a\"", "a"), ("a", "a"), ("\"", "\""), ("\"\"", ""), ("W/\"a\"", "W/\"a\""),
    ])
    func tagsWithoutTheirQuotationMarks(text: String, opaque: String) {
        #expect(ObjectTag(text).map { String($0.opaque) } == opaque)
    }

    @Test func locksEndOnAWholeSecond() throws {
        let whole = try #require(Timestamp(rfc3339Seconds: "2033-11-22T00:00:00Z"))
        let lock = ObjectLock(mode: .compliance, until: whole)
        #expect(lock?.description == "COMPLIANCE until 2033-11-22T00:00:00Z")
        let broken = try #require(whole.adding(milliseconds: 1))
        #expect(ObjectLock(mode: .compliance, until: broken) == nil)
    }
}

@Suite struct ObjectContentTests {
    @Test func aRequestKnowsTheChecksumOfItsBytes() throws {
        let key = try #require(ObjectKey("k"))
        let request = PutRequest(key: key, bytes: Array("abc".utf8))
        #expect(
            request.checksum.hex
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        )
        #expect(request.body.sizeBytes == 3)
        #expect(request.lock == nil && request.hold == .off && request.condition == .none)
    }

    /// The checksum of the parts `a` and `b`:
    /// `python3 -c "from hashlib import sha256 as h;`
    /// `print(h(h(b'a').digest() + h(b'b').digest()).hexdigest())"`.
    @Test func aCompositeIsTheDigestOfDigests() throws {
        let parts = ["a", "b"].map { text in
            let bytes = Array(text.utf8)
            return SHA256.hash(bytes.span)
        }
        let expected = try #require(
            SHA256Digest(hex: "e5a01fee14e0ed5c48714f22180f25ad8365b53f9779f79dc4a3d7e93963f94a")
        )
        #expect(ObjectChecksum(parts: parts) == .composite(expected, partCount: 2))
    }
}

@Suite struct StoreFailureTests {
    /// Each says what happened, on one line.
    @Test func everyFailureHasWords() {
        let faults: [StoreFailure.SetupFault] = [
            .bucketMissing, .wrongRegion("eu-west-1"), .wrongRegion(nil), .unknownAccessKey,
            .wrongSecretKey, .expiredCredentials, .noCredentials, .clockSkew, .tls,
            .encryptionKey, .bucketState,
        ]
        let others: [StoreFailure] = [
            .locked(detail: "x"), .preconditionFailed, .conflict(detail: "x"), .notFound,
            .deleteMarker, .accessDenied(detail: "x"), .throttled(detail: "x"),
            .unavailable(detail: "x"), .circuitOpen(retryAfterMilliseconds: 1_001),
            .rejected(detail: "x"), .unsupported(detail: "x"), .corrupt(detail: "x"),
            .transport(.notSent, detail: "x"), .transport(.unknown, detail: "x"),
            .local(detail: "x"),
        ]
        let texts =
            faults.map { "\(StoreFailure.invalid($0, detail: "x"))" }
            + others.map { "\($0)" }
        #expect(Set(texts).count == texts.count)
        #expect(texts.allSatisfy { !$0.isEmpty && !$0.contains("\n") })
        #expect(texts.contains("the store failed repeatedly; the next try is in 2 s"))
        #expect(texts.contains("the bucket is in the region eu-west-1: x"))
    }
}
