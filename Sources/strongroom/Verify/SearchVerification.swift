internal import EvidenceModel
internal import Observability
internal import Platform
internal import TransparencyLog

/// `list --verify`: whether a search left something out, or found what does not match.
///
/// The server's answers are believed in nothing. All of the collection is listed, a receipt of each
/// of its records is verified against the given keys, and their numbers must have no gap up to the
/// newest census. Then the conditions are applied here, to what was proven, and the result is
/// compared with what the search found.
struct SearchVerification {
    let connection: APIConnection
    let checker: ReceiptChecker
    let selection: ExportSelection
    let console: Console
    let isJSON: Bool

    /// What a search came to.
    struct Listing {
        var lines: [UInt64: EvidenceLine] = [:]
        /// Records below this were to be looked through.
        var before: UInt64 = 0
    }

    /// A record's line and its fault.
    private struct Fault {
        let index: UInt64
        let detail: String
    }

    /// - Throws: exit code `verificationFailed`, also where the pages do not fit each other.
    func run(_ search: RequestPath) throws(CommandFailure) -> ExitCode {
        guard let collection = selection.collection else {
            throw .usage("--verify needs --collection: records are numbered within one")
        }
        precondition(checker.isPinned, "without keys a receipt proves nothing")
        var completeness = Completeness(of: collection, keys: checker.keys)
        // Before the search: it counts nothing that the search does not look at.
        try addCensus(collection, &completeness)
        let found = try list(search, before: nil)
        for index in found.lines.keys.sorted(by: >) {
            guard let line = found.lines[index] else { continue }
            console.result(isJSON ? line.json : line.text)
        }
        var whole = RequestPath("/v1/search")
        whole.add("collection", collection.text)
        let all = try list(whole, before: found.before)
        var faults: [Fault] = []
        var unjudged = 0
        for (done, index) in all.lines.keys.sorted().enumerated() {
            if done % 64 == 0 { console.progress("verifying \(done + 1) of \(all.lines.count)") }
            let checked = try receipt(of: index, size: found.before, &completeness)
            switch judge(checked, collection) {
            case .matches:
                guard let line = found.lines[index] else {
                    faults.append(Fault(index: index, detail: "it matches, and was not listed"))
                    break
                }
                let proven = EvidenceLine(
                    index: RecordIndex(index),
                    record: checked.record,
                    description: checked.description
                )
                if proven?.digest != line.digest || proven?.name != line.name {
                    faults.append(Fault(index: index, detail: "it is listed as something else"))
                }
            case .differs:
                if found.lines[index] != nil {
                    faults.append(Fault(index: index, detail: "it is listed, and does not match"))
                }
            case .isErased: unjudged += 1
            }
        }
        for index in found.lines.keys.sorted() where all.lines[index] == nil {
            faults.append(Fault(index: index, detail: "it is listed, and not in the collection"))
        }
        return try conclude(try finding(completeness), faults, unjudged, found)
    }

    // MARK: What the server says

    /// Lists all pages, which must fit each other, against one signed size.
    private func list(
        _ base: RequestPath,
        before: UInt64?
    ) throws(CommandFailure) -> Listing {
        var listing = Listing()
        var next: UInt64?
        let pages = SearchPages(connection: connection, base: base, limit: nil, before: before)
        try pages.each { page throws(CommandFailure) in
            guard let range = page.range, let note = page.checkpoint,
                try checker.checkpoint(note).size.value == page.treeSize,
                range.upperBound <= page.treeSize ?? 0
            else { throw Self.failure("a page does not say which records it looked through") }
            guard range.upperBound == next ?? before ?? page.treeSize else {
                throw Self.failure("a page begins elsewhere than the one before ended")
            }
            if next == nil { listing.before = range.upperBound }
            next = range.lowerBound
            for line in page.entries {
                guard range.contains(line.index), listing.lines[line.index] == nil else {
                    throw Self.failure("record \(line.index) is not where its page looked")
                }
                listing.lines[line.index] = line
            }
            guard page.nextCursor != nil || range.lowerBound == 0 else {
                throw Self.failure("the search ended before the log's first record")
            }
        }
        return listing
    }

    private func addCensus(
        _ collection: CollectionName,
        _ completeness: inout Completeness
    ) throws(CommandFailure) {
        var path = RequestPath("/v1/collections")
        path.addSegment(collection.text)
        path.addSegment("census")
        do throws(CommandFailure) {
            let reply = try connection.get(path, what: "census of \(collection)")
            try add(try checker.check(reply.body.span), &completeness)
        } catch {
            // A young log has none; the conclusion says so.
            guard error.code == .notFound else { throw error }
        }
    }

    private func receipt(
        of index: UInt64,
        size: UInt64,
        _ completeness: inout Completeness
    ) throws(CommandFailure) -> CheckedReceipt {
        var path = RequestPath("/v1/records/\(index)/receipt")
        path.add("size", String(size))
        let reply = try connection.get(path, what: "receipt of record \(index)")
        let checked = try checker.check(reply.body.span)
        guard checked.receipt.index.value == index, checked.receipt.treeSize.value == size else {
            throw Self.failure("the receipt of record \(index) is another's")
        }
        try add(checked, &completeness)
        return checked
    }

    private func add(
        _ checked: CheckedReceipt,
        _ completeness: inout Completeness
    ) throws(CommandFailure) {
        do throws(CompletenessFailure) {
            try completeness.addProven(
                checked.record,
                at: checked.receipt.index,
                in: checked.checkpoint
            )
        } catch {
            throw Self.failure("\(error)")
        }
    }

    // MARK: What is true

    private enum Judgement {
        case matches
        case differs
        /// The conditions ask for what stood in an opening that is gone.
        case isErased
    }

    private func judge(_ checked: CheckedReceipt, _ collection: CollectionName) -> Judgement {
        guard let lock = checked.record.lock, checked.record.collection == collection else {
            return .differs
        }
        let facts = RecordFacts(
            index: checked.receipt.index,
            collection: collection,
            lock: lock,
            received: checked.record.received,
            description: checked.description,
            leafHash: checked.receipt.leafHash
        )
        if checked.description == nil, selection.needsDescription { return .isErased }
        return selection.matches(facts) ? .matches : .differs
    }

    private func finding(
        _ completeness: Completeness
    ) throws(CommandFailure) -> Completeness.Finding {
        do throws(CompletenessFailure) {
            return try completeness.finding()
        } catch {
            throw Self.failure("\(error)")
        }
    }

    private func conclude(
        _ finding: Completeness.Finding,
        _ faults: [Fault],
        _ unjudged: Int,
        _ found: Listing
    ) throws(CommandFailure) -> ExitCode {
        let isComplete = faults.isEmpty && finding.missing.isEmpty
        if isJSON {
            var line = JSONLine()
            line.add("treeSize", found.before)
            line.add("results", UInt64(found.lines.count))
            line.add("unjudged", UInt64(unjudged))
            let texts = faults.map { fault in
                var object = JSONLine()
                object.add("index", fault.index)
                object.add("detail", fault.detail)
                return object.text
            }
            line.add("faults", json: Array("[\(texts.joined(separator: ","))]".utf8))
            line.add(
                "completeness",
                json: Array(CompletenessText.json(finding, isComplete: isComplete).utf8)
            )
            line.add("verified", isComplete)
            console.result(line.text)
        } else {
            for line in CompletenessText.lines(finding) { console.result(line) }
            for fault in faults {
                console.result(RecordText.row("FAULT", "record \(fault.index): \(fault.detail)"))
            }
            if unjudged > 0 {
                console.result(
                    RecordText.row(
                        "not judged",
                        "\(Amount.count(unjudged, "sealed record")) whose opening is erased"
                    )
                )
            }
        }
        guard isComplete else {
            throw Self.failure(
                "\(Amount.count(faults.count, "result")) wrong or missing, "
                    + "\(Amount.count(finding.missingCount, "record")) of the collection not shown"
            )
        }
        if !isJSON {
            console.result(
                "verified: these are all results below record \(found.before); "
                    + (finding.reach == 0
                        ? "the collection has no record that is shown"
                        : CompletenessText.conclusion(finding))
            )
        }
        return .done
    }

    private static func failure(_ detail: String) -> CommandFailure {
        CommandFailure(
            .verificationFailed,
            "not verified: \(detail)",
            advice: "keep what was printed, and ask the log's operator"
        )
    }
}
