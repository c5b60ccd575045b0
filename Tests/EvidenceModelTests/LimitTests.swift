import EvidenceModel
import Testing

/// A text of exactly that many bytes.
private func long(_ count: Int, _ character: Character = "a") -> String {
    String(repeating: character, count: count)
}

private let controls = ["\u{0}", "\n", "\u{1F}", "\u{7F}", "\u{80}", "\u{85}", "\u{9F}"]

@Suite struct LimitTests {
    private func violation<Value>(
        _ body: () throws(LimitViolation) -> Value
    ) throws -> LimitViolation {
        let found = error(body)
        return try #require(found)
    }

    @Test(arguments: ["a", "0", "payments", "a.b_c-d", "a-", "a..b", long(63)])
    func collectionsAreAccepted(_ text: String) throws {
        #expect(try CollectionName(text).text == text)
    }

    @Test(arguments: [
        "", "-a", ".a", "_a", "A", "aB", "a b", "a/b", "é", "a\u{301}", "a\n", long(64),
    ])
    func collectionsAreRefused(_ text: String) throws {
        let violation = try violation { () throws(LimitViolation) in try CollectionName(text) }
        #expect(violation.field == .collection)
        #expect(violation.category == .unprocessable)
    }

    @Test(arguments: [
        "a", "a/b/c", "...", "a/...", ".hidden", "a/.b", "..a", "a..", " ", "Zoë", "\u{1F600}",
        "a\\b", "\u{2028}", "\u{A0}", long(1_024), long(512, "é"),
    ])
    func namesAreAccepted(_ text: String) throws {
        #expect(try EvidenceName(text).text.utf8.elementsEqual(text.utf8))
    }

    @Test(
        arguments: [
            "", "/", "/a", "a/", "a//b", ".", "..", "./a", "../a", "a/.", "a/..", "a/./b",
            "a/../b", long(1_025), long(513, "é"),
        ] + controls.map { "a\($0)b" }
    )
    func namesAreRefused(_ text: String) throws {
        let violation = try violation { () throws(LimitViolation) in try EvidenceName(text) }
        #expect(violation.field == .name)
        #expect(violation.category == .unprocessable)
    }

    @Test func namesAreComparedByBytes() throws {
        let composed = try EvidenceName("Zo\u{EB}")
        let decomposed = try EvidenceName("Zoe\u{308}")
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
        #expect(decomposed < composed)
        #expect(try Labels([("k", "Zo\u{EB}")]) != Labels([("k", "Zoe\u{308}")]))
    }

    @Test func aLimitSaysItsValueAndWhatWasGiven() throws {
        let name = try violation { () throws(LimitViolation) in try EvidenceName(long(1_025)) }
        #expect(name.limit == 1_024)
        #expect(name.description == "name: must be at most 1,024 bytes, was 1025 bytes")
        let collection = try violation { () throws(LimitViolation) in try CollectionName("Pay") }
        #expect(
            collection.description
                == "collection: must match [a-z0-9][a-z0-9._-]{0,62}, was \"Pay\""
        )
    }

    @Test func neitherControlsNorLongContentAreEchoed() throws {
        let name = try violation { () throws(LimitViolation) in
            try EvidenceName("\u{1B}[31m\"\\\u{202E}" + long(900))
        }
        #expect(name.given.utf8.allSatisfy { (0x20...0x7E).contains($0) || $0 > 0x7F })
        #expect(name.given.hasPrefix("\"\\u{1b}[31m\\u{22}\\u{5c}\\u{202e}aaa"))
        #expect(name.given.utf8.count < 70)
    }

    @Test func labelsAreSortedAndCounted() throws {
        let many = (0..<32).map { (key: "k\($0)", value: "v") }
        #expect(try Labels(many).sorted.count == 32)
        let labels = try Labels([("b", "2"), ("a/b.c_d-e", ""), ("B".lowercased() + "0", "=")])
        #expect(labels.sorted.map(\.key) == ["a/b.c_d-e", "b", "b0"])
        #expect(labels["b0"] == "=")
        #expect(labels["c"] == nil)
        #expect(Labels.none.isEmpty)
        #expect(!labels.isEmpty)
        let edge = try Labels([(long(64), long(256)), ("e", long(128, "é"))])
        #expect(edge.sorted.count == 2)
    }

    @Test func labelsAreRefused() throws {
        let cases: [([(key: String, value: String)], LimitViolation.Field, UInt64?)] = [
            ((0..<33).map { ("k\($0)", "") }, .labels, 32),
            ([("a", "1"), ("b", "2"), ("a", "1")], .labels, nil),
            ([("", "")], .labelKey, nil), ([(long(65), "")], .labelKey, 64),
            ([("A", "")], .labelKey, nil), ([("a b", "")], .labelKey, nil),
            ([("é", "")], .labelKey, nil), ([("a=", "")], .labelKey, nil),
            ([("a", long(257))], .labelValue, 256), ([("a", long(129, "é"))], .labelValue, 256),
        ]
        for (pairs, field, limit) in cases {
            let violation = try violation { () throws(LimitViolation) in try Labels(pairs) }
            #expect(violation.field == field)
            #expect(violation.limit == limit)
        }
        for control in controls {
            let violation = try violation { () throws(LimitViolation) in
                try Labels([("a", control)])
            }
            #expect(violation.field == .labelValue)
        }
    }

    @Test func labelsOfUsersAreSplitAtTheFirstEqualsSign() throws {
        let labels = try Labels(userInput: ["a=1", "b=", "c=x=y"])
        #expect(labels.sorted.map(\.value) == ["1", "", "x=y"])
        #expect(try Labels(userInput: []) == .none)
        for texts in [["a"], [""], ["=x"], ["a=1", "a=2"]] {
            _ = try violation { () throws(LimitViolation) in try Labels(userInput: texts) }
        }
        let many = try violation { () throws(LimitViolation) in
            try Labels(userInput: (0..<1_000).map { "k\($0)=" })
        }
        #expect(many.limit == 32)
    }

    @Test func idempotencyKeysAreVisibleASCII() throws {
        #expect(try IdempotencyKey(long(128)).description == long(128))
        #expect(try IdempotencyKey("!~").text == "!~")
        for text in ["", " ", "a b", "é", "a\t", "\u{7F}"] {
            let violation = try violation { () throws(LimitViolation) in try IdempotencyKey(text) }
            #expect(violation.field == .idempotencyKey)
            #expect(violation.category == .unprocessable)
        }
        let violation = try violation { () throws(LimitViolation) in try IdempotencyKey(long(129)) }
        #expect(violation.category == .headerTooLarge)
        #expect(violation.limit == 128)
    }

    @Test func submittersAreVisibleASCII() throws {
        #expect(try Submitter(long(256)).text == long(256))
        #expect(Submitter.anonymous.description == "anonymous")
        #expect(try Submitter("anonymous") == .anonymous)
        for text in ["", "a b", "é", long(257)] {
            let violation = try violation { () throws(LimitViolation) in try Submitter(text) }
            #expect(violation.field == .submitter)
            #expect(violation.category == .unprocessable)
        }
    }

    @Test(arguments: [
        "a/b", "application/json", "text/plain; charset=utf-8", "text/plain;charset=utf-8",
        "text/plain ; charset=\"utf-8\"", "text/plain;", "text/plain; ; a=b", "a/b; c=\"\\\"\"",
        "A/B+c.d-e", "a/" + long(253),
    ])
    func mediaTypesAreAccepted(_ text: String) throws {
        #expect(try MediaType(text).text == text)
    }

    @Test(arguments: [
        "", "a", "/", "a/", "/b", "a/b/c", "a /b", "a/b c", " a/b", "a/b; c", "a/b; =c", "a/b; c=",
        "a/b; c=\"", "a/b; c=\"\\", "a/b; c=\"\u{7F}\"", "a/b\t; c=d", "a/b\r\n", "a/é",
        "a/b; c=d e",
    ])
    func mediaTypesAreRefused(_ text: String) throws {
        let violation = try violation { () throws(LimitViolation) in try MediaType(text) }
        #expect(violation.field == .mediaType)
        #expect(violation.category == .malformed)
    }

    @Test func longMediaTypesAreRefused() throws {
        let violation = try violation { () throws(LimitViolation) in
            try MediaType("a/" + long(254))
        }
        #expect(violation.category == .headerTooLarge)
        #expect(violation.limit == 255)
        #expect(MediaType.octetStream.description == "application/octet-stream")
    }

    @Test func traceparentsAreThoseOfTheSpecification() throws {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        for text in ["00-\(trace)-00f067aa0ba902b7-01", "fe-\(trace)-00f067aa0ba902b7-ff"] {
            #expect(try Traceparent(text).description == text)
        }
        for text in [
            "", "00-\(trace)-00f067aa0ba902b7-1", "00-\(trace)-00f067aa0ba902b7-01-",
            "ff-\(trace)-00f067aa0ba902b7-01", "00-\(trace.uppercased())-00f067aa0ba902b7-01",
            "00-\(long(32, "0"))-00f067aa0ba902b7-01", "00-\(trace)-\(long(16, "0"))-01",
            "00+\(trace)-00f067aa0ba902b7-01", "0g-\(trace)-00f067aa0ba902b7-01",
        ] {
            let violation = try violation { () throws(LimitViolation) in try Traceparent(text) }
            #expect(violation.field == .traceparent)
        }
    }

    @Test func sequenceNumbersBeginAtOne() {
        #expect(SequenceNumber(0) == nil)
        #expect(SequenceNumber(1) == .first)
        #expect(SequenceNumber.first.next.description == "2")
        #expect(SequenceNumber.first < SequenceNumber.first.next)
        #expect(SequenceNumber((1 << 53) - 1)?.value == (1 << 53) - 1)
        #expect(SequenceNumber(1 << 53) == nil)
    }
}
