import Testing

@testable import Cryptography

@Suite struct HMACTests {
    /// Key, message and code, as hexadecimal digits.
    ///
    /// Reference: RFC 4231 sections 4.2, 4.3, 4.4, 4.7 and 4.8; the last two have a key that is
    /// longer than a block.
    static let published = [
        (
            String(repeating: "0b", count: 20), "4869205468657265",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            String(repeating: "aa", count: 20), String(repeating: "dd", count: 50),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        ),
        (
            String(repeating: "aa", count: 131),
            "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d20486173"
                + "68204b6579204669727374",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
        // Nothing at all: python3 -c "import hmac; print(hmac.digest(b'', b'', 'sha256').hex())"
        ("", "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"),
    ]

    @Test(arguments: published)
    func codesAreThePublishedOnes(key: String, message: String, code: String) throws {
        let key = try #require(Hex.decode(key))
        let message = try #require(Hex.decode(message))
        let found = HMACSHA256.authenticate(message.span, key: key.span)
        #expect(found.hex == code)
        // The key of the call before is not kept.
        let noKey: [UInt8] = []
        let unkeyed = HMACSHA256.authenticate(message.span, key: noKey.span)
        #expect((unkeyed == found) == key.isEmpty)
    }
}

@Suite struct MD5Tests {
    /// Reference: RFC 1321 appendix A.5.
    @Test(arguments: [
        ("", "d41d8cd98f00b204e9800998ecf8427e"), ("abc", "900150983cd24fb0d6963f7d28e17f72"),
        ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
    ])
    func digestsAreThePublishedOnes(text: String, digest: String) throws {
        let bytes = Array(text.utf8)
        let whole = MD5Hasher.hash(bytes.span)
        #expect(whole == Hex.decode(digest))
        let hasher = try #require(MD5Hasher())
        for byte in bytes {
            let piece = [byte]
            hasher.update(piece.span)
        }
        let found = hasher.finalize()
        #expect(found == whole)
    }
}
