internal import EvidenceModel
internal import Observability
internal import TransparencyLog

/// `verify --complete`: whether receipts on disk are all of a collection.
struct CompletenessRun {
    let collection: CollectionName
    let keys: [VerifierKey]
    let console: Console
    let isJSON: Bool

    func run(_ operands: [String]) throws(CommandFailure) -> ExitCode {
        guard !operands.isEmpty else {
            throw .usage("no receipt is given", advice: "name receipts, or directories of them")
        }
        let walk = try ReceiptWalk(operands)
        var completeness = Completeness(of: collection, keys: keys)
        var exit = ExitCode.done
        for (place, path) in walk.paths.enumerated() {
            if place % 64 == 0 { console.progress("verifying \(place + 1) of \(walk.paths.count)") }
            do throws(CommandFailure) {
                let receipt = try ReceiptFile.read(path)
                do throws(CompletenessFailure) {
                    try completeness.add(receipt)
                } catch {
                    throw CommandFailure(.verificationFailed, "\(path): not verified: \(error)")
                }
            } catch {
                console.failure(error)
                exit = exit.graver(error.code)
            }
        }
        if walk.skippedCount > 0 {
            console.message(
                "\(Amount.count(walk.skippedCount, "file")) left out: not called *.json or "
                    + "*.tlog-proof, or hidden, or a link"
            )
        }
        let finding: Completeness.Finding
        do throws(CompletenessFailure) {
            finding = try completeness.finding()
        } catch {
            throw CommandFailure(
                .verificationFailed,
                "not verified: \(error)",
                advice: "keep these receipts: signed by one key they prove it"
            )
        }
        let isComplete = exit == .done && finding.hasNoGap
        if isJSON {
            console.result(CompletenessText.json(finding, isComplete: isComplete))
        } else {
            for line in CompletenessText.lines(finding) { console.result(line) }
            if isComplete { console.result("verified: " + CompletenessText.conclusion(finding)) }
        }
        guard isComplete else {
            console.failure(Self.failure(finding))
            return exit.graver(.verificationFailed)
        }
        return .done
    }

    private static func failure(_ finding: Completeness.Finding) -> CommandFailure {
        let what: String
        if finding.reach == 0 {
            what = "no receipt of \(finding.collection) is here"
        } else if finding.missingCount > 0 {
            what =
                "\(Amount.count(finding.missingCount, "record")) of \(finding.collection) missing"
        } else {
            what = "some receipts do not verify"
        }
        return CommandFailure(.verificationFailed, "not complete: \(what)")
    }
}

/// What receipts show of a collection, for people and programs.
enum CompletenessText {
    static func lines(_ finding: Completeness.Finding) -> [String] {
        var lines = [
            RecordText.row("collection", "\(finding.collection) of \(finding.origin ?? "no log")"),
            RecordText.row(
                "receipts",
                "\(Amount.grouped(finding.receiptCount)) verified, "
                    + "\(Amount.count(finding.heldCount, "record")) of the collection"
            ),
        ]
        if let census = finding.census {
            lines.append(
                RecordText.row(
                    "census",
                    "record \(census.index): \(census.count) records below record "
                        + "\(census.before), on \(census.received)"
                )
            )
        } else {
            lines.append(
                RecordText.row("census", "NONE GIVEN: where the numbers end is not proven;")
            )
            lines.append(
                RecordText.row("", "'strongroom prove --census \(finding.collection)' fetches one")
            )
        }
        if finding.reach > 0 {
            let state = finding.missing.isEmpty ? "none missing" : "\(finding.missingCount) missing"
            lines.append(RecordText.row("numbers", "1 to \(finding.reach), \(state)"))
        }
        for range in finding.missing { lines.append(RecordText.row("MISSING", text(range))) }
        return lines
    }

    static func conclusion(_ finding: Completeness.Finding) -> String {
        guard let census = finding.census else {
            return "numbers 1 to \(finding.reach) of \(finding.collection) are here without a "
                + "gap; whether there are more is NOT proven"
        }
        return "all \(census.count) records that \(finding.collection) had below record "
            + "\(census.before) are here"
    }

    static func json(_ finding: Completeness.Finding, isComplete: Bool) -> String {
        var line = JSONLine()
        line.add("collection", finding.collection.text)
        if let origin = finding.origin { line.add("origin", origin) }
        line.add("receipts", finding.receiptCount)
        line.add("held", finding.heldCount)
        line.add("reach", finding.reach)
        let missing = finding.missing.map { "[\($0.lowerBound),\($0.upperBound)]" }
        line.add("missing", json: Array("[\(missing.joined(separator: ","))]".utf8))
        if let census = finding.census {
            var object = JSONLine()
            object.add("index", census.index.value)
            object.add("before", census.before.value)
            object.add("count", census.count.value)
            object.add("last", census.last.value)
            object.add("received", census.received.rfc3339)
            line.add("census", json: Array(object.text.utf8))
        }
        line.add("endProven", finding.census != nil)
        line.add("complete", isComplete)
        return line.text
    }

    private static func text(_ range: ClosedRange<UInt64>) -> String {
        range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
    }
}
