internal import EvidenceModel
internal import TransparencyLog

/// Acts of some kinds in the period, as tables tell of them one by one: when, by whom, what, why.
struct ToldActs {
    let count: UInt64
    /// All of them.
    let records: [ClosedRange<UInt64>]
    private let rows: [ReportRow]

    init(_ facts: ReportFacts, _ kinds: RecordKind...) {
        self.init(kinds.map { (facts.acts($0), nil) })
    }

    /// `text`: what is said of each instead of what it did.
    init(_ kinds: [(acts: ReportFacts.Kind, text: String?)]) {
        count = kinds.reduce(0) { $0 + $1.acts.count }
        records = kinds.reduce([]) { Words.union($0, $1.acts.records) }
        let told = kinds.flatMap { kind in kind.acts.shown.map { ($0.index, $0.act, kind.text) } }
        // The first of each kind hold the first of all.
        rows = told.sorted { $0.0 < $1.0 }.map { index, record, text in
            ReportRow(
                index,
                [
                    record.received.rfc3339, record.principal.text, text ?? Words.act(record.act),
                    record.reason?.text ?? "",
                ]
            )
        }
    }

    func table(_ caption: String) -> ReportTable {
        ReportTable(caption, ["when", "by", "what", "why"], rows, of: count)
    }
}
