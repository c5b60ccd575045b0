// The program's entry point; everything else is in `CommandLineTool` and `Commands/`.
internal import Platform

Signals.ignoreBrokenPipes()
ProcessControl.exitImmediately(
    CommandLineTool.run(Environment.arguments()).rawValue
)
