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

    @Test func operandsAreCounted() throws {
        func parse(_ counts: [OperandSpecification.Count], _ words: [String]) -> Bool {
            let specification = CommandSpecification(
                name: "x",
                group: .tools,
                summary: "x",
                operands: counts.map { .init(name: "W", count: $0) },
                options: [],
                about: [],
                example: "strongroom x"
            )
            return (try? ArgumentParser.parse(words, for: specification)) != nil
        }
        let table: [(counts: [OperandSpecification.Count], allowed: ClosedRange<Int>)] = [
            ([], 0...0), ([.one], 1...1), ([.optional], 0...1), ([.oneOrMore], 1...9),
            ([.zeroOrMore], 0...9), ([.one, .zeroOrMore], 1...9), ([.one, .optional], 1...2),
        ]
        for row in table {
            for count in 0...9 {
                let words = [String](repeating: "w", count: count)
                #expect(parse(row.counts, words) == row.allowed.contains(count), "\(row) \(count)")
            }
        }
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
        #expect(endsWithAnExample(lines, of: name))
    }

    private func endsWithAnExample(_ lines: [String], of name: String) -> Bool {
        let start = lines.lastIndex { $0.hasPrefix("Example:") } ?? lines.startIndex
        let words = lines[start...].joined(separator: " ").split(separator: " ")
        return words.joined(separator: " ").hasPrefix("Example: strongroom \(name)")
    }

    @Test func everyExampleParses() throws {
        for command in Command.all {
            let words = command.specification.example.split(separator: " ").map(String.init)
            guard case .command(let found, let rest) = meaning(of: Array(words.dropFirst())) else {
                Issue.record("\(words)")
                continue
            }
            #expect(found.specification.name == command.specification.name)
            _ = try ArgumentParser.parse(rest, for: command.specification)
        }
    }

    private func meaning(of words: [String]) -> CommandLineTool.Meaning {
        CommandLineTool.meaning(of: words, Command.all)
    }

    private func help(_ words: String...) -> [String]? {
        guard case .help(let lines) = meaning(of: words) else { return nil }
        return lines
    }

    private func mistake(_ words: String...) -> String? {
        guard case .mistake(let lines) = meaning(of: words) else { return nil }
        return lines.joined(separator: "\n")
    }

    @Test func commandsOfOneAndTwoWordsAreFound() throws {
        for (words, name, rest) in [
            (["hold", "place", "m", "1"], "hold place", ["m", "1"]),
            (["log", "close", "--reason", "r"], "log close", ["--reason", "r"]),
            (["lock", "close"], "lock", ["close"]), (["--version"], "version", []),
        ] {
            guard case .command(let command, let own) = meaning(of: words) else {
                Issue.record("\(words)")
                continue
            }
            #expect(command.specification.name == name && own == rest)
        }
    }

    @Test func helpIsFoundHoweverItIsAskedFor() {
        #expect(help("hold", "--help") == help("help", "hold"))
        #expect(help("hold", "-h") == help("hold", "help"))
        #expect(
            help("help", "hold", "place")?.first?.hasPrefix("Usage: strongroom hold place") == true
        )
        #expect(help("help", "put")?.first?.hasPrefix("Usage: strongroom put") == true)
        #expect(help("--help") == help("help", "nonsense"))
    }

    @Test func mistypedCommandsAreNamed() {
        #expect(mistake("hold", "plce")?.contains("did you mean 'hold place'?") == true)
        #expect(mistake("hodl")?.contains("did you mean 'hold'?") == true)
        #expect(mistake("erase", "everything")?.contains("see 'strongroom erase --help'") == true)
        #expect(mistake("hold")?.contains("Usage: strongroom hold COMMAND") == true)
        #expect(mistake()?.contains("Usage: strongroom COMMAND") == true)
    }

    @Test(arguments: CommandFamily.all.map(\.name))
    func everyFamilysHelpFitsAScreenAndEndsWithAnExample(_ name: String) throws {
        let family = try #require(CommandFamily.all.first { $0.name == name })
        let members = Command.all.map(\.specification).filter { family.member($0) != nil }
        #expect(!members.isEmpty && Set(members.map(\.group)).count == 1)
        let lines = HelpText.family(family, Command.all.map(\.specification))
        #expect(lines.count <= HelpText.rows)
        for line in lines { #expect(line.count <= HelpText.columns, "too wide: \(line)") }
        #expect(endsWithAnExample(lines, of: name))
    }

    @Test func theOverviewNamesEveryCommandAndFits() {
        let lines = HelpText.overview(
            Command.all.map(\.specification),
            families: CommandFamily.all
        )
        #expect(lines.count <= HelpText.overviewRows)
        for line in lines { #expect(line.count <= HelpText.columns, "too wide: \(line)") }
        for command in Command.all {
            let first = command.specification.name.prefix { $0 != " " }
            #expect(lines.count { $0.hasPrefix("  \(first) ") } == 1)
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
