import Testing

@testable import strongroom

@Suite struct ArgumentParserTests {
    private static let specification = CommandSpecification(
        name: "put",
        group: .evidence,
        summary: "push",
        operands: [.init(name: "PATH", count: .oneOrMore)],
        options: [
            .value("retain", "D", "how long"), .value("retain-until", "T", "until when"),
            .value("output", short: "o", "FILE", "where to"), .repeated("label", "K=V", "label"),
            .json,
        ],
        about: ["Pushes."],
        example: "strongroom put a"
    )

    private func parse(_ words: String...) throws -> ParsedArguments {
        try ArgumentParser.parse(words, for: Self.specification)
    }

    private func failure(_ words: String...) -> String? {
        do {
            _ = try ArgumentParser.parse(words, for: Self.specification)
            return nil
        } catch {
            #expect(error.code == .usage)
            return error.text
        }
    }

    @Test func valuesInEitherForm() throws {
        let parsed = try parse("--retain", "7y", "a", "--retain-until=x=y", "-o", "f", "b")
        #expect(parsed.value("retain") == "7y")
        #expect(parsed.value("retain-until") == "x=y")
        #expect(parsed.value("output") == "f")
        #expect(parsed.operands == ["a", "b"])
        #expect(try parse("-of", "a").value("output") == "f")
        #expect(try parse("--retain=", "a").value("retain") == "")
    }

    @Test func repeatedOptionsKeepTheirOrder() throws {
        let parsed = try parse("a", "--label", "x=1", "--label=y=2")
        #expect(parsed.all("label") == ["x=1", "y=2"])
        #expect(!parsed.flag("json"))
    }

    @Test func twoDashesEndTheOptions() throws {
        let parsed = try parse("--json", "--", "--retain", "-x")
        #expect(parsed.operands == ["--retain", "-x"])
        #expect(parsed.flag("json"))
    }

    @Test func oneDashIsAnOperand() throws {
        #expect(try parse("-").operands == ["-"])
    }

    @Test func aValueMayStartWithADash() throws {
        #expect(try parse("a", "--retain", "-5").value("retain") == "-5")
        #expect(try parse("a", "--retain", "--unknown").value("retain") == "--unknown")
    }

    @Test func mistakesAreNamed() {
        #expect(failure("--retian", "7y") == "unknown option --retian; did you mean --retain?")
        #expect(failure("--lab", "a=b") == "unknown option --lab; did you mean --label?")
        #expect(failure("--zzzzzz") == "unknown option --zzzzzz; see 'strongroom put --help'")
        #expect(failure("-x") == "unknown option -x; see 'strongroom put --help'")
        #expect(
            failure("a", "--retain")
                == "--retain needs a value: --retain D; see 'strongroom put --help'"
        )
        #expect(
            failure("a", "--retain", "--json")
                == "--retain needs a value, and --json follows; "
                + "if that is the value, write --retain=--json"
        )
        #expect(failure("a", "--json=yes") == "--json takes no value; see 'strongroom put --help'")
        #expect(
            failure("a", "--retain", "1y", "--retain", "2y")
                == "--retain is given twice; keep one of them"
        )
        #expect(failure() == "PATH is missing; see 'strongroom put --help'")
    }

    @Test func helpNeedsNoOperands() throws {
        #expect(try parse("--help").flag("help"))
        #expect(try parse("-h").flag("help"))
    }

    @Test func wholeNumbersWithinLimits() throws {
        #expect(try ParsedArguments.recordIndex("9007199254740991") == 9_007_199_254_740_991)
        for text in ["-1", "+1", "", "1.0", "0x1", "9007199254740992", "99999999999999999999"] {
            #expect(throws: CommandFailure.self) { _ = try ParsedArguments.recordIndex(text) }
        }
    }
}

@Suite struct EditDistanceTests {
    @Test func distances() {
        #expect(EditDistance.between("", "abc") == 3)
        #expect(EditDistance.between("retain", "retain") == 0)
        #expect(EditDistance.between("retian", "retain") == 1)
        #expect(EditDistance.between("colection", "collection") == 1)
        #expect(EditDistance.between("kitten", "sitting") == 3)
    }

    @Test func nothingNearMeansNoSuggestion() {
        #expect(EditDistance.nearest(to: "xyzzy", among: ["put", "get"]) == nil)
        #expect(EditDistance.nearest(to: "vrify", among: ["verify", "version"]) == "verify")
        #expect(
            EditDistance.nearest(to: String(repeating: "a", count: 10_000), among: ["a"]) == nil
        )
    }
}

@Suite struct HelpTests {
    @Test(arguments: Command.all.map(\.specification.name))
    func everyHelpFitsAScreenAndEndsWithAnExample(_ name: String) throws {
        let command = try #require(Command.all.first { $0.specification.name == name })
        let lines = HelpText.command(command.specification)
        #expect(lines.count <= HelpText.rows, "\(lines.count) lines")
        for line in lines { #expect(line.count <= HelpText.columns, "too wide: \(line)") }
        let last = try #require(lines.last)
        #expect(last.hasPrefix("Example: strongroom \(name)"))
    }

    @Test func everyExampleParses() throws {
        for command in Command.all {
            let words = command.specification.example.split(separator: " ").map(String.init)
            _ = try ArgumentParser.parse(Array(words.dropFirst(2)), for: command.specification)
        }
    }

    @Test func theOverviewNamesEveryCommandAndFits() {
        let lines = HelpText.overview(Command.all.map(\.specification))
        #expect(lines.count <= HelpText.rows)
        for line in lines { #expect(line.count <= HelpText.columns, "too wide: \(line)") }
        for command in Command.all {
            #expect(lines.contains { $0.hasPrefix("  \(command.specification.name) ") })
        }
    }
}

@Suite struct AddressTests {
    @Test func serverAddresses() throws {
        let plain = try ServerAddress(parsing: "http://127.0.0.1:7440")
        #expect(plain.host == "127.0.0.1" && plain.port == 7440 && !plain.isEncrypted)
        #expect(try ServerAddress(parsing: "https://log.example").port == 443)
        #expect(try ServerAddress(parsing: "http://[::1]:80/x/").description == "http://[::1]:80/x")
        for text in [
            "", "127.0.0.1:80", "ftp://a", "http://", "http://a:b", "http://a:99999", "http://u@a",
            "http://a/?q", "http://a b", "http://[::1", "http://a:1:2",
        ] {
            #expect(throws: CommandFailure.self, "\(text)") {
                _ = try ServerAddress(parsing: text)
            }
        }
    }

    @Test func onlyThisMachineIsLoopback() {
        for text in ["127.0.0.1:0", "127.9.9.9:1", "localhost:7440", "[::1]:5"] {
            #expect(Endpoint(parsing: text)?.isLoopback == true, "\(text)")
        }
        for text in [
            "0.0.0.0:0", "127.0.0.1.example:1", "10.0.0.1:1", "[::]:5", "127.0.0:1",
            "127.0.0.256:1",
        ] {
            #expect(Endpoint(parsing: text)?.isLoopback == false, "\(text)")
        }
        #expect(Endpoint(parsing: "127.0.0.1") == nil)
    }
}
