internal import Cryptography
internal import EvidenceModel
internal import Platform
internal import TransparencyLog

/// What a report is asked for.
struct ReportSettings {
    var scope: ReportScope
    var keys: [VerifierKey]
    var witnesses: [CosignatureKey] = []
    var policy: TlogPolicy?
    /// Certificates of authorities of time that are trusted.
    var authorities: TimeStampAnchors?
    /// The directory that both files go to.
    var directory: String
    var isJSON = false
}

/// Makes a report: reads and judges the log, answers, proves what is cited, writes both forms.
final class ReportRun: LogObserver {
    private let settings: ReportSettings
    private let connection: APIConnection
    private let reader: LogReader
    private let console: Console
    private let progress: WalkProgress
    private var fold: ReportFold
    /// The audit as it was when a record broke a rule.
    private var caught: LogAudit?

    init(_ settings: ReportSettings, _ server: Server, _ console: Console) {
        self.settings = settings
        connection = server.connect()
        reader = LogReader(server.connect())
        self.console = console
        progress = WalkProgress(console)
        fold = ReportFold(origin: settings.keys[0].name, scope: settings.scope)
    }

    func willTake(_ record: Record, at index: RecordIndex, _ audit: LogAudit) {
        fold.willTake(record, audit, at: index)
        progress.show(index.value, "records judged")
    }

    func didTake(
        _ record: Record,
        at index: RecordIndex,
        _ audit: LogAudit,
        from step: borrowing MonitorStep
    ) throws(CommandFailure) {
        try fold.didTake(record, at: index, audit, from: step)
    }

    func isCaught(_ audit: LogAudit) { caught = audit }

    /// Writes `report.html` and `report.json`.
    ///
    /// - Returns: `verificationFailed` if a control is not met.
    func run() throws(CommandFailure) -> ExitCode {
        try makeDirectory()
        let walk = LogWalk(reader, keys: settings.keys, in: settings.directory)
        var outcome: LogWalk.Outcome?
        defer { walk.close(outcome) }
        let walked = try walk.run(self)
        outcome = walked
        let finding = walked.violation.map { violation in
            ReportFinding(
                rule: violation.rule,
                detail: violation.detail,
                records: violation.records
            )
        }
        fold.end(caught ?? walked.state.audit, finding: finding)
        let step = try walked.state.beginStep()
        if finding == nil { try fold.takeStock(from: step) }
        let document = ReportDocument(
            report: Report(fold.facts, try attestations(walked)),
            signed: walked.signed,
            made: Timestamp(milliseconds: Clock.wallMilliseconds()) ?? .earliest,
            software: "strongroom \(VersionCommand.version)",
            server: reader.server
        )
        try write(document)
        tell(document)
        let isFine = finding == nil && document.report.notMet.isEmpty
        return isFine ? .done : .verificationFailed
    }

    /// What others say of what was read.
    private func attestations(
        _ walked: LogWalk.Outcome
    ) throws(CommandFailure) -> ReportAttestations {
        let keys = walked.state.audit.state.keys(following: settings.keys)
        var timestamps = ReportTimeStamps(unread: "nobody was asked")
        if fold.facts.finding == nil, let records = fold.facts.records {
            let reader = TimeStampReader(
                connection,
                walked,
                keys: keys,
                anchors: settings.authorities
            )
            timestamps = try reader.read(records)
        }
        return ReportAttestations(
            witnesses: ReportWitnesses(
                walked.signed,
                keys: settings.witnesses,
                policy: settings.policy,
                logKeys: keys
            ),
            timestamps: timestamps
        )
    }

    private func makeDirectory() throws(CommandFailure) {
        do throws(SystemError) {
            try FileSystem.makeDirectoryIfAbsent(settings.directory)
            let found = try FileSystem.information(settings.directory)
            guard found?.kind == .file else { return }
        } catch { throw CommandFailure(error, advice: "-o names the directory for both files") }
        throw .usage("\(settings.directory) is a file: -o names the directory for both files")
    }

    private func write(_ document: ReportDocument) throws(CommandFailure) {
        let json = try ReportFile("\(settings.directory)/report.json")
        let form = ReportJSON(document: document)
        let prover = RecordProver(reader, document.signed)
        var cited: [ReportDocument.Cited] = []
        try json.write(form.head)
        for index in document.report.cited
        where index.value < document.signed.checkpoint.size.value {
            progress.show(UInt64(cited.count), "citations proven")
            let entry: ProvenEntry
            do throws(CommandFailure) {
                entry = try prover.prove(index)
            } catch {
                // A log that serves what it has not signed is what the report is about then.
                guard document.report.facts.finding != nil, error.code == .verificationFailed
                else { throw error }
                continue
            }
            let record = try? Record(parsing: entry.bytes.span)
            try json.write(form.record(entry, isFirst: cited.isEmpty))
            cited.append(
                ReportDocument.Cited(
                    index: index,
                    kind: record?.kind.rawValue ?? "no record",
                    received: record?.received.rfc3339 ?? "",
                    leafHash: entry.leafHash
                )
            )
        }
        try json.write(ReportJSON.foot)
        let page = try ReportFile("\(settings.directory)/report.html")
        try ReportPage(document: document, cited: cited).write { text throws(CommandFailure) in
            try page.write(text)
        }
        try json.finish()
        try page.finish()
    }

    // MARK: Telling

    private func tell(_ document: ReportDocument) {
        let counts = Dictionary(grouping: document.report.controls, by: \.verdict)
            .mapValues(\.count)
        if settings.isJSON {
            var object: JSONObject = [
                "directory": .string(settings.directory),
                "origin": .string(document.signed.checkpoint.origin),
                "size": .integer(Int64(document.signed.checkpoint.size.value)),
            ]
            for verdict in Verdict.allCases {
                object[verdict.rawValue] = .integer(Int64(counts[verdict] ?? 0))
            }
            object["finding"] = document.report.facts.finding.map { .string($0.rule) }
            console.result(object.line)
        } else {
            for judged in document.report.controls {
                let control = judged.control
                console.result(
                    "\(judged.verdict.rawValue)\t\(control.framework) \(control.paragraph)\t"
                        + control.title
                )
            }
            console.result("\(settings.directory)/report.html\n\(settings.directory)/report.json")
        }
        console.flush()
        if let finding = document.report.facts.finding {
            console.failure("the log breaks a rule, \(finding.rule): \(finding.detail)")
        }
        for judged in document.report.notMet {
            let control = judged.control
            console.failure("not met: \(control.framework) \(control.paragraph) \(control.title)")
        }
        for remark in document.remarks where document.report.facts.finding == nil {
            console.message(remark)
        }
    }
}
