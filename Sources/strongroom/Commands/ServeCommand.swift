internal import Platform

/// `strongroom serve`: runs the server.
enum ServeCommand {
    static let command = Command(
        specification: CommandSpecification(
            name: "serve",
            group: .log,
            summary: "run the server",
            operands: [OperandSpecification(name: "DIR", count: .one)],
            options: [
                .value("listen", "HOST:PORT", "default 127.0.0.1:7440; port 0 takes a free one"),
                .value("config", "FILE", "configuration; ops/strongroom.example.yaml has all keys"),
                .value("key", "FILE", "the log's signing key; default DIR/log.key"),
            ],
            about: [
                "",
                "Serves the log in DIR over HTTP. When it is ready it says 'listening on URL' on",
                "standard error, and READY=1 to systemd. Until a token is created ('token create",
                "--data DIR') it listens on loopback only. SIGTERM and SIGINT drain: it stops",
                "accepting, finishes what was accepted, and ends with 0. Each event is a line on",
                "standard error, as text or JSON. A failing disk or file ends it with 1, or 6 if",
                "full.",
            ],
            example: "strongroom serve data --listen 127.0.0.1:7440"
        ),
        run: run
    )

    private static func run(
        _ arguments: ParsedArguments,
        _ console: Console
    )
        throws(CommandFailure) -> ExitCode
    {
        let directory = arguments.operands[0]
        var settings =
            try arguments.value("config").map { (path) throws(CommandFailure) in
                try ConfigurationFile.read(path)
            }
            ?? ServeSettings()
        if let text = arguments.value("listen") {
            guard let endpoint = Endpoint(parsing: text) else {
                throw .usage("--listen is '\(text)', not HOST:PORT such as 127.0.0.1:7440")
            }
            settings.listen = endpoint
        }
        if let path = arguments.value("key") { settings.signingKeyFile = path }
        // Before any thread starts: all inherit the mask, and only the main thread takes the
        // signals.
        Signals.holdTermination()
        let service = try Service(directory: directory, settings: settings)
        return service.runUntilStopped()
    }
}
