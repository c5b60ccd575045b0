import Testing

@testable import YAMLReader

private func parse(_ text: String) throws(YAMLError) -> YAMLNode {
    try YAML.parse(Array(text.utf8).span)
}

private func failure(_ text: String) -> YAMLError? {
    do throws(YAMLError) {
        _ = try parse(text)
        return nil
    } catch {
        return error
    }
}

private func at(_ line: Int, _ column: Int) -> YAMLPosition {
    YAMLPosition(line: line, column: column)
}

@Suite struct YAMLTests {
    @Test func treeWithPlaces() throws {
        let root = try parse(
            """
            # A comment.
            server:
              host: 127.0.0.1
              ports: [80, "443"]
            text: |
              two
              lines
            empty:
            """
        )
        let pairs = try root.mapping()
        #expect(pairs.map(\.key) == ["server", "text", "empty"])
        #expect(pairs.map(\.keyPosition) == [at(2, 1), at(5, 1), at(8, 1)])
        let server = try #require(root["server"])
        #expect(server.position == at(3, 3))
        let host = try #require(server["host"])
        #expect(host.position == at(3, 9))
        #expect(host.content == .scalar(text: "127.0.0.1", isQuoted: false))
        let ports = try #require(server["ports"]).sequence()
        #expect(ports.map(\.position) == [at(4, 11), at(4, 15)])
        #expect(ports[1].content == .scalar(text: "443", isQuoted: true))
        #expect(try root["text"]?.string() == "two\nlines\n")
        #expect(root["empty"]?.isNull == true)
        #expect(root["absent"] == nil)
        #expect(host["absent"] == nil)
    }

    @Test(arguments: ["", "\n", "# only a comment\n", "---\n", "--- ~\n", "null"])
    func emptyTextIsNull(text: String) throws {
        #expect(try parse(text).isNull)
    }

    @Test func positionsCountCharacters() throws {
        let root = try parse("é: ü\nkey: [ä, b]")
        #expect(try root["key"]?.sequence()[1].position == at(2, 10))
    }

    @Test(arguments: [
        ("a: 1\nb: 2\na: 3", 3, 1), ("{a: 1, 'a': 2}", 1, 8), ("a: &x 1\nb: 2", 1, 4),
        ("a: *x", 1, 4), ("a: !!str 1", 1, 4), ("! a", 1, 1), ("- &x [1]", 1, 3),
        ("a: !x {b: 1}", 1, 4), ("a: 1\n---\nb: 2", 2, 1), ("? [a]\n: 1", 1, 3),
        ("{a: 1}: 2", 1, 1), ("%TAG ! tag:example.com,2000:\n---\na: 1", 1, 1),
    ])
    func refuses(text: String, line: Int, column: Int) {
        #expect(failure(text)?.position == at(line, column))
        #expect(failure(text)?.message.isEmpty == false)
    }

    @Test(arguments: [
        "a: [1", "a: 'x", "a: b: c", "a:\n\t- b", "- a\nb: c", "]", "a: \"\\q\"", "%x", "@",
        "a: 1\n  b: 2", "\u{0}", "a: \u{7}",
    ])
    func syntaxErrorsHaveAPlace(text: String) throws {
        let error = try #require(failure(text))
        #expect(error.line >= 1 && error.column >= 1)
        #expect(error.description.hasPrefix("line \(error.line), column \(error.column): "))
    }

    @Test(arguments: [
        [0xff], [0x61, 0x3a, 0x20, 0xc3], [0xff, 0xfe, 0x61, 0], [0xed, 0xa0, 0x80],
    ])
    func refusesWhatIsNotUTF8(bytes: [UInt8]) {
        #expect(throws: YAMLError.self) { try YAML.parse(bytes.span) }
    }

    @Test func depthIsBounded() throws {
        let deepest = String(repeating: "[", count: 32) + String(repeating: "]", count: 32)
        _ = try parse(deepest)
        _ = try parse(String(repeating: "[", count: 32) + "a" + String(repeating: "]", count: 32))
        #expect(failure("[" + deepest + "]")?.position == at(1, 33))
        #expect(failure(String(repeating: "[", count: 500_000)) != nil)
        #expect(failure(String(repeating: "{a: ", count: 100_000)) != nil)
        #expect(failure(String(repeating: "- ", count: 100_000)) != nil)
    }

    @Test func sizeIsBounded() throws {
        let line = "# " + String(repeating: "x", count: 1_021) + "\n"
        let largest = String(repeating: line, count: 1_024)
        _ = try parse(largest)
        #expect(failure(largest + "\n") != nil)
    }

    @Test func everyTruncationIsATreeOrAnError() {
        let text = Array("a: [1, \"zwei\"]\nb:\n  - {c: 'd'}\n  - |\n    é\n".utf8)
        for count in text.indices {
            do throws(YAMLError) {
                let prefix = Array(text[..<count])
                _ = try YAML.parse(prefix.span)
            } catch {
                #expect(error.line >= 1)
            }
        }
    }
}

@Suite struct YAMLValueTests {
    private func value(_ text: String) throws -> YAMLNode {
        try #require(try parse("key: " + text)["key"])
    }

    @Test(arguments: [("0", 0), ("-1", -1), ("4096", 4_096), ("9223372036854775807", Int.max)])
    func ints(text: String, number: Int) throws {
        #expect(try value(text).int() == number)
    }

    @Test(arguments: [
        "", "~", "1.0", "0x10", "010", "-0", "+1", "1_000", "\"1\"", "one", "[1]", "--1",
        "9223372036854775808", "１",
    ])
    func notInts(text: String) throws {
        let node = try value(text)
        let error = #expect(throws: YAMLError.self) { try node.int() }
        #expect(error?.position == node.position)
    }

    @Test(arguments: ["yes", "no", "on", "True", "TRUE", "\"true\"", "1", "", "~", "[true]"])
    func notBools(text: String) throws {
        let node = try value(text)
        #expect(throws: YAMLError.self) { try node.bool() }
    }

    @Test func bools() throws {
        #expect(try value("true").bool())
        #expect(try !value("false").bool())
    }

    @Test func strings() throws {
        #expect(try value("plain text").string() == "plain text")
        #expect(try value("\"\"").string() == "")
        #expect(try value("'null'").string() == "null")
        #expect(try value("5").string() == "5")
        #expect(try value("\"a\\u00e9\\0\"").string() == "aé\0")
        for text in ["", "~", "null", "[a]", "{a: b}"] {
            let node = try value(text)
            #expect(throws: YAMLError.self) { try node.string() }
        }
    }

    @Test func wrongKinds() throws {
        #expect(throws: YAMLError.self) { try value("a").sequence() }
        #expect(throws: YAMLError.self) { try value("[a]").mapping() }
        let error = #expect(throws: YAMLError.self) { try value("{a: b}").sequence() }
        #expect(error?.description == "line 1, column 6: a list is expected, not a mapping")
    }

    @Test func longTextsAreNotRepeated() throws {
        let secret = String(repeating: "s", count: 40)
        let error = #expect(throws: YAMLError.self) { try value(secret).int() }
        #expect(error?.message.contains("sss") == false)
    }
}
