internal import Observability
internal import TransparencyLog

/// `strongroom keygen`: makes a signing key.
enum KeygenCommand {
    static let command = Command(
        specification: CommandSpecification(
            name: "keygen",
            group: .tools,
            summary: "make a signing key",
            operands: [],
            options: [
                .value("origin", "NAME", "the log that it signs; default strongroom.local/<8 hex>"),
                .value("output", short: "o", "FILE", "where it goes (0600); must not exist"),
                .json,
            ],
            about: [
                "",
                "Makes an Ed25519 key for a log. With -o the key goes to FILE and its verifier",
                "key to standard output; without, both are printed, the secret one first.",
            ],
            example: "strongroom keygen --origin log.example/evidence -o log.key"
        ),
        run: run
    )

    private static func run(
        _ arguments: ParsedArguments,
        _ console: Console
    )
        throws(CommandFailure) -> ExitCode
    {
        let signer = try SigningKey.make(origin: arguments.value("origin"))
        let path = arguments.value("output")
        if let path { try SigningKey.write([signer], to: path) }
        if arguments.flag("json") {
            var line = JSONLine()
            line.add("origin", signer.name)
            if let path {
                line.add("signingKeyFile", path)
            } else {
                line.add("signingKey", signer.secretText)
            }
            line.add("verifierKey", signer.verifierKey.description)
            console.result(line.text)
        } else {
            if path == nil { console.result(signer.secretText) }
            console.result(signer.verifierKey.description)
        }
        return .done
    }
}
