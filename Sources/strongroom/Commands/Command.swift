/// A subcommand: what the parser must know and what to run.
struct Command: Sendable {
    let specification: CommandSpecification
    let run: @Sendable (ParsedArguments, Console) throws(CommandFailure) -> ExitCode
}

extension Command {
    /// All commands, in the order of the help.
    static let all: [Command] = [
        VersionCommand.command
    ]
}
