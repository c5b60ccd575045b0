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
        TokenCommands.create,
        TokenCommands.list,
        TokenCommands.revoke,
        ClockCommands.show,
        ClockCommands.resync,
        KeyCommands.list,
        KeyCommands.rotate,
        LogCommands.close,
        TimeStampCommands.now,
        TimeStampCommands.renew,
        FsckCommand.command,
        RestoreCommand.command,
        PutCommand.command,
        GetCommand.command,
        ShowCommand.command,
        ListCommand.command,
        PolicyCommands.show,
        PolicyCommands.set,
        LockCommand.command,
        HoldCommands.place,
        HoldCommands.release,
        HoldCommands.list,
        EventCommand.record,
        EraseCommands.due,
        EraseCommands.bypass,
        EraseCommands.proof,
        ProveCommand.command,
        VerifyCommand.command,
        ConsistencyCommand.command,
        ExportCommand.command,
        TimeStampCommands.list,
        TimeStampCommands.get,
        TimeStampVerifyCommand.command,
        TargetCommands.add,
        TargetCommands.list,
        TargetCommands.show,
        TargetCommands.remove,
        TargetCommands.phase,
        TargetWorkCommands.probe,
        TargetWorkCommands.reconcile,
        TargetWorkCommands.wait,
        WitnessCommand.command,
        MonitorCommand.command,
        BenchCommand.command,
        KeygenCommand.command,
        VersionCommand.command,
    ]
}
