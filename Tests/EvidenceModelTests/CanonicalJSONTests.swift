import EvidenceModel
import Testing

private struct Sample: Decodable {
    let input: String
    let canonical: String
}

@Suite struct CanonicalJSONTests {
    @Test(.tags(.golden), arguments: ["rfc8785.json", "drawn.json"])
    func agreesWithOthers(_ file: String) throws {
        for sample in try Vectors.json("canonical-json/\(file)", as: [Sample].self) {
            let value = try parsedJSON(sample.input, .any)
            let encoded = CanonicalJSON.encode(value)
            #expect(text(encoded).utf8.elementsEqual(sample.canonical.utf8))
            #expect(try parsedJSON(encoded) == value)
            let isCanonical = sample.input.utf8.elementsEqual(sample.canonical.utf8)
            #expect((try? parsedJSON(sample.input)) == (isCanonical ? value : nil))
        }
    }

    @Test func everyScalarIsEscapedInOneWay() throws {
        for value in 0..<0x800 {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let string = JSONValue.string(String(scalar))
            let encoded = CanonicalJSON.encode(string)
            #expect(try parsedJSON(encoded) == string)
            let hex = String(value, radix: 16)
            let escaped = "\"\\u" + String(repeating: "0", count: 4 - hex.count) + hex + "\""
            #expect(try parsedJSON(escaped, .any) == string)
            #expect(((try? parsedJSON(escaped)) != nil) == (text(encoded) == escaped))
        }
    }

    /// Wherever it stands among eight bytes, a special byte is seen.
    @Test func escapesAreFoundAtEveryOffset() throws {
        for special in ["\"", "\\", "\u{0}", "\n", "\u{1F}", " ", "\u{7F}", "é", "\u{1F600}"] {
            for offset in 0..<40 {
                let before = String(repeating: "a", count: offset)
                for after in ["", "b", "12345678", "\u{FF}\u{20}#\u{5B}]!"] {
                    let string = JSONValue.string(before + special + after)
                    #expect(try parsedJSON(CanonicalJSON.encode(string)) == string)
                }
            }
        }
    }

    @Test func keysAreSortedByUTF16() {
        let keys = [
            "", "\r", "1", "10", "2", "A", "a", "\u{7F}", "ö", "\u{D7FF}", "\u{10000}",
            "\u{10FFFF}", "\u{E000}", "\u{FB33}", "\u{FFFF}",
        ]
        let value = JSONValue.object(
            JSONObject(keys.shuffled().map { ($0, .null) }) ?? JSONObject()
        )
        let expected =
            "{"
            + keys.map { key in
                text(CanonicalJSON.encode(.string(key))) + ":null"
            }.joined(separator: ",") + "}"
        #expect(text(CanonicalJSON.encode(value)) == expected)
    }

    @Test(
        arguments: [
            ("", .unexpectedEnd, 0), (" 1", .unexpectedByte, 0), ("1 ", .trailingBytes, 1),
            ("1\n", .trailingBytes, 1), ("[1, 2]", .unexpectedByte, 3),
            ("[1 ]", .unexpectedByte, 2),
            ("{ }", .unexpectedByte, 1), ("{\"a\" :1}", .unexpectedByte, 4),
            ("{\"b\":1,\"a\":2}", .keysNotSorted, 7), ("{\"a\":1,\"a\":2}", .duplicateKey, 7),
            ("{\"\u{FB33}\":1,\"\u{1F600}\":2}", .keysNotSorted, 9),
            ("\"\\/\"", .escapeNotCanonical, 1), ("\"\\u0041\"", .escapeNotCanonical, 1),
            ("\"\\u000a\"", .escapeNotCanonical, 1), ("\"\\u000B\"", .escapeNotCanonical, 1),
            ("\"\\u0022\"", .escapeNotCanonical, 1), ("\"\\ud83d\\ude00\"", .escapeNotCanonical, 1),
            ("\"\\ud83d\"", .escapeNotCanonical, 1),
        ] as [(String, JSONError.Reason, Int)]
    )
    func onlyTheCanonicalFormIsCanonical(
        _ text: String,
        _ reason: JSONError.Reason,
        _ offset: Int
    ) {
        let found = error { () throws(JSONError) in try parsedJSON(text) }
        #expect(found?.reason == reason)
        #expect(found?.offset == offset)
    }

    @Test(
        arguments: [
            ("", .unexpectedEnd), ("[", .unexpectedEnd), ("[1", .unexpectedEnd),
            ("{", .unexpectedEnd),
            ("{\"a\"", .unexpectedEnd), ("{\"a\":", .unexpectedEnd), ("{\"a\":1", .unexpectedEnd),
            ("\"", .unexpectedEnd), ("\"\\", .unexpectedEnd), ("\"\\\"", .unexpectedEnd),
            ("\"abcdefgh", .unexpectedEnd), ("-", .unexpectedEnd),
            ("[1,]", .unexpectedByte), ("[,1]", .unexpectedByte), ("{\"a\":1,}", .unexpectedByte),
            ("{a:1}", .unexpectedByte), ("{1:1}", .unexpectedByte), ("'a'", .unexpectedByte),
            ("[1;2]", .unexpectedByte), ("+1", .unexpectedByte), ("--1", .unexpectedByte),
            (".5", .unexpectedByte), ("NaN", .unexpectedByte), ("\u{FEFF}1", .unexpectedByte),
            ("// c", .unexpectedByte), ("-a", .unexpectedByte),
            ("tru", .invalidLiteral), ("nul", .invalidLiteral), ("falsE", .invalidLiteral),
            ("truex", .trailingBytes), ("1 2", .trailingBytes), ("{}{}", .trailingBytes),
            ("[]]", .trailingBytes), ("1\u{0}", .trailingBytes),
            ("1.0", .numberNotInteger), ("1e3", .numberNotInteger), ("1E3", .numberNotInteger),
            ("-0.0", .numberNotCanonical), ("-0", .numberNotCanonical), ("00", .numberNotCanonical),
            ("01", .numberNotCanonical), ("-01", .numberNotCanonical),
            ("9007199254740992", .numberOutOfRange), ("-9007199254740992", .numberOutOfRange),
            ("99999999999999999999999999999", .numberOutOfRange),
            ("{\"a\":1,\"b\":2,\"a\":3}", .duplicateKey),
            ("{\"a\":1,\"\\u0061\":3}", .duplicateKey),
            ("\"\n\"", .controlCharacter), ("\"\u{0}\"", .controlCharacter),
            ("\"\u{1F}\"", .controlCharacter), ("{\"\t\":1}", .controlCharacter),
            ("\"\\x\"", .invalidEscape), ("\"\\u12\"", .invalidEscape),
            ("\"\\u12g4\"", .invalidEscape),
            ("\"\\U0041\"", .invalidEscape), ("\"\\\n\"", .invalidEscape),
            ("\"\\u\"", .invalidEscape),
            ("\"\\ud83d\"", .loneSurrogate), ("\"\\ude00\"", .loneSurrogate),
            ("\"\\ud83dx\"", .loneSurrogate), ("\"\\ud83d\\n\"", .loneSurrogate),
            ("\"\\ud83d\\u0041\"", .loneSurrogate), ("\"\\ud83d\\ud83d\"", .loneSurrogate),
            ("\"\\ud83d\\ue000\"", .loneSurrogate), ("\"\\ud83d\\u\"", .invalidEscape),
        ] as [(String, JSONError.Reason)]
    )
    func theseAreNoJSONInEitherForm(_ text: String, _ reason: JSONError.Reason) {
        let found = error { () throws(JSONError) in try parsedJSON(text, .any) }
        #expect(found?.reason == reason)
        #expect(error { () throws(JSONError) in try parsedJSON(text) } != nil)
        #expect(found?.description.contains(reason.rawValue) == true)
    }

    @Test(
        arguments: [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80],
            [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF8], [0xFF], [0xC3],
            [0xE2, 0x82],
        ] as [[UInt8]]
    )
    func invalidUTF8IsRefused(_ bytes: [UInt8]) {
        for wrapped in [[0x22] + bytes + [0x22], Array("{\"".utf8) + bytes + Array("\":1}".utf8)] {
            for form in [JSONForm.canonical, .any] {
                let found = error { () throws(JSONError) in try parsedJSON(wrapped, form) }
                #expect(found?.reason == .invalidUTF8)
            }
        }
        let escaped = Array("\"\\n".utf8) + bytes + [0x22]
        let found = error { () throws(JSONError) in try parsedJSON(escaped) }
        #expect(found?.reason == .invalidUTF8)
    }

    @Test func otherSpellingsAreReadInAnyForm() throws {
        let value = try parsedJSON(
            " {\r\n\t\"b\" : [ 1 , -2 , true ] ,\n \"a\" : { } , \"\\u0063\" : \"\\/\\u000A\" } \n",
            .any
        )
        let expected: JSONObject = [
            "a": .object(JSONObject()),
            "b": .array([.integer(1), .integer(-2), .bool(true)]),
            "c": .string("/\n"),
        ]
        #expect(value == .object(expected))
        #expect(text(CanonicalJSON.encode(value)) == #"{"a":{},"b":[1,-2,true],"c":"/\n"}"#)
    }

    @Test func sixteenLevelsAreReadAndNoMore() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            for (levels, isRead) in [(1, true), (16, true), (17, false), (100_000, false)] {
                let text =
                    String(repeating: open, count: levels - 1) + (open == "[" ? "[]" : "{}")
                    + String(repeating: close, count: levels - 1)
                let found = error { () throws(JSONError) in try parsedJSON(text) }
                #expect((found == nil) == isRead)
                #expect(found == nil || found?.reason == .tooDeep)
            }
        }
    }

    @Test func equalityIsExact() {
        #expect(JSONValue.string("\u{EB}") != .string("e\u{308}"))
        #expect(JSONValue.integer(1) != .string("1"))
        #expect(JSONValue.null != .bool(false))
        #expect(JSONValue.object(["\u{EB}": .null]) != .object(["e\u{308}": .null]))
    }

    @Test func membersAreFoundAddedAndRemoved() {
        var object: JSONObject = ["b": .integer(2), "a": .integer(1)]
        object["c"] = .integer(3)
        object["a"] = .integer(4)
        object["b"] = nil
        object["z"] = nil
        #expect(object["a"] == .integer(4))
        #expect(object["b"] == nil)
        #expect(text(CanonicalJSON.encode(.object(object))) == #"{"a":4,"c":3}"#)
        #expect(JSONObject([("a", .null), ("b", .null), ("a", .null)]) == nil)
    }

    @Test(.tags(.property)) func whatIsWrittenIsRead() throws {
        var draw = Draw()
        for _ in 0..<2_000 {
            let value = draw.json(depth: 5)
            let encoded = CanonicalJSON.encode(value)
            #expect(try parsedJSON(encoded) == value)
            #expect(try parsedJSON(encoded, .any) == value)
        }
    }

    /// Damaged JSON is refused or, if it is accepted as canonical, written back as it was read.
    @Test(.tags(.property)) func whatIsReadIsWritten() throws {
        var draw = Draw()
        var accepted = 0
        for _ in 0..<6_000 {
            var bytes = CanonicalJSON.encode(draw.json(depth: 3))
            for _ in 0..<draw.int(1...3) { draw.damage(&bytes) }
            _ = try? parsedJSON(bytes, .any)
            guard let value = try? parsedJSON(bytes) else { continue }
            accepted += 1
            #expect(CanonicalJSON.encode(value) == bytes)
        }
        #expect(accepted > 0)
    }

    @Test(.tags(.property)) func randomBytesNeverTrap() {
        var draw = Draw()
        for _ in 0..<6_000 {
            let bytes = draw.bytes(draw.int(0...64))
            if let value = try? parsedJSON(bytes) { #expect(CanonicalJSON.encode(value) == bytes) }
            _ = try? parsedJSON(bytes, .any)
        }
    }
}
