internal import EvidenceModel
internal import TransparencyLog

/// What the records say to a question; the raw values stand in reports.
enum Verdict: String, CaseIterable {
    /// The records show that it is so.
    case met
    case notMet = "not met"
    /// The records tell what was done; there was nothing to be met.
    case recorded
    case noOccurrence = "no occurrence"
    case cannotBeAnswered = "cannot be answered"

    /// Of several answers that decide together: what is not met, or not known, is never outvoted.
    static func together(_ verdicts: some Sequence<Verdict>) -> Verdict {
        let all = Set(verdicts)
        let order: [Verdict] = [.notMet, .cannotBeAnswered, .met, .recorded, .noOccurrence]
        return order.first { all.contains($0) } ?? .cannotBeAnswered
    }
}

/// One row of a table: the record that says so, and what it says.
struct ReportRow: Equatable {
    /// Nil: the row sums up what the answer's records say.
    let index: RecordIndex?
    let cells: [String]

    init(_ index: RecordIndex?, _ cells: [String]) {
        self.index = index
        self.cells = cells
    }
}

/// What is told one by one.
struct ReportTable: Equatable {
    let caption: String
    /// Names of the cells; that of the record comes before them.
    let columns: [String]
    let rows: [ReportRow]
    /// How many rows there would be more.
    let leftOut: UInt64

    /// `count` is that of all rows, those that are not given included.
    init(_ caption: String, _ columns: [String], _ rows: [ReportRow], of count: UInt64? = nil) {
        self.caption = caption
        self.columns = columns
        let shown = rows.prefix(ReportFacts.maximumShownCount)
        self.rows = Array(shown)
        leftOut = max(count ?? 0, UInt64(rows.count)) - UInt64(shown.count)
    }
}

/// The answer to a question, with the records that it rests on.
struct ReportAnswer: Equatable {
    var verdict: Verdict
    /// Sentences for a person.
    var text: String
    /// The records that say so, ascending; empty only where nothing is claimed.
    var records: [ClosedRange<UInt64>] = []
    var tables: [ReportTable] = []

    init(
        _ verdict: Verdict,
        _ text: String,
        _ records: [ClosedRange<UInt64>] = [],
        _ tables: [ReportTable] = []
    ) {
        self.verdict = verdict
        self.text = text
        self.records = records
        // An empty table says nothing.
        self.tables = tables.filter { !$0.rows.isEmpty }
    }
}

/// A question that records can answer.
struct ReportQuestion: Sendable {
    /// Stands in reports.
    let id: String
    let text: String
    /// The rules of an audit that, broken, answer it with no.
    let rules: Set<String>
    /// What the facts say, whatever the log was caught at.
    private let rule: @Sendable (ReportFacts, ReportAttestations) -> ReportAnswer

    init(
        _ id: String,
        _ text: String,
        rules: [LogViolation.Rule] = [],
        tree: [MonitorViolation.Rule] = [],
        _ rule: @escaping @Sendable (ReportFacts, ReportAttestations) -> ReportAnswer
    ) {
        self.id = id
        self.text = text
        self.rules = Set(rules.map(\.rawValue) + tree.map(\.rawValue))
        self.rule = rule
    }

    /// The answer, with regard to what the log was caught at.
    ///
    /// Behind a broken rule nothing was judged: what was fine up to there is no answer.
    func answer(_ facts: ReportFacts, _ attestations: ReportAttestations) -> ReportAnswer {
        var answer = rule(facts, attestations)
        guard let finding = facts.finding else { return answer }
        if rules.contains(finding.rule) {
            answer.verdict = .notMet
            answer.text =
                "The log breaks a rule (\(finding.rule)): \(finding.detail). " + answer.text
            for index in finding.records.sorted() where index.value < facts.size {
                answer.records = Self.adding(index, to: answer.records)
            }
        } else if answer.verdict != .notMet {
            answer.verdict = .cannotBeAnswered
            answer.text =
                "Only the records below \(facts.size) were judged, since the log breaks a rule "
                + "there (\(finding.rule)). " + answer.text
        }
        return answer
    }

    private static func adding(
        _ index: RecordIndex,
        to ranges: [ClosedRange<UInt64>]
    ) -> [ClosedRange<UInt64>] {
        guard !ranges.contains(where: { $0.contains(index.value) }) else { return ranges }
        return (ranges + [index.value...index.value]).sorted { $0.lowerBound < $1.lowerBound }
    }
}

/// What a rule asks for, and which questions tell whether it is so.
struct ReportControl: Sendable {
    /// What no record can tell, and why.
    struct Gap: Sendable {
        let what: String
        let why: String

        init(_ what: String, _ why: String) {
            self.what = what
            self.why = why
        }
    }

    /// Whose rule it is.
    let framework: String
    /// Where it stands there.
    let paragraph: String
    let title: String
    /// What it asks for, in other words than its own.
    let asks: String
    /// Questions that decide together.
    let decides: [String]
    /// Questions whose answers matter only if they are no.
    let adds: [String]
    let gaps: [Gap]

    /// What the answers come to.
    func verdict(_ answers: [String: ReportAnswer]) -> Verdict {
        let added = adds.compactMap { answers[$0]?.verdict }.filter { $0 == .notMet }
        return Verdict.together(decides.compactMap { answers[$0]?.verdict } + added)
    }
}
