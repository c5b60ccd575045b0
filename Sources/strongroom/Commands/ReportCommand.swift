internal import Cryptography
internal import EvidenceModel
internal import Platform
internal import TransparencyLog

/// `strongroom report`: what the log's own records say to an auditor's questions.
enum ReportCommand {
    static let command = Command(
        specification: CommandSpecification(
            name: "report",
            group: .proof,
            summary: "answer an auditor's questions from the log's own records",
            operands: [],
            options: [
                .value("from", "T", "the period's begin: 2026-01-01 or 2026-01-01T08:00:00Z"),
                .value("to", "T", "the first moment behind the period"),
                .value("collection", "C", "only this collection's evidence"),
                .repeated("key", "VKEY", "the log's verifier key; else $STRONGROOM_KEY (required)"),
                .repeated("witness", "VKEY", "who must have cosigned the checkpoint"),
                .value("policy", "FILE", "a C2SP tlog-policy that it must fulfil"),
                .repeated("authority-ca", "PEM", "verify time-stamps with these certificates"),
                .flag("chain", "write EVIDENCE_CHAIN.md of --collection instead"),
                .value("output", short: "o", "PATH", "directory, default .; the chain's file"),
            ] + OptionSpecification.client,
            about: [
                "",
                "Reads, proves and judges the whole log, as a monitor does, and answers for the",
                "period which controls of SEC 17a-4(f), FINRA 4511, CFTC 1.31, ISO 27001 and SOC",
                "2 its records tell of: report.html and report.json, with records and proofs, and",
                "what no record tells. It supports an auditor and is no legal opinion. Exits 1 if",
                "a control is not met. Needs an auditor's token for all collections.",
            ],
            example: "strongroom report --from 2026-01-01 --to 2027-01-01 --key log.vkey -o 2026"
        ),
        run: run
    )

    private static func run(
        _ arguments: ParsedArguments,
        _ console: Console
    )
        throws(CommandFailure) -> ExitCode
    {
        let keys = try TrustedKeys.ofOneLog(arguments)
        let server = try Server(arguments)
        guard arguments.flag("chain") else {
            let settings = try settings(arguments, keys)
            return try ReportRun(settings, server, console).run()
        }
        for name in ["from", "to", "policy"] where arguments.value(name) != nil {
            throw .usage("--\(name) does not go with --chain, which tells of all evidence")
        }
        for name in ["witness", "authority-ca"] where !arguments.all(name).isEmpty {
            throw .usage("--\(name) does not go with --chain")
        }
        guard let collection = try collection(arguments) else {
            throw .usage("--chain tells of one collection", advice: "add --collection")
        }
        let settings = ChainSettings(
            collection: collection,
            keys: keys,
            path: arguments.value("output") ?? "EVIDENCE_CHAIN.md",
            isJSON: arguments.flag("json")
        )
        return try ChainRun(settings, server, console).run()
    }

    private static func settings(
        _ arguments: ParsedArguments,
        _ keys: [VerifierKey]
    ) throws(CommandFailure) -> ReportSettings {
        let (from, to) = (try time(arguments, "from"), try time(arguments, "to"))
        guard from < to else { throw .usage("--from \(from) is not before --to \(to)") }
        var settings = ReportSettings(
            scope: ReportScope(from: from, to: to, collection: try collection(arguments)),
            keys: keys,
            directory: arguments.value("output") ?? ".",
            isJSON: arguments.flag("json")
        )
        for text in arguments.all("witness") {
            do throws(NoteError) {
                settings.witnesses.append(try CosignatureKey(parsing: text))
            } catch {
                throw .usage("--witness '\(text.prefix(200))' is no witness's key: \(error)")
            }
        }
        if let path = arguments.value("policy") { settings.policy = try PolicyFile.read(path) }
        var anchors: [TimeStampAnchors] = []
        for file in arguments.all("authority-ca") { anchors.append(try TimeStamps.anchors(file)) }
        if !anchors.isEmpty { settings.authorities = TimeStampAnchors(anchors) }
        return settings
    }

    private static func time(
        _ arguments: ParsedArguments,
        _ name: String
    ) throws(CommandFailure) -> Timestamp {
        let text = try arguments.required(name)
        do throws(LimitViolation) {
            return try Timestamp(userInput: text)
        } catch { throw .usage("--\(name): \(error)") }
    }

    private static func collection(
        _ arguments: ParsedArguments
    ) throws(CommandFailure) -> CollectionName? {
        guard let text = arguments.value("collection") else { return nil }
        do throws(LimitViolation) {
            return try CollectionName(text)
        } catch { throw .usage("\(error)") }
    }
}
