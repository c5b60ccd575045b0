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
                .repeated("key", "VKEY", "the log's verifier key, or a file with it (required)"),
                .value("at-least", "FILE", "a checkpoint or receipt that is known from elsewhere"),
                .value("log-key", "FILE", "the log's signing key; copied to DIR/log.key"),
                .flag("successor", "make DIR a new log that goes on for it"),
                .value("origin", "NAME", "the successor's; default strongroom.local/<8 hex>"),
                .json,
            ],
            about: [
                "",
                "Proves every record against the signed register before anything is of use. What",
                "was erased is not brought back; secrets of tokens are gone. The log is read-only",
                "unless nothing newer can have been signed: it was closed, or --at-least is",
                "covered. With --successor it is in DIR/predecessor, for ever read-only, and DIR",
                "is a new log under another key. Ends with 1 if payloads are missing, 4 if the",
                "bucket lags.",
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
        let request = try request(arguments, description)
        guard !arguments.flag("successor") else {
            return try restoreForSuccessor(request, description, arguments, console)
        }
        guard arguments.value("origin") == nil else {
            throw .usage("--origin goes with --successor: a log that is restored has its own")
        }
        let signers = try arguments.value("log-key").map { (path) throws(CommandFailure) in
            try SigningKey.readAll(path)
        }
        if let signers, !signers.contains(where: { request.keys.contains($0.verifierKey) }) {
            throw .usage("the key in --log-key is that of \(signers[0].verifierKey), not of --key")
        }
        let report = try restore(request, description, console)
        let path = request.path
        if let signers, case .allowed = report.signing {
            try SigningKey.write(signers, to: StorePaths(path).signingKey)
        }
        write(report, path, arguments, console)
        if signers != nil, case .refused = report.signing {
            console.message("the signing key was not copied to \(path)")
        }
        return try outcome(report, path, console)
    }

    /// Restores into a directory below that of a new log, which goes on for it.
    private static func restoreForSuccessor(
        _ request: RestorationRequest,
        _ description: TargetDescription,
        _ arguments: ParsedArguments,
        _ console: Console
    ) throws(CommandFailure) -> ExitCode {
        let successor = try SuccessorLog(arguments, of: request.keys)
        var request = request
        request.path = successor.predecessorPath
        request.successor = successor.signer.name
        let report: RestorationReport
        do throws(CommandFailure) {
            report = try restore(request, description, console)
            try successor.make(after: report)
        } catch {
            successor.giveUp()
            throw error
        }
        write(report, request.path, arguments, console, successor: successor.signer.verifierKey)
        successor.tell(report, console)
        return try outcome(report, request.path, console)
    }

    private static func restore(
        _ request: RestorationRequest,
        _ description: TargetDescription,
        _ console: Console
    ) throws(CommandFailure) -> RestorationReport {
        let store: any ObjectStore
        do throws(StoreFailure) {
            store = try TargetStores.opener(StoreSettings())(description, .writing)
        } catch {
            throw CommandFailure(.usage, "\(error)")
        }
        do throws(RestorationError) {
            return try Restoration.run(request, from: store) { console.progress(line($0)) }
        } catch {
            throw CommandFailure(error, directory: request.path)
        }
    }

    /// Names what is missing: a log without all of its payloads is not what was asked for.
    private static func outcome(
        _ report: RestorationReport,
        _ path: String,
        _ console: Console
    ) throws(CommandFailure) -> ExitCode {
        guard !report.missing.isEmpty else { return .done }
        for range in report.missing {
            console.message(
                "missing: no object in the bucket has the payload of record \(text(range))"
            )
        }
        let count = report.missing.reduce(0) { $0 + $1.count }
        throw CommandFailure(
            .verificationFailed,
            "\(Amount.count(count, "payload")) of \(path) could not be restored; "
                + "every record was, and all other payloads",
            advice: "look for them elsewhere; each has its digest in 'strongroom show'"
        )
    }

    private static func text(_ range: ClosedRange<UInt64>) -> String {
        range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
    }

    private static func request(
        _ arguments: ParsedArguments,
        _ description: TargetDescription
    ) throws(CommandFailure) -> RestorationRequest {
        var request = RestorationRequest(
            path: arguments.operands[0],
            keys: try TrustedKeys.ofOneLog(arguments),
            bucket: description.bucket,
            prefix: description.prefix
        )
        if let path = arguments.value("at-least") { request.atLeast = try checkpoint(in: path) }
        return request
    }

    private static let knownLimitBytes = 1 << 20

    /// The checkpoint in a file that is one, or a receipt.
    private static func checkpoint(in path: String) throws(CommandFailure) -> String {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try FileSystem.contents(path, limitBytes: knownLimitBytes)
        } catch {
            throw CommandFailure(error)
        }
        guard bytes.first == UInt8(ascii: "{") else {
            return String(decoding: bytes, as: UTF8.self)
        }
        guard let receipt = try? JSONValue(parsing: bytes.span, form: .any).object,
            let checkpoint = receipt["checkpoint"]?.string
        else { throw .usage("\(path) is neither a checkpoint nor a receipt") }
        return checkpoint
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
        _ arguments: ParsedArguments,
        _ console: Console,
        successor: VerifierKey? = nil
    ) {
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
            line.add("missing", report.missing.reduce(0) { $0 + $1.count })
            line.add("missingRecords", report.missing.map(text))
            line.add("findings", report.findings.count)
            line.add("lostTokens", report.tokens)
            line.add("maySign", maySign)
            line.add("reason", why)
            if let successor { line.add("successor", successor.description) }
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
            if let successor { console.result("successor  \(successor)") }
        }
        if report.tokens > 0 {
            console.message(
                "the secrets of \(Amount.count(report.tokens, "token")) are gone: 'strongroom "
                    + "token create NAME --data \(path) --again' makes one anew"
            )
        }
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
            self.init(
                .refused,
                detail,
                advice: "look for another copy of the newest records, or begin a successor of what "
                    + "is there with --successor"
            )
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
