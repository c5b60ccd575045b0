/// A subcommand: what the parser must know and what to run.
struct Command: Sendable {
    let specification: CommandSpecification
    let run: @Sendable (ParsedArguments, Console) throws(CommandFailure) -> ExitCode
}

extension Command {
    /// All commands, in the order of the help.
    static let all: [Command] = [
        InitCommand.command,
        ServeCommand.command,
        FsckCommand.command,
        PutCommand.command,
        GetCommand.command,
        ShowCommand.command,
        ListCommand.command,
        ProveCommand.command,
        VerifyCommand.command,
        ConsistencyCommand.command,
        BenchCommand.command,
        KeygenCommand.command,
        VersionCommand.command,
    ]
}
