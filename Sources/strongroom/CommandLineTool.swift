internal import Platform

/// The program: finds the command, parses its words, runs it, reports its failure.
enum CommandLineTool {
    /// Runs a command line without the program's name.
    static func run(_ words: [String], commands: [Command] = Command.all) -> ExitCode {
        let specifications = commands.map(\.specification)
        guard let name = words.first else {
            for line in HelpText.overview(specifications) { write(line, to: 2) }
            return .usage
        }
        if ["--help", "-h", "help"].contains(name) {
            let asked = words.dropFirst().first
            let command = commands.first { $0.specification.name == asked }
            let lines =
                command.map { HelpText.command($0.specification) }
                ?? HelpText.overview(specifications)
            for line in lines { write(line, to: 1) }
            return .done
        }
        let wanted = name == "--version" ? "version" : name
        guard let command = commands.first(where: { $0.specification.name == wanted }) else {
            let nearest = EditDistance.nearest(to: name, among: specifications.map(\.name))
            let advice = nearest.map { "did you mean '\($0)'?" } ?? "see 'strongroom --help'"
            write("strongroom: unknown command '\(Console.harmless(name))'; \(advice)", to: 2)
            return .usage
        }
        return run(command, Array(words.dropFirst()))
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
