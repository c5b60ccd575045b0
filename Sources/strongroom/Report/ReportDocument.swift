internal import Cryptography
internal import EvidenceModel
internal import TransparencyLog

/// A report with what belongs to one making of it: both forms are written from this.
struct ReportDocument {
    /// A cited record, as the list at the end of both forms names it.
    struct Cited: Equatable {
        let index: RecordIndex
        let kind: String
        let received: String
        let leafHash: MerkleHash
    }

    let report: Report
    let signed: SignedCheckpoint
    /// When it was made, by this machine's clock.
    let made: Timestamp
    /// The program and its version.
    let software: String
    /// From where the log was read.
    let server: String

    /// The most ranges of one answer that are written out; all others are told by their number.
    static let maximumRangeCount = 10_000

    /// What the period comes to, in one sentence.
    var headline: String {
        let count = report.notMet.count
        guard count > 0 || report.facts.finding != nil else {
            return "No control is found not to be met. What cannot be answered is named."
        }
        return "\(Amount.count(count, "control")) \(count == 1 ? "is" : "are") not met."
    }

    /// What the report does not reach.
    var remarks: [String] {
        var remarks: [String] = []
        let facts = report.facts
        if facts.firstBehind == nil, facts.finding == nil {
            remarks.append(
                "The newest record is of \(facts.final.order.lastReceived): what comes later in "
                    + "the period is not in this report."
            )
        }
        if let collection = facts.scope.collection {
            remarks.append(
                "Evidence, locks, holds and erasures are those of the collection \(collection); "
                    + "tokens, clock, targets and the tree are the whole log's."
            )
        }
        if let finding = facts.finding {
            remarks.append(
                "The log breaks the rule '\(finding.rule)': \(finding.detail). The records below "
                    + "\(facts.size) were judged; none behind that was."
            )
        }
        let hidden = facts.final.unjudged
        if !hidden.isEmpty {
            remarks.append(
                "\(Amount.count(hidden.holds, "hold")) and "
                    + "\(Amount.count(hidden.erasures, "erasure")) of the log could not be judged "
                    + "fully: they depend on names that sealed records hide."
            )
        }
        return remarks
    }
}

/// The report as JSON; `Schemas/report.schema.json`.
///
/// The cited records come last and one by one, so that they need not be kept.
struct ReportJSON {
    let document: ReportDocument

    /// Everything but the records, up to the place where the first of them comes.
    var head: String {
        let facts = document.report.facts
        let checkpoint = document.signed.checkpoint
        var log: JSONObject = [
            "checkpoint": .string(document.signed.encoded),
            "origin": .string(checkpoint.origin), "root": .string(checkpoint.root.base64),
            "server": .string(document.server), "size": .integer(Int64(checkpoint.size.value)),
        ]
        log["keys"] = .array(document.signed.signers.map { .string($0.description) })
        var period: JSONObject = [
            "from": .string(facts.scope.from.rfc3339), "to": .string(facts.scope.to.rfc3339),
        ]
        period["records"] = facts.records.map { Self.ranges([$0]) } ?? .array([])
        var object: JSONObject = [
            "controls": .array(document.report.controls.map(Self.control)),
            "disclaimer": .string(Report.disclaimer),
            "frameworks": .array(ReportSource.all.map(Self.source)),
            "generated": .string(document.made.rfc3339),
            "headline": .string(document.headline),
            "log": .object(log), "period": .object(period),
            "questions": .array(document.report.answers.map(Self.answer)),
            "remarks": .array(document.remarks.map { .string($0) }),
            "software": .string(document.software),
            "timestamps": .array(timestamps),
            "type": "strongroom-report-v1",
        ]
        object["collection"] = facts.scope.collection.map { .string($0.text) }
        object["finding"] = facts.finding.map { finding in
            .object([
                "detail": .string(finding.detail),
                "records": .array(finding.records.map { .integer(Int64($0.value)) }),
                "rule": .string(finding.rule),
            ])
        }
        let text = String(decoding: CanonicalJSON.encode(.object(object)), as: UTF8.self)
        return text.dropLast() + ",\"records\":["
    }

    /// One record with its proof; `isFirst`: no comma before it.
    func record(_ entry: ProvenEntry, isFirst: Bool) -> String {
        let object: JSONObject = [
            "index": .integer(Int64(entry.index.value)),
            "leafHash": .string(entry.leafHash.base64),
            "proof": .array(entry.path.map { .string($0.base64) }),
            "record": .string(String(decoding: entry.bytes, as: UTF8.self)),
        ]
        return (isFirst ? "\n" : ",\n") + object.line
    }

    static let foot = "\n]}\n"

    /// The time-stamps that were fetched, so that others can verify them.
    private var timestamps: [JSONValue] {
        document.report.attestations.timestamps.authorities.flatMap { authority in
            authority.stamps.filter { !$0.record.isEmpty }.map { stamp in
                var isVerified = false
                if case .verified = stamp.standing { isVerified = true }
                return .object([
                    "authority": .string(authority.name), "checkpoint": .string(stamp.note),
                    "evidenceRecord": .string(Base64.encode(stamp.record.span)),
                    "size": .integer(Int64(stamp.size.value)), "time": .string(stamp.time),
                    "verified": .bool(isVerified),
                ])
            }
        }
    }

    private static func source(_ source: ReportSource) -> JSONValue {
        .object([
            "compared": .string(source.compared), "name": .string(source.framework),
            "notCompared": .string(source.notCompared),
        ])
    }

    private static func control(_ judged: Report.Judged) -> JSONValue {
        let control = judged.control
        return .object([
            "adds": .array(control.adds.map { .string($0) }), "asks": .string(control.asks),
            "decides": .array(control.decides.map { .string($0) }),
            "framework": .string(control.framework),
            "notAnswerable": .array(
                control.gaps.map { gap in
                    .object(["what": .string(gap.what), "why": .string(gap.why)])
                }
            ),
            "paragraph": .string(control.paragraph), "title": .string(control.title),
            "verdict": .string(judged.verdict.rawValue),
        ])
    }

    private static func answer(_ answered: Report.Answered) -> JSONValue {
        let answer = answered.answer
        let shown = answer.records.prefix(ReportDocument.maximumRangeCount)
        return .object([
            "answer": .string(answer.text), "id": .string(answered.question.id),
            "question": .string(answered.question.text), "records": ranges(Array(shown)),
            "rangesLeftOut": .integer(Int64(answer.records.count - shown.count)),
            "tables": .array(answer.tables.map(table)),
            "verdict": .string(answer.verdict.rawValue),
        ])
    }

    private static func table(_ table: ReportTable) -> JSONValue {
        let rows = table.rows.map { row -> JSONValue in
            var object: JSONObject = ["cells": .array(row.cells.map { .string($0) })]
            object["record"] = row.index.map { .integer(Int64($0.value)) }
            return .object(object)
        }
        return .object([
            "caption": .string(table.caption),
            "columns": .array(table.columns.map { .string($0) }),
            "leftOut": .integer(Int64(clamping: table.leftOut)), "rows": .array(rows),
        ])
    }

    private static func ranges(_ ranges: [ClosedRange<UInt64>]) -> JSONValue {
        .array(
            ranges.map { range in
                .array([.integer(Int64(range.lowerBound)), .integer(Int64(range.upperBound))])
            }
        )
    }
}
