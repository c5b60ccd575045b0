internal import Platform

/// The program: finds the command, parses its words, runs it, reports its failure.
enum CommandLineTool {
    /// What the first words of a command line name.
    enum Meaning {
        /// A command, and the words that are its own.
        case command(Command, words: [String])
        /// Text for standard output.
        case help([String])
        /// No command; what to say on standard error.
        case mistake([String])
    }

    /// Runs a command line without the program's name.
    static func run(_ words: [String], commands: [Command] = Command.all) -> ExitCode {
        switch meaning(of: words, commands) {
        case .command(let command, let rest):
            return run(command, rest)
        case .help(let lines):
            for line in lines { write(line, to: 1) }
            return .done
        case .mistake(let lines):
            for line in lines { write(line, to: 2) }
            return .usage
        }
    }

    /// Finds the command that the first word names, or the first two.
    static func meaning(
        of words: [String],
        _ commands: [Command],
        families: [CommandFamily] = CommandFamily.all
    ) -> Meaning {
        let specifications = commands.map(\.specification)
        guard let first = words.first else {
            return .mistake(HelpText.overview(specifications, families: families))
        }
        if isHelp(first) { return .help(help(Array(words.dropFirst()), specifications, families)) }
        let wanted = first == "--version" ? "version" : first
        if let command = commands.first(where: { $0.specification.name == wanted }) {
            return .command(command, words: Array(words.dropFirst()))
        }
        guard let family = families.first(where: { $0.name == first }) else {
            let names = specifications.filter { !$0.name.contains(" ") }.map(\.name)
            return unknown(first, among: names + families.map(\.name), see: "strongroom")
        }
        guard words.count > 1 else {
            return .mistake(HelpText.family(family, specifications))
        }
        if isHelp(words[1]) { return .help(HelpText.family(family, specifications)) }
        let name = "\(first) \(words[1])"
        if let command = commands.first(where: { $0.specification.name == name }) {
            return .command(command, words: Array(words.dropFirst(2)))
        }
        let names = specifications.filter { family.member($0) != nil }.map(\.name)
        return unknown(name, among: names, see: "strongroom \(first)")
    }

    private static func isHelp(_ word: String) -> Bool { ["--help", "-h", "help"].contains(word) }

    /// The text about what is asked for: a command, a family, else the overview.
    private static func help(
        _ words: [String],
        _ specifications: [CommandSpecification],
        _ families: [CommandFamily]
    ) -> [String] {
        for count in [2, 1] {
            let name = words.prefix(count).joined(separator: " ")
            if let specification = specifications.first(where: { $0.name == name }) {
                return HelpText.command(specification)
            }
        }
        if let family = families.first(where: { $0.name == words.first }) {
            return HelpText.family(family, specifications)
        }
        return HelpText.overview(specifications, families: families)
    }

    private static func unknown(_ name: String, among names: [String], see: String) -> Meaning {
        let nearest = EditDistance.nearest(to: name, among: names)
        let advice = nearest.map { "did you mean '\($0)'?" } ?? "see '\(see) --help'"
        return .mistake(["strongroom: unknown command '\(Console.harmless(name))'; \(advice)"])
    }

    private static func run(_ command: Command, _ words: [String]) -> ExitCode {
        let console = Console(command: command.specification.name)
        defer { console.flush() }
        do throws(CommandFailure) {
            let arguments = try ArgumentParser.parse(words, for: command.specification)
            if arguments.flag("help") {
                for line in HelpText.command(command.specification) { console.result(line) }
                return .done
            }
            return try command.run(arguments, console)
        } catch {
            console.flush()
            console.failure(error)
            return error.code
        }
    }

    private static func write(_ line: String, to descriptor: Int32) {
        try? StandardStream.write(Array((line + "\n").utf8).span, to: descriptor)
    }
}
