import Testing

@testable import Cryptography

@Suite struct Base64Tests {
    /// Vectors of RFC 4648 section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
    ])
    func knownAnswers(plain: String, encoded: String) {
        let bytes = Array(plain.utf8)
        #expect(base64(bytes) == encoded)
        #expect(Base64.decode(encoded) == bytes)
        #expect(base64Decoded(Array(encoded.utf8)) == bytes)
        #expect(Base64.encodedCount(bytes.count) == encoded.utf8.count)

        var output: [UInt8] = [1]
        Base64.append(bytes.span, to: &output)
        #expect(output == [1] + Array(encoded.utf8))
    }

    @Test func everyCharacterOfTheAlphabet() {
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        let bytes = Base64.decode(alphabet)
        #expect(bytes?.count == 48)
        #expect(bytes.map { base64($0) } == alphabet)
    }

    @Test(arguments: 0..<100)
    func roundTrips(count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 151 &+ count) }
        #expect(Base64.decode(base64(bytes)) == bytes)
    }

    @Test(arguments: [
        "Zg", "Zg=", "Zg===", "Zg==\n", " Zg==", "Z===", "====", "=", "Zm9v=", "Zm9vZg==Zg==",
        "Zh==", "Zm9=", "Zm8=Zm8=", "Z=g=", "Zm-_", "Zm9v\n", "Zm9é", "Zm9\u{0}", "Zg=a",
        "Zm9vYg==\r\n", "AA=A",
    ])
    func refusesWhatIsNotCanonical(text: String) {
        #expect(Base64.decode(text) == nil)
        #expect(base64Decoded(Array(text.utf8)) == nil)
    }

    /// Of all texts of four characters from this set, each that decodes is what its bytes encode
    /// to.
    @Test func decodesOnlyWhatItEncodes() {
        let characters = Array("AQgw8/+=-\u{80}".unicodeScalars)
        for a in characters {
            for b in characters {
                for c in characters {
                    for d in characters {
                        let text = String(String.UnicodeScalarView([a, b, c, d]))
                        if let bytes = Base64.decode(text) {
                            #expect(base64(bytes) == text)
                        }
                    }
                }
            }
        }
    }
}

@Suite struct HexTests {
    @Test func everyByte() {
        let bytes = [UInt8](0...255)
        let text = hex(bytes)
        #expect(text.hasPrefix("000102") && text.hasSuffix("fdfeff"))
        #expect(Hex.decode(text) == bytes)
        var output: [UInt8] = []
        Hex.append(bytes.span, to: &output)
        #expect(output == Array(text.utf8))
    }

    @Test func emptyIsValid() {
        #expect(Hex.decode("") == [])
        #expect(hex([]) == "")
    }

    @Test(arguments: ["0", "000", "0A", "Fa", "0g", "/0", ":0", "0`", " 0", "0x", "é"])
    func refusesWhatIsNotCanonical(text: String) {
        #expect(Hex.decode(text) == nil)
    }

    @Test func takesSubstringsAndTextsThatAreNotContiguous() {
        let text = "zz00ffzz".dropFirst(2).dropLast(2)
        #expect(Hex.decode(text) == [0, 255])
    }
}
