internal import Observability
internal import Platform
internal import TransparencyLog

/// `strongroom witness`: makes and runs a witness for other people's logs.
enum WitnessCommand {
    static let command = Command(
        specification: CommandSpecification(
            name: "witness",
            group: .proof,
            summary: "cosign checkpoints of a log that only grows",
            operands: [OperandSpecification(name: "DIR", count: .one)],
            options: [
                .flag("init", "make DIR with a new key, print its verifier key, and end"),
                .value("name", "NAME", "with --init; default strongroom.local/witness/<8 hex>"),
                .repeated("log", "VKEY", "verifier key of a log, or a file with one a line"),
                .value("listen", "HOST:PORT", "default \(standard); port 0 takes a free one"),
                .json,
            ],
            about: [
                "",
                "Answers C2SP tlog-witness requests (POST /add-checkpoint): a checkpoint that is",
                "signed by one of the keys of --log, and proven to continue the one that was",
                "cosigned last, gets a cosignature; a fork or an older tree never does. Run it",
                "at another site than the log, by other people, with a proxy for HTTPS. DIR is",
                "the witness's memory: never bring back an older copy of it, and never run two.",
            ],
            example: "strongroom witness w1 --init --name witness.example/w1"
        ),
        run: run
    )

    private static let standard = "127.0.0.1:7441"

    private static func run(
        _ arguments: ParsedArguments,
        _ console: Console
    )
        throws(CommandFailure) -> ExitCode
    {
        let directory = arguments.operands[0]
        if arguments.flag("init") {
            for name in ["log", "listen"] where !arguments.all(name).isEmpty {
                throw .usage("--\(name) does not go with --init", advice: "make it, then run it")
            }
            return try make(directory, arguments, console)
        }
        for name in ["name", "json"] where !arguments.all(name).isEmpty {
            throw .usage("--\(name) goes with --init only")
        }
        guard let listen = Endpoint(parsing: arguments.value("listen") ?? standard) else {
            throw .usage("--listen is not HOST:PORT such as \(standard)")
        }
        var keys: [VerifierKey] = []
        for text in arguments.all("log") { keys += try TrustedKeys.read(text, badKey: .usage) }
        guard !keys.isEmpty else {
            throw .usage("no log to follow", advice: "name its verifier key with --log")
        }
        // Before any thread starts: all inherit the mask, and only the main thread takes the
        // signals.
        Signals.holdTermination()
        let service = try WitnessService(directory: directory, logKeys: keys, listen: listen)
        return service.runUntilStopped(console)
    }

    private static func make(
        _ directory: String,
        _ arguments: ParsedArguments,
        _ console: Console
    ) throws(CommandFailure) -> ExitCode {
        let name =
            arguments.value("name")
            ?? "strongroom.local/witness/\(TemporaryName.make().prefix(8))"
        let key = try WitnessDirectory.create(at: directory, name: name)
        if arguments.flag("json") {
            var line = JSONLine()
            line.add("directory", directory)
            line.add("name", key.name)
            line.add("verifierKey", key.description)
            console.result(line.text)
        } else {
            console.result(key.description)
        }
        console.message("made the witness \(key.name) in \(directory)")
        console.message("the line on standard output is its verifier key: give it to verifiers")
        return .done
    }
}
