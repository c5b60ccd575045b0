import Testing

@testable import Cryptography

/// Digests from FIPS 180-4's examples (NIST, "SHA256.pdf"), RFC 6962 and GNU sha256sum.
@Suite struct SHA256Tests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            String(repeating: "a", count: 1_000_000),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        ),
    ])
    func knownAnswers(message: String, expected: String) {
        let bytes = Array(message.utf8)
        #expect(hash(bytes).hex == expected)

        var hasher = SHA256Hasher()
        for start in stride(from: 0, to: bytes.count, by: 977) {
            hasher.update(bytes[start..<min(start + 977, bytes.count)].span)
        }
        #expect(hasher.finalize().hex == expected)
    }

    @Test func finalizeStartsAnEmptyMessage() {
        var hasher = SHA256Hasher()
        hasher.update(Array("something".utf8).span)
        _ = hasher.finalize()
        #expect(hasher.finalize() == hash([]))
        hasher.update(Array("abc".utf8).span)
        #expect(hasher.finalize() == hash(Array("abc".utf8)))
    }

    @Test func prefixedLeafOfRFC6962() {
        // The leaf hash of the empty record: SHA-256 of the single byte 0.
        #expect(
            hash(prefix: 0, []).hex
                == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        )
    }

    @Test(arguments: 0..<200)
    func prefixIsPartOfTheMessage(count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ count) }
        let whole = [UInt8(count)] + bytes
        #expect(hash(prefix: UInt8(count), bytes) == hash(whole))
    }

    @Test(arguments: 0..<64)
    func nodeHashIsTheHashOfPrefixLeftRight(seed: UInt8) {
        let left = SHA256.hash([seed, 1].span)
        let right = SHA256.hash([seed, 2].span)
        let message = [seed] + left.bytes + right.bytes
        #expect(SHA256.hash(prefix: seed, left, right) == hash(message))
    }
}

@Suite struct SHA256DigestTests {
    let bytes = (0..<32).map { UInt8($0 * 8 + 3) }
    let hex = "030b131b232b333b434b535b636b737b838b939ba3abb3bbc3cbd3dbe3ebf3fb"
    let base64 = "AwsTGyMrMztDS1NbY2tze4OLk5ujq7O7w8vT2+Pr8/s="

    @Test func allFormsAgree() throws {
        let value = try #require(digest(bytes))
        #expect(value.bytes == bytes)
        #expect(value.hex == hex)
        #expect(value.description == hex)
        #expect(value.base64 == base64)
        #expect(SHA256Digest(hex: hex) == value)
        #expect(SHA256Digest(base64: base64) == value)
        #expect(value.withSpan { $0.count } == 32)

        var output: [UInt8] = [9]
        value.append(to: &output)
        #expect(output == [9] + bytes)
    }

    @Test(arguments: [0, 1, 31, 33, 64])
    func refusesOtherSizes(count: Int) {
        #expect(digest([UInt8](repeating: 1, count: count)) == nil)
        #expect(SHA256Digest(hex: String(repeating: "01", count: count)) == nil)
    }

    @Test func refusesOtherSpellings() {
        #expect(SHA256Digest(hex: hex.uppercased()) == nil)
        #expect(SHA256Digest(hex: hex.dropLast()) == nil)
        #expect(SHA256Digest(base64: base64.dropLast()) == nil)
        #expect(SHA256Digest(base64: base64.dropLast(2) + "t=") == nil)
    }

    @Test func ordersAsBytesDo() throws {
        for position in 0..<32 {
            var larger = bytes
            larger[position] += 1
            let low = try #require(digest(bytes))
            let high = try #require(digest(larger))
            #expect(low < high)
            #expect(!(high < low))
            #expect(low != high)
        }
    }
}
