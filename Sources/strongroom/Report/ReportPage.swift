internal import Cryptography
internal import EvidenceModel
internal import TransparencyLog

/// The report as a page that prints well: no script, nothing from elsewhere, headings in order,
/// tables with captions, verdicts told by words and not by colour alone.
struct ReportPage {
    private let document: ReportDocument
    private let cited: [ReportDocument.Cited]
    /// Of a log that lies some are not, and have no place to lead to.
    private let proven: Set<RecordIndex>

    init(document: ReportDocument, cited: [ReportDocument.Cited]) {
        self.document = document
        self.cited = cited
        proven = Set(cited.map(\.index))
    }

    /// The whole page, part by part.
    func write(_ write: (String) throws(CommandFailure) -> Void) throws(CommandFailure) {
        try write(head)
        try write(overview)
        try write(controls)
        for answered in document.report.answers { try write(section(answered)) }
        try write(records)
        try write(Self.foot)
    }

    private var facts: ReportFacts { document.report.facts }

    private var head: String {
        let scope = facts.scope
        let about = scope.collection.map { ", collection \($0)" } ?? ""
        let origin = document.signed.checkpoint.origin
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy"
             content="default-src 'none'; style-src 'unsafe-inline'">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>Report on the log \(Self.text(origin)), \(scope.from.rfc3339) to \
            \(scope.to.rfc3339)</title>
            <style>
            \(Self.style)
            </style>
            </head>
            <body>
            <main>
            <h1>What the log \(Self.text(origin)) says</h1>
            <p>From \(scope.from.rfc3339) to before \(scope.to.rfc3339)\
            \(Self.text(about)).</p>

            """
    }

    private static let style = """
        body { font: 11pt/1.5 Georgia, serif; color: #1a1a1a; background: #fff; margin: 0 auto;
          max-width: 56em; padding: 1em; }
        h1 { font-size: 1.5em; } h2 { font-size: 1.25em; margin-top: 2em; }
        h3 { font-size: 1.05em; margin: 1.6em 0 .3em; }
        table { border-collapse: collapse; width: 100%; margin: .6em 0 1em; }
        caption { text-align: left; font-style: italic; padding: .3em 0; }
        th, td { text-align: left; vertical-align: top; padding: .25em .6em .25em 0;
          border-top: 1px solid #767676; overflow-wrap: anywhere; }
        thead { display: table-header-group; } tr { break-inside: avoid; }
        code, pre { font: .9em/1.4 monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
        pre { border: 1px solid #767676; padding: .6em; }
        .verdict { font-weight: bold; border: 1px solid; padding: 0 .3em; white-space: nowrap; }
        .met { color: #0b5d1e; } .not-met { color: #fff; background: #a40000; }
        .no-occurrence, .recorded { color: #444; } .cannot-be-answered { color: #6b4500; }
        .alarm { border: 3px solid #a40000; padding: .6em 1em; }
        @media print { body { max-width: none; padding: 0; font-size: 10pt; }
          h2, h3 { break-after: avoid; } }
        """

    private var overview: String {
        let checkpoint = document.signed.checkpoint
        var parts: [String] = []
        let isAlarm = facts.finding != nil || !document.report.notMet.isEmpty
        parts.append(
            isAlarm
                ? "<p class=\"alarm\" role=\"alert\"><strong>\(Self.text(document.headline))"
                    + "</strong></p>"
                : "<p><strong>\(Self.text(document.headline))</strong></p>"
        )
        parts += document.remarks.map { "<p>\(Self.text($0))</p>" }
        parts.append("<p>\(Self.text(Report.disclaimer))</p>")
        let keys = document.signed.signers.map { "\($0)" }.joined(separator: ", ")
        let period = facts.records.map { Words.ranges([$0]) } ?? "none"
        let rows: [(String, String)] = [
            ("Log", checkpoint.origin), ("Read from", document.server),
            ("Records in the tree", Words.number(checkpoint.size.value)),
            ("Root", checkpoint.root.base64), ("Signed by", keys),
            ("Records of the period", period), ("Made", document.made.rfc3339),
            ("Made with", document.software),
        ]
        parts.append("<table>\n<caption>What was read</caption>\n<tbody>")
        parts += rows.map { name, value in
            "<tr><th scope=\"row\">\(name)</th><td>\(Self.text(value))</td></tr>"
        }
        parts.append("</tbody>\n</table>")
        parts.append(
            "<p>Every record that is cited was read from the server and proven to stand in the "
                + "tree of this one checkpoint, whose signature was verified with the key that was "
                + "given:</p>\n<pre>\(Self.text(document.signed.encoded, keepsLines: true))</pre>"
        )
        return parts.joined(separator: "\n") + "\n"
    }

    private var controls: String {
        var parts = ["<h2>Controls</h2>"]
        var framework = ""
        for judged in document.report.controls {
            let control = judged.control
            if control.framework != framework {
                if !framework.isEmpty { parts.append("</tbody>\n</table>") }
                framework = control.framework
                parts.append("<h3>\(Self.text(framework))</h3>")
                parts += ReportSource.all.filter { $0.framework == framework }.map { source in
                    "<p>Compared: \(Self.text(source.compared))<br>Not compared: "
                        + "\(Self.text(source.notCompared))</p>"
                }
                parts.append(
                    "<table>\n<caption>Controls of \(Self.text(framework))</caption>\n<thead>"
                        + "<tr><th scope=\"col\">paragraph</th><th scope=\"col\">asks</th>"
                        + "<th scope=\"col\">answer</th></tr></thead>\n<tbody>"
                )
            }
            parts.append(row(judged))
        }
        parts.append("</tbody>\n</table>\n<h2>Questions and answers</h2>")
        return parts.joined(separator: "\n") + "\n"
    }

    private func row(_ judged: Report.Judged) -> String {
        let control = judged.control
        func links(_ ids: [String]) -> String {
            ids.map { "<a href=\"#\($0)\">\($0)</a>" }.joined(separator: ", ")
        }
        var cell = Self.verdict(judged.verdict)
        if !control.decides.isEmpty { cell += "<br>by " + links(control.decides) }
        if !control.adds.isEmpty { cell += "<br>unless not met: " + links(control.adds) }
        let gaps = control.gaps.map { gap in
            "<li>\(Self.text(gap.what)): \(Self.text(gap.why))</li>"
        }
        if !gaps.isEmpty {
            cell += "<br>Not answerable from the log:<ul>\(gaps.joined())</ul>"
        }
        return "<tr><th scope=\"row\">\(Self.text(control.paragraph))</th><td><strong>"
            + "\(Self.text(control.title))</strong><br>\(Self.text(control.asks))</td>"
            + "<td>\(cell)</td></tr>"
    }

    private func section(_ answered: Report.Answered) -> String {
        let answer = answered.answer
        var parts = [
            "<section aria-labelledby=\"\(answered.question.id)\">",
            "<h3 id=\"\(answered.question.id)\">\(Self.text(answered.question.text))</h3>",
            "<p>\(Self.verdict(answer.verdict)) \(Self.text(answer.text))</p>",
        ]
        if !answer.records.isEmpty {
            let ranges = Words.ranges(answer.records, limit: 60)
            parts.append("<p>Records: <code>\(Self.text(ranges))</code></p>")
        }
        parts += answer.tables.map(table)
        parts.append("</section>")
        return parts.joined(separator: "\n") + "\n"
    }

    private func table(_ table: ReportTable) -> String {
        let hasRecords = table.rows.contains { $0.index != nil }
        var parts = ["<table>", "<caption>\(Self.text(table.caption))</caption>", "<thead><tr>"]
        if hasRecords { parts.append("<th scope=\"col\">record</th>") }
        parts += table.columns.map { "<th scope=\"col\">\(Self.text($0))</th>" }
        parts.append("</tr></thead>\n<tbody>")
        for row in table.rows {
            var cells = row.cells.map { "<td><bdi>\(Self.text($0))</bdi></td>" }
            if hasRecords {
                let place =
                    row.index.map { index in
                        proven.contains(index) ? "<a href=\"#r\(index)\">\(index)</a>" : "\(index)"
                    } ?? ""
                cells.insert("<td>\(place)</td>", at: 0)
            }
            parts.append("<tr>\(cells.joined())</tr>")
        }
        parts.append("</tbody>\n</table>")
        if table.leftOut > 0 {
            parts.append("<p>\(Words.number(table.leftOut)) more rows are not shown.</p>")
        }
        return parts.joined(separator: "\n")
    }

    private var records: String {
        var parts = [
            "<h2>Cited records</h2>",
            "<p>report.json has the bytes of each of these, and the hashes that lead from it to "
                + "the root. To check one apart from this report, with the log's key from somebody "
                + "you trust:</p>",
            "<pre>strongroom prove INDEX --size \(document.signed.checkpoint.size) -o r.json\n"
                + "strongroom verify --receipt r.json --key VERIFIER-KEY</pre>",
            "<table>", "<caption>Records that tables and answers name</caption>",
            "<thead><tr><th scope=\"col\">record</th><th scope=\"col\">kind</th>"
                + "<th scope=\"col\">received</th><th scope=\"col\">leaf hash</th></tr></thead>",
            "<tbody>",
        ]
        parts += cited.map { record in
            "<tr id=\"r\(record.index)\"><th scope=\"row\">\(record.index)</th>"
                + "<td>\(Self.text(record.kind))</td><td>\(Self.text(record.received))</td>"
                + "<td><code>\(record.leafHash.base64)</code></td></tr>"
        }
        parts.append("</tbody>\n</table>")
        return parts.joined(separator: "\n") + "\n"
    }

    private static let foot = "</main>\n</body>\n</html>\n"

    private static func verdict(_ verdict: Verdict) -> String {
        let name = String(verdict.rawValue.map { $0 == " " ? "-" : $0 })
        return "<span class=\"verdict \(name)\">\(verdict.rawValue)</span>"
    }

    private static func text(_ text: String, keepsLines: Bool = false) -> String {
        guard keepsLines else { return ShownText.html(text) }
        return text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { ShownText.html(String($0)) }.joined(separator: "\n")
    }
}
