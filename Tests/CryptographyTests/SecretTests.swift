import Testing

@testable import Cryptography

@Suite struct Base64URLTests {
    /// RFC 4648 section 10 without the padding, and the two characters that differ.
    @Test(arguments: [
        ("", []), ("Zg", Array("f".utf8)), ("Zm8", Array("fo".utf8)), ("Zm9v", Array("foo".utf8)),
        ("Zm9vYg", Array("foob".utf8)), ("-_-_", [0xFB, 0xFF, 0xBF]), ("_w", [0xFF]),
        ("-A", [0xF8]),
    ])
    func knownAnswers(text: String, bytes: [UInt8]) {
        #expect(Base64URL.encode(bytes.span) == text)
        #expect(Base64URL.decode(Array(text.utf8).span) == bytes)
    }

    @Test(arguments: 0..<70) func roundTrips(count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 151 &+ count) }
        let text = Base64URL.encode(bytes.span)
        #expect(Base64URL.decode(Array(text.utf8).span) == bytes)
    }

    @Test(arguments: [
        "Z", "Zg=", "Zg==", "Zh", "Zm9", "+A", "/w", "Zm9v\n", " Zg", "Zm9vY", "Zm9é", "Z\u{0}",
        "=", "====",
    ])
    func refusesWhatIsNotCanonical(text: String) {
        #expect(Base64URL.decode(Array(text.utf8).span) == nil)
    }
}

@Suite struct ConstantTimeTests {
    private func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        ConstantTime.areEqual(left.span, right.span)
    }

    @Test func equalBytesAreEqual() {
        for count in 0..<70 {
            let bytes = (0..<count).map { UInt8($0) }
            let same = Array(bytes)
            #expect(areEqual(bytes, same))
            let longer = bytes + [0]
            #expect(!areEqual(bytes, longer))
            for place in 0..<count {
                var other = bytes
                other[place] ^= 1 << (place % 8)
                #expect(!areEqual(bytes, other))
            }
        }
    }

    @Test func digestsCompareByAllTheirBytes() throws {
        let digest = SHA256.hash([1, 2, 3].span)
        #expect(digest.isEqualInConstantTime(to: SHA256.hash([1, 2, 3].span)))
        for place in 0..<32 {
            var bytes = digest.bytes
            bytes[place] ^= 0x80
            let other = SHA256Digest(bytes.span)
            #expect(!digest.isEqualInConstantTime(to: try #require(other)))
        }
    }
}
