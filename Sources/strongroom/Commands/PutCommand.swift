internal import EvidenceModel
internal import Platform
internal import TransparencyLog

/// `strongroom put`: pushes files.
enum PutCommand {
    static let standardCollection = "default"

    static let command = Command(
        specification: CommandSpecification(
            name: "put",
            group: .evidence,
            summary: "push files as evidence",
            operands: [OperandSpecification(name: "PATH", count: .oneOrMore)],
            options: [
                .value("collection", "C", "default: \(standardCollection)"),
                .value("name", "N", "name of one file; goes before names of a directory"),
                .repeated("label", "K=V", "label"),
                .value("media-type", "T", "default application/octet-stream"),
                .value(
                    "idempotency-key",
                    "K",
                    "default: from what is sent, so re-runs add nothing"
                ),
                .value("retain", "7y", "how long it is locked: 90s 30m 12h 30d 7y"),
                .value("retain-until", "T", "until when: 2033-11-22 or 2033-11-22T00:00:00Z"),
                .value("mode", "M", "compliance or governance"),
                .value("receipts", "DIR", "keep receipts as DIR/<name>.receipt.json"),
                .repeated("key", "VKEY", "check signatures; else $STRONGROOM_KEY"),
            ] + OptionSpecification.client,
            about: [
                "Pushes files; a directory is walked, its files named by their path below it;",
                "- is standard input (needs --name). Symbolic links are not followed.",
                "Prints  index  sha256  name  locked-until  a file, in order.",
            ],
            example: "strongroom put reports --collection ci --retain 7y --receipts receipts"
        ),
        run: run
    )

    private static func run(
        _ arguments: ParsedArguments,
        _ console: Console
    )
        throws(CommandFailure) -> ExitCode
    {
        let settings = try settings(arguments)
        let keys = try TrustedKeys.read(arguments)
        let server = try Server(arguments)
        let walk = try FileWalk(paths: arguments.operands, name: arguments.value("name"))
        if settings.idempotencyKey != nil, walk.items.count > 1 {
            throw .usage(
                "--idempotency-key names one request, and \(walk.items.count) files are given",
                advice: "leave it out: each file gets its own key"
            )
        }
        let receipts = try arguments.value("receipts").map { (path) throws(CommandFailure) in
            try ReceiptFolder(path: path)
        }
        var exit = ExitCode.done
        for (path, reason) in walk.skipped { console.message("skipped \(path): \(reason)") }
        for failure in walk.failures {
            console.failure(failure)
            exit = exit.graver(failure.code)
        }
        guard !walk.items.isEmpty else {
            if walk.failures.isEmpty { console.message("no files to push") }
            return exit
        }
        let checker = ReceiptChecker(keys: keys)
        let progress = Progress(
            console,
            totalBytes: walk.totalBytes,
            totalItems: walk.items.count > 1 ? walk.items.count : nil
        )
        let run = PutRun(walk.items, console, isJSON: arguments.flag("json"))
        let summary = run.run {
            PutWorker(
                settings: settings,
                connection: server.connect(),
                checker: checker,
                receipts: receipts,
                progress: progress
            )
        }
        report(summary, isPinned: checker.isPinned, console)
        return exit.graver(summary.exit)
    }

    private static func report(_ summary: PutRun.Summary, isPinned: Bool, _ console: Console) {
        var parts = ["\(Amount.count(summary.added, "file")) added"]
        if summary.unchanged > 0 {
            parts.append("\(Amount.grouped(UInt64(summary.unchanged))) unchanged")
        }
        if summary.failed > 0 { parts.append("\(Amount.grouped(UInt64(summary.failed))) failed") }
        if summary.notTried > 0 {
            parts.append("\(Amount.grouped(UInt64(summary.notTried))) not tried")
        }
        console.message(parts.joined(separator: ", "))
        if summary.notTried > 0 {
            console.message("run it again later: what is kept already is not added twice")
        }
        if !isPinned, summary.added + summary.unchanged > 0 {
            console.message(
                "the log's signature is not checked, for no key is pinned: "
                    + "give --key or set STRONGROOM_KEY"
            )
        }
    }

    private static func settings(_ arguments: ParsedArguments) throws(CommandFailure) -> PutSettings
    {
        if arguments.value("retain") != nil, arguments.value("retain-until") != nil {
            throw .usage("--retain and --retain-until are two ways to say the same: give one")
        }
        do throws(LimitViolation) {
            return PutSettings(
                collection: try CollectionName(
                    arguments.value("collection") ?? standardCollection
                ),
                labels: try Labels(userInput: arguments.all("label")),
                mediaType: try arguments.value("media-type").map { (text) throws(LimitViolation) in
                    try MediaType(text)
                },
                lock: try lock(arguments),
                idempotencyKey: try arguments.value("idempotency-key").map {
                    (text) throws(LimitViolation) in try IdempotencyKey(text)
                }
            )
        } catch {
            throw .usage("\(error)")
        }
    }

    private static func lock(_ arguments: ParsedArguments) throws(LimitViolation) -> LockRequest {
        let mode = try arguments.value("mode").map { (text) throws(LimitViolation) in
            try RetentionMode(userInput: text)
        }
        if let text = arguments.value("retain-until") {
            return LockRequest(mode: mode, retention: .until(try Timestamp(userInput: text)))
        }
        if let text = arguments.value("retain") {
            return LockRequest(
                mode: mode,
                retention: .duration(try RetentionDuration(parsing: text))
            )
        }
        return LockRequest(mode: mode)
    }
}
