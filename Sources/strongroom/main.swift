// The program's entry point; everything else is in `CommandLineTool` and `Commands/`.
internal import Platform

Signals.ignoreBrokenPipes()
ProcessControl.exitImmediately(
    CommandLineTool.run(Array(CommandLine.arguments.dropFirst())).rawValue
)
