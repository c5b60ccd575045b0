internal import Cryptography
internal import EvidenceModel
internal import EvidenceStore
internal import Observability
internal import Platform
internal import Replication
internal import TransparencyLog

/// `strongroom restore`: a node from the bucket alone.
enum RestoreCommand {
    static let command = Command(
        specification: CommandSpecification(
            name: "restore",
            group: .log,
            summary: "rebuild a log from its bucket alone",
            operands: [OperandSpecification(name: "DIR", count: .one)],
            options: [
                .value("bucket", "B", "the bucket (required)"),
                .value("endpoint", "URL", "of the store; default Amazon's in the region"),
                .value("region", "R", "default $AWS_REGION, else us-east-1"),
                .value("prefix", "P", "what stands before every key"),
                .flag("path-style", "the bucket stands in the path"),
                .value("profile", "P", "of the shared credential files"),
                .value("key", "VKEY", "the log's verifier key, or a file with it (required)"),
                .value("at-least", "FILE", "a signed checkpoint that is known from elsewhere"),
                .value("log-key", "FILE", "the log's signing key; copied to DIR/log.key"),
                .json,
            ],
            about: [
                "",
                "Proves every record against the signed register before anything is of use. What",
                "was erased is not brought back. Tokens are gone. The log is read-only unless",
                "nothing newer can have been signed: it was closed, it waited for the bucket, or",
                "--at-least is covered. Ends with 1 if payloads are missing, 4 if the bucket lags.",
            ],
            example: "strongroom restore data --bucket evidence --key log.vkey"
        ),
        run: run
    )

    private static func run(
        _ arguments: ParsedArguments,
        _ console: Console
    )
        throws(CommandFailure) -> ExitCode
    {
        let description = try target(arguments)
        let signer = try arguments.value("log-key").map { (path) throws(CommandFailure) in
            try SigningKey.read(path)
        }
        let request = try request(arguments, description)
        if let signer, signer.verifierKey != request.key {
            throw .usage("the key in --log-key is that of \(signer.verifierKey), not of --key")
        }
        let store: any ObjectStore
        do throws(StoreFailure) {
            store = try TargetStores.opener(StoreSettings())(description, .writing)
        } catch {
            throw CommandFailure(.usage, "\(error)")
        }
        let report: RestorationReport
        do throws(RestorationError) {
            report = try Restoration.run(request, from: store) { console.progress(line($0)) }
        } catch {
            throw CommandFailure(error, directory: request.path)
        }
        if let signer, case .allowed = report.signing {
            try SigningKey.write(signer, to: StorePaths(request.path).signingKey)
        }
        write(report, request.path, hasKey: signer != nil, arguments, console)
        guard report.missing.isEmpty else {
            let count = report.missing.reduce(0) { $0 + $1.count }
            throw CommandFailure(
                .verificationFailed,
                "\(Amount.count(count, "payload")) of \(request.path) could not be restored",
                advice: "'strongroom fsck \(request.path)' names them"
            )
        }
        return .done
    }

    private static func request(
        _ arguments: ParsedArguments,
        _ description: TargetDescription
    ) throws(CommandFailure) -> RestorationRequest {
        _ = try arguments.required("key")
        let keys = try TrustedKeys.read(arguments)
        guard keys.count == 1, let key = keys.first else {
            throw .usage("--key names \(keys.count) keys; name the one of the log")
        }
        var request = RestorationRequest(
            path: arguments.operands[0],
            key: key,
            bucket: description.bucket,
            prefix: description.prefix
        )
        if let path = arguments.value("at-least") {
            do throws(SystemError) {
                request.atLeast = String(
                    decoding: try FileSystem.contents(path, limitBytes: SignedNote.maximumBytes),
                    as: UTF8.self
                )
            } catch {
                throw CommandFailure(error)
            }
        }
        return request
    }

    private static func target(
        _ arguments: ParsedArguments
    ) throws(CommandFailure) -> TargetDescription {
        let bucket = try arguments.required("bucket")
        do throws(LimitViolation) {
            var target = TargetDescription(
                name: try TargetName("restore"),
                bucket: bucket,
                region: arguments.value("region") ?? TargetStores.standardRegion(),
                logRetention: try RetentionDuration(1, .days)
            )
            target.endpoint = arguments.value("endpoint")
            let prefix = arguments.value("prefix") ?? ""
            target.prefix = prefix.isEmpty || prefix.hasSuffix("/") ? prefix : prefix + "/"
            target.isPathStyle = arguments.flag("path-style")
            target.profile = arguments.value("profile")
            return target
        } catch {
            throw .usage("\(error)")
        }
    }

    /// A line as `records  [####····] 1,024 of 2,048`.
    private static func line(_ progress: RestorationProgress) -> String {
        switch progress {
        case .records(let done, let total): bar("records", done, total)
        case .segments(let done, let total): bar("segments", done, total)
        case .payloads(let count, let bytes):
            "payloads  \(Amount.grouped(count)), \(Amount.bytes(bytes))"
        }
    }

    private static func bar(_ what: String, _ done: UInt64, _ total: UInt64) -> String {
        let full = total == 0 ? 20 : Int(min(done, total) * 20 / total)
        let bar = String(repeating: "#", count: full) + String(repeating: "·", count: 20 - full)
        return "\(what)  [\(bar)] \(Amount.grouped(done)) of \(Amount.grouped(total))"
    }

    private static func write(
        _ report: RestorationReport,
        _ path: String,
        hasKey: Bool,
        _ arguments: ParsedArguments,
        _ console: Console
    ) {
        let missing = report.missing.reduce(0) { $0 + $1.count }
        let (maySign, why): (Bool, String) =
            switch report.signing {
            case .allowed(let why): (true, why)
            case .refused(let why): (false, why)
            }
        let checkpoint = report.checkpoint.checkpoint
        for finding in report.findings { console.message(Console.harmless(finding)) }
        if arguments.flag("json") {
            var line = JSONLine()
            line.add("directory", path)
            line.add("origin", report.description.origin)
            line.add("size", checkpoint.size.value)
            line.add("root", checkpoint.root.base64)
            line.add("payloads", report.payloads)
            line.add("payloadBytes", report.payloadBytes)
            line.add("erased", report.erased)
            line.add("missing", missing)
            line.add("findings", report.findings.count)
            line.add("lostTokens", report.tokens)
            line.add("maySign", maySign)
            line.add("reason", why)
            console.result(line.text)
        } else {
            console.result(
                "restored \(report.description.origin): "
                    + "\(Amount.count(checkpoint.size.value, "record")), "
                    + "\(Amount.count(report.payloads, "payload")) of "
                    + "\(Amount.bytes(report.payloadBytes)), \(report.erased) erased before"
            )
            console.result("root     \(checkpoint.root.base64)")
            console.result("signing  \(maySign ? "may go on" : "read-only"): \(why)")
        }
        if report.tokens > 0 {
            console.message("the secrets of \(Amount.count(report.tokens, "token")) are gone")
        }
        if hasKey && !maySign { console.message("the signing key was not copied to \(path)") }
    }
}

extension CommandFailure {
    fileprivate init(_ error: RestorationError, directory: String) {
        switch error {
        case .unverified(let detail):
            self.init(
                .verificationFailed,
                detail,
                advice: "nothing in \(directory) is of use; remove it"
            )
        case .lagging(let detail):
            self.init(.refused, detail, advice: "look for another copy of the newest records")
        case .store(let failure, let activity):
            let code: ExitCode =
                switch failure {
                case .invalid, .accessDenied, .rejected, .unsupported: .refused
                case .corrupt: .verificationFailed
                case .notFound, .deleteMarker: .notFound
                default: .tryAgain
                }
            self.init(code, "\(activity): \(failure)", advice: "remove \(directory) first")
        case .log(let error): self.init(error)
        }
    }
}
