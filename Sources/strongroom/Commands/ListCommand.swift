internal import Cryptography
internal import EvidenceModel
internal import Platform

/// `strongroom list`: searches, newest first.
enum ListCommand {
    static let command = Command(
        specification: CommandSpecification(
            name: "list",
            group: .evidence,
            summary: "search for evidence, newest first",
            operands: [],
            options: [
                .value("collection", "C", "in this collection"),
                .value("prefix", "P", "names that begin so"),
                .repeated("label", "K=V", "with this label"),
                .value("digest", "D", "with this payload: 64 hexadecimal digits"),
                .value("since", "T", "received at or after: 2026-11-21 or 2026-11-21T08:00:00Z"),
                .value("until", "T", "received before"),
                .value("limit", "N", "at most so many; default all"),
                .flag("verify", "check that nothing was left out; needs --collection, --key"),
                .repeated("key", "VKEY", "verifier key, or a file of them; else $STRONGROOM_KEY"),
            ] + OptionSpecification.client,
            about: [
                "",
                "Prints  index  sha256  name  locked-until  a record. What it prints is the",
                "server's answer: 'prove' and 'verify' show that a record is in the log. With",
                "--verify all of the collection is fetched and proven, its numbers have no gap,",
                "and the results are what the conditions say: exit 1 names what is missing.",
            ],
            example: "strongroom list --collection ci --prefix reports/ --limit 20"
        ),
        run: run
    )

    private static func run(
        _ arguments: ParsedArguments,
        _ console: Console
    )
        throws(CommandFailure) -> ExitCode
    {
        let limit = try arguments.integer("limit", in: 1...Int.max)
        let base = try query(arguments)
        if arguments.flag("verify") { return try verify(base, limit, arguments, console) }
        let pages = SearchPages(
            connection: try Server(arguments).connect(),
            base: base,
            limit: limit
        )
        try pages.each { page throws(CommandFailure) in
            for entry in page.entries {
                console.result(arguments.flag("json") ? entry.json : entry.text)
            }
        }
        return .done
    }

    private static func verify(
        _ base: RequestPath,
        _ limit: Int?,
        _ arguments: ParsedArguments,
        _ console: Console
    ) throws(CommandFailure) -> ExitCode {
        guard limit == nil else {
            throw .usage("--limit does not go with --verify: what is left out is not known then")
        }
        let checker = ReceiptChecker(keys: try TrustedKeys.read(arguments))
        guard checker.isPinned else {
            throw .usage("--verify needs --key: nothing is proven without it")
        }
        let verification = SearchVerification(
            connection: try Server(arguments).connect(),
            checker: checker,
            selection: try selection(arguments),
            console: console,
            isJSON: arguments.flag("json")
        )
        return try verification.run(base)
    }

    /// The conditions.
    private static func selection(
        _ arguments: ParsedArguments
    ) throws(CommandFailure) -> ExportSelection {
        let digest = try PayloadDigest.option(arguments)
        do throws(LimitViolation) {
            let prefix = arguments.value("prefix").flatMap { $0.isEmpty ? nil : $0 }
            return try ExportSelection(
                collection: try arguments.value("collection").map {
                    text throws(LimitViolation) in try CollectionName(text)
                },
                namePrefix: prefix,
                labels: try Labels(userInput: arguments.all("label")),
                payloadDigest: digest,
                since: try arguments.value("since").map {
                    text throws(LimitViolation) in try Timestamp(userInput: text)
                },
                until: try arguments.value("until").map {
                    text throws(LimitViolation) in try Timestamp(userInput: text)
                }
            )
        } catch {
            throw .usage("\(error)")
        }
    }

    private static func query(_ arguments: ParsedArguments) throws(CommandFailure) -> RequestPath {
        var path = RequestPath("/v1/search")
        path.add("collection", arguments.value("collection"))
        path.add("prefix", arguments.value("prefix"))
        for label in arguments.all("label") { path.add("label", label) }
        path.add("digest", try PayloadDigest.option(arguments)?.hex)
        do throws(LimitViolation) {
            for name in ["since", "until"] {
                guard let text = arguments.value(name) else { continue }
                path.add(name, try Timestamp(userInput: text).rfc3339)
            }
        } catch {
            throw .usage("\(error)")
        }
        return path
    }
}
