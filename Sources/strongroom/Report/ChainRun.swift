internal import Cryptography
internal import EvidenceModel
internal import Platform
internal import TransparencyLog

/// What a chain is asked for.
struct ChainSettings {
    var collection: CollectionName
    var keys: [VerifierKey]
    var path: String
    var isJSON = false
}

/// Writes EVIDENCE_CHAIN.md: every piece of evidence of a collection, line by line.
///
/// The log is read twice: first all of it is proven and judged, then the records of the collection
/// are read again, each compared with the hash that was proven, for their lines.
final class ChainRun: LogObserver {
    private let settings: ChainSettings
    private let connection: APIConnection
    private let reader: LogReader
    private let console: Console
    private let progress: WalkProgress
    private let checker: ReceiptChecker

    init(_ settings: ChainSettings, _ server: Server, _ console: Console) {
        self.settings = settings
        self.console = console
        connection = server.connect()
        reader = LogReader(server.connect())
        progress = WalkProgress(console)
        checker = ReceiptChecker(keys: settings.keys)
    }

    func willTake(_: Record, at index: RecordIndex, _: LogAudit) {
        progress.show(index.value, "records judged")
    }

    func didTake(
        _: Record,
        at _: RecordIndex,
        _: LogAudit,
        from _: borrowing MonitorStep
    ) throws(CommandFailure) {}

    func isCaught(_: LogAudit) {}

    func run() throws(CommandFailure) -> ExitCode {
        let walk = LogWalk(reader, keys: settings.keys, in: FileSystem.parent(of: settings.path))
        var outcome: LogWalk.Outcome?
        defer { walk.close(outcome) }
        let walked = try walk.run(self)
        outcome = walked
        if let violation = walked.violation {
            throw CommandFailure(
                .verificationFailed,
                "the log breaks a rule, \(violation.rule): \(violation.detail)",
                advice: "no chain is written; 'strongroom report --from … --to …' says what it "
                    + "touches, 'strongroom monitor' keeps the proof"
            )
        }
        let audit = walked.state.audit
        guard let head = audit.order.heads[settings.collection] else {
            throw CommandFailure(
                .notFound,
                "the log has no evidence in the collection \(settings.collection)"
            )
        }
        let text = ChainText(
            collection: settings.collection,
            signed: walked.signed,
            server: reader.server,
            made: Timestamp(milliseconds: Clock.wallMilliseconds()) ?? .earliest,
            count: head.count.value
        )
        let file = try ReportFile(settings.path)
        try file.write(text.head)
        let count = try writeLines(walked, to: file)
        guard count == head.count.value else {
            throw CommandFailure(.bug, "\(count) lines for \(head.count) pieces of evidence")
        }
        try file.write(text.foot)
        try file.finish()
        tell(walked.signed, count)
        return .done
    }

    private func writeLines(
        _ walked: LogWalk.Outcome,
        to file: ReportFile
    ) throws(CommandFailure) -> UInt64 {
        let step = try walked.state.beginStep()
        let prover = RecordProver(reader, walked.signed)
        let size = walked.signed.checkpoint.size.value
        var count: UInt64 = 0
        var next: UInt64 = 0
        while next < size {
            let last = min(size - 1, next + (LogAudit.pieceCount - 1))
            for evidence in try step.evidence(in: next...last)
            where evidence.facts.collection == settings.collection {
                let line = try line(evidence, prover, walked)
                try file.write(ChainText.line(line))
                count += 1
                progress.show(count, "lines written")
            }
            next = last + 1
        }
        return count
    }

    private func line(
        _ evidence: AuditedEvidence,
        _ prover: RecordProver,
        _ walked: LogWalk.Outcome
    ) throws(CommandFailure) -> ChainText.Line {
        let known = evidence.facts
        let state = walked.state.audit.state
        let bytes = try prover.read(known.index, known.leafHash)
        var description: EvidenceDescription?
        var commitment: SHA256Digest?
        switch try? Record(parsing: bytes.span) {
        case .evidence(let open): description = open.description
        case .sealedEvidence(let sealed):
            commitment = sealed.commitment
            description = try opening(of: known, walked.signed)
        default:
            throw CommandFailure(.bug, "record \(known.index) was judged as evidence, and is none")
        }
        let facts = RecordFacts(
            index: known.index,
            collection: known.collection,
            lock: known.lock,
            received: known.received,
            description: description,
            leafHash: known.leafHash
        )
        let standing = state.lockStanding(of: facts.index, lock: facts.lock)
        let matters = state.mattersHolding(facts)
        return ChainText.Line(
            sequence: evidence.sequence,
            index: facts.index,
            received: facts.received,
            description: description,
            commitment: commitment,
            lock: standing.lock,
            erased: standing.erased,
            matters: standing.erased == nil ? matters : [],
            mayBeHeld: standing.erased == nil && state.mayBeHeldUnseen(facts)
        )
    }

    /// What a sealed record hides, if this token may see it and it is there; compared with the
    /// record's commitment.
    private func opening(
        of facts: RecordFacts,
        _ signed: SignedCheckpoint
    ) throws(CommandFailure) -> EvidenceDescription? {
        var path = RequestPath("/v1/records/\(facts.index)/receipt")
        path.add("size", "\(signed.checkpoint.size)")
        let reply: APIReply
        do throws(CommandFailure) {
            reply = try connection.get(path, what: "receipt of record \(facts.index)")
        } catch {
            guard error.code == .refused || error.code == .notFound else { throw error }
            return nil
        }
        let checked = try checker.check(reply.body.span)
        guard checked.receipt.index == facts.index, checked.receipt.leafHash == facts.leafHash
        else {
            throw CommandFailure(
                .verificationFailed,
                "the receipt of record \(facts.index) is of another record"
            )
        }
        return checked.description
    }

    private func tell(_ signed: SignedCheckpoint, _ count: UInt64) {
        if settings.isJSON {
            let object: JSONObject = [
                "collection": .string(settings.collection.text),
                "file": .string(settings.path), "lines": .integer(Int64(count)),
                "origin": .string(signed.checkpoint.origin),
                "root": .string(signed.checkpoint.root.base64),
                "size": .integer(Int64(signed.checkpoint.size.value)),
            ]
            console.result(object.line)
        } else {
            console.result(
                "\(settings.path)  \(Amount.count(count, "line")), a tree of "
                    + "\(Words.number(signed.checkpoint.size.value)) records"
            )
        }
        console.flush()
    }
}
