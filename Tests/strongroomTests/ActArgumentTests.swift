import EvidenceModel
import Platform
import Testing

@testable import strongroom

/// What the words of the commands that change something become.
@Suite struct ActArgumentTests {
    private func parse(_ command: Command, _ words: String...) throws -> ParsedArguments {
        try ArgumentParser.parse(words, for: command.specification)
    }

    private func choice(_ words: String...) throws -> RecordChoice {
        let arguments = try ArgumentParser.parse(
            ["matter"] + words,
            for: HoldCommands.place.specification
        )
        return try RecordChoice(arguments.operands.dropFirst(), arguments)
    }

    @Test func recordsAreNamedOrSelected() throws {
        #expect(try choice() == .none)
        #expect(try choice("3", "1", "3") == .records([3, 1, 3]))
        #expect(try choice("--collection", "ci") == .selection(["collection": "ci"]))
        #expect(
            try choice("--collection", "ci", "--prefix", "a/", "--label", "k=v", "--label", "l=w")
                == .selection(
                    [
                        "collection": "ci", "labels": .object(["k": "v", "l": "w"]),
                        "prefix": "a/",
                    ]
                )
        )
    }

    @Test(arguments: [
        ["1", "--collection", "ci"], ["--prefix", "a"], ["--label", "k=v"], ["x"], ["1.5"],
        ["9007199254740992"], ["--collection", "UPPER"],
        ["--collection", "ci", "--label", "novalue"],
    ])
    func whatCannotBeMeantIsAMistake(_ words: [String]) throws {
        let arguments = try ArgumentParser.parse(
            ["matter"] + words,
            for: HoldCommands.place.specification
        )
        let operands = arguments.operands.dropFirst()
        do {
            _ = try RecordChoice(operands, arguments)
            Issue.record("accepted \(words)")
        } catch {
            #expect(error.code == .usage)
        }
    }

    @Test func manyRecordsAreSentInParts() throws {
        let indexes = Array(UInt64(0)..<25_000)
        let parts = RecordChoice.records(indexes).parts
        #expect(parts.count == 3)
        #expect(parts.flatMap { $0.numbers("records") ?? [] } == indexes)
        for part in parts { #expect(part.line.utf8.count < 1 << 20) }
        #expect(RecordChoice.none.parts.map(\.line) == ["{}"])
    }

    @Test func timesArePassedOnUnjudged() {
        #expect(RequestedTime.text("2040-01-01") == "2040-01-01T00:00:00.000Z")
        #expect(RequestedTime.text("2040-01-01T01:00:00+01:00") == "2040-01-01T00:00:00.000Z")
        #expect(RequestedTime.text("1971-01-01") == "1971-01-01T00:00:00.000Z")
        for text in ["10000-01-01", "tomorrow", "", "2040-02-30", "90d"] {
            #expect(RequestedTime.text(text) == text)
        }
    }

    private func token(_ words: String...) throws -> TokenRequest {
        let arguments = try ArgumentParser.parse(
            ["ci"] + words,
            for: TokenCommands.create.specification
        )
        return try TokenRequest("ci", arguments)
    }

    @Test func tokensAreAskedForAsTheyWereTyped() throws {
        #expect(try token("--role", "writer").body.line == #"{"name":"ci","role":"writer"}"#)
        let full = try token(
            "--role",
            "retention",
            "--right",
            "bypass",
            "--collection",
            "a",
            "--collection",
            "b",
            "--expires",
            "90d"
        )
        #expect(
            full.body.line
                == #"{"collections":["a","b"],"expires":"90d","name":"ci","#
                + #""rights":["bypass"],"role":"retention"}"#
        )
        #expect(throws: CommandFailure.self) { _ = try token() }
        #expect(throws: CommandFailure.self) { _ = try token("--role", "root") }
        #expect(throws: CommandFailure.self) { _ = try token("--role", "admin", "--right", "all") }
    }

    @Test func aTokensFileIsNewAndPrivate() throws {
        let path = "/tmp/strongroom-token-\(TemporaryName.make())"
        defer { try? FileSystem.unlinkIfPresent(path) }
        let file = try TokenFile(path)
        #expect(try FileSystem.information(path)?.permissions == 0o600)
        try file.write("strongroom_secret")
        #expect(try FileSystem.contents(path) == Array("strongroom_secret\n".utf8))
        #expect(throws: CommandFailure.self) { _ = try TokenFile(path) }
        file.remove()
        #expect(try !FileSystem.exists(path))
    }

    @Test func aTokenIsCheckedAndNeverShown() throws {
        #expect(try Server.checked("strongroom_ab_cd", source: "f") == "strongroom_ab_cd")
        for text in ["", "a b", "a\r\nX: y", "é", "a\u{7f}"] {
            do {
                _ = try Server.checked(text, source: "the-source")
                Issue.record("accepted \(text)")
            } catch {
                #expect(error.code == .usage && error.text.hasPrefix("the-source does not hold"))
            }
        }
    }

    /// Each option that a command cannot do without.
    @Test(arguments: [
        (LockCommand.command, ["1", "--until", "2040-01-01"]), (LockCommand.command, ["1"]),
        (HoldCommands.place, ["m", "1"]), (HoldCommands.place, ["m", "--reason", "r"]),
        (HoldCommands.place, ["m", "1", "--standing", "--reason", "r"]),
        (HoldCommands.release, ["m"]), (EventCommand.record, ["e", "1"]),
        (EventCommand.record, ["e", "--reason", "r"]), (EraseCommands.bypass, ["1"]),
        (EraseCommands.due, ["--reason", "r"]), (ClockCommands.resync, []), (LogCommands.close, []),
        (PolicyCommands.set, ["c", "--mode", "compliance", "--min", "1d", "--default", "1d"]),
        (PolicyCommands.set, ["c", "--min", "1d", "--default", "1d", "--max", "1d"]),
        (
            PolicyCommands.set,
            ["c", "--mode", "x", "--min", "1d", "--default", "1d", "--max", "1d"]
        ),
        (TokenCommands.create, ["n"]),
        (TokenCommands.create, ["n", "--role", "admin", "--key", "k"]),
        (ProveCommand.command, []), (ProveCommand.command, ["1", "--census", "c"]),
        (ProveCommand.command, ["--census", "c", "--size", "7"]), (VerifyCommand.command, ["f"]),
        (VerifyCommand.command, ["a", "b", "--receipt", "r"]),
        (VerifyCommand.command, ["r", "--complete", "c", "--certificate", "d"]),
        (VerifyCommand.command, ["--receipt", "r", "--complete", "c"]),
    ])
    func whatIsMissingIsAMistakeBeforeAnyRequest(_ command: Command, _ words: [String]) throws {
        let arguments = try ArgumentParser.parse(words, for: command.specification)
        // Nobody listens there: a request would end with another code.
        do {
            _ = try command.run(arguments, Console(command: "test"))
            Issue.record("accepted \(words)")
        } catch {
            #expect(error.code == .usage, "\(error.text)")
        }
    }
}
