internal import Attestation
internal import Cryptography
internal import EvidenceModel
internal import EvidenceStore
internal import Observability
internal import TransparencyLog

/// `strongroom fsck`: checks a log's directory, offline.
enum FsckCommand {
    static let command = Command(
        specification: CommandSpecification(
            name: "fsck",
            group: .log,
            summary: "check everything in a log's directory, offline",
            operands: [OperandSpecification(name: "DIR", count: .one)],
            options: [.json],
            about: [
                "",
                "Works out anew from the records' bytes all that DIR holds, and compares: hashes,",
                "payloads, tree, tiles, indexes, manifests, signatures, catalog, what time-stamps",
                "cover, what witnesses have cosigned. Prints what it checked and every finding;",
                "changes nothing. The log must not be in use. Ends with 1 if anything is missing",
                "or wrong; a 'note' is harmless.",
            ],
            example: "strongroom fsck data"
        ),
        run: run
    )

    private static func run(
        _ arguments: ParsedArguments,
        _ console: Console
    )
        throws(CommandFailure) -> ExitCode
    {
        var report: FsckReport
        do throws(StoreError) {
            var check = try Fsck(path: arguments.operands[0]) { segment, total in
                console.progress("checking segment \(segment + 1) of \(total)")
            }
            let attestations = try AttestationCheck(path: arguments.operands[0])
            check.keepRoots(at: attestations.sizes)
            report = try check.run()
            try attestations.judge(check, &report)
        } catch {
            throw CommandFailure(error)
        }
        if arguments.flag("json") {
            writeJSON(report, console)
        } else {
            writeText(report, console)
        }
        guard report.isClean else {
            let count = report.findings.count { $0.severity == .damage }
            throw CommandFailure(
                .verificationFailed,
                "\(arguments.operands[0]) is damaged: \(Amount.count(count, "finding"))",
                advice: "do not serve it; restore what is missing from the second copy"
            )
        }
        return .done
    }

    private static func counts(_ report: FsckReport) -> [(name: String, count: UInt64)] {
        [
            ("segments", report.segments), ("sealedSegments", report.sealedSegments),
            ("records", report.records), ("payloads", report.payloads),
            ("payloadBytes", report.payloadBytes), ("tiles", report.tiles),
            ("indexEntries", report.indexEntries), ("signatures", report.signatures),
            ("acts", report.acts), ("evictedPayloads", report.evictedPayloads),
            ("indexRuns", report.indexRuns), ("timestamps", report.timestamps),
            ("cosignedCheckpoints", report.cosignedCheckpoints),
        ]
    }

    private static func writeText(_ report: FsckReport, _ console: Console) {
        for finding in report.findings { console.result(Console.harmless("\(finding)")) }
        console.result(
            "checked \(Amount.count(report.records, "record")) in "
                + "\(Amount.count(report.segments, "segment")) (\(report.sealedSegments) sealed), "
                + "\(Amount.count(report.payloads, "payload")) of "
                + "\(Amount.bytes(report.payloadBytes)),"
        )
        if report.evictedPayloads > 0 {
            console.result(
                "        \(Amount.count(report.evictedPayloads, "payload")) more in a target only: "
                    + "not read; 'strongroom target reconcile' looks at them"
            )
        }
        console.result(
            "        \(Amount.count(report.tiles, "tile")), index entries: "
                + "\(Amount.grouped(report.indexEntries)), "
                + "\(Amount.count(report.indexRuns, "index run")), "
                + Amount.count(report.signatures, "signature")
        )
        console.result(
            "        \(Amount.count(report.acts, "act")): state and catalog are their fold"
        )
        if report.timestamps + report.cosignedCheckpoints > 0 {
            console.result(
                "        \(Amount.count(report.timestamps, "time-stamp")), "
                    + "\(Amount.count(report.cosignedCheckpoints, "cosigned checkpoint")): "
                    + "compared with the tree"
            )
        }
        if let predecessor = report.predecessor {
            for line in RecordText.predecessor(predecessor) { console.result(line) }
        }
        console.result("root    \(report.root)")
        console.result("state   \(report.stateDigest)")
        console.result(report.isClean ? "clean" : "DAMAGED")
    }

    private static func writeJSON(_ report: FsckReport, _ console: Console) {
        for finding in report.findings {
            var line = JSONLine()
            line.add("finding", finding.severity.rawValue)
            line.add("path", finding.path)
            line.add("detail", finding.detail)
            console.result(line.text)
        }
        var line = JSONLine()
        for (name, count) in counts(report) { line.add(name, count) }
        if let predecessor = report.predecessor {
            line.add("predecessor", predecessor.origin)
            line.add("predecessorSize", predecessor.head.size.value)
            line.add("predecessorRoot", predecessor.head.root.hex)
            if let lost = predecessor.lost {
                line.add("lostFirst", lost.lowerBound)
                line.add("lostLast", lost.upperBound)
            }
        }
        line.add("root", report.root)
        line.add("state", report.stateDigest)
        line.add("clean", report.isClean)
        console.result(line.text)
    }
}
