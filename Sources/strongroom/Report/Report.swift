internal import EvidenceModel
internal import TransparencyLog

/// A report: each question with its answer, each control with what the answers come to.
///
/// Pure: the same facts give the same report.
struct Report {
    struct Answered {
        let question: ReportQuestion
        let answer: ReportAnswer
    }

    struct Judged {
        let control: ReportControl
        let verdict: Verdict
    }

    let facts: ReportFacts
    let attestations: ReportAttestations
    let answers: [Answered]
    let controls: [Judged]

    init(_ facts: ReportFacts, _ attestations: ReportAttestations) {
        self.facts = facts
        self.attestations = attestations
        answers = ReportQuestions.all.map { question in
            Answered(question: question, answer: question.answer(facts, attestations))
        }
        let byQuestion = Dictionary(
            uniqueKeysWithValues: answers.map { ($0.question.id, $0.answer) }
        )
        controls = ReportControls.all.map { control in
            Judged(control: control, verdict: control.verdict(byQuestion))
        }
    }

    /// Controls that are not met.
    var notMet: [Judged] { controls.filter { $0.verdict == .notMet } }

    /// The records that are named one by one, ascending: these are shown with their proofs.
    var cited: [RecordIndex] {
        var found: Set<RecordIndex> = []
        for answered in answers {
            for table in answered.answer.tables { found.formUnion(table.rows.compactMap(\.index)) }
            // A range is told by its ends; all of it was read and proven.
            for range in answered.answer.records.prefix(ReportFacts.maximumShownCount) {
                found.insert(RecordIndex(range.lowerBound))
                found.insert(RecordIndex(range.upperBound))
            }
        }
        if let finding = facts.finding { found.formUnion(finding.records) }
        return found.sorted()
    }

    static let disclaimer =
        "This report supports an auditor. It tells what the records of one log say, and nothing "
        + "else; it is no legal opinion, no certificate, and no statement that any rule applies or "
        + "is complied with. What a control asks for is put into other words here, which were not "
        + "all compared with the rule itself: beside each framework stands what was and what was "
        + "not. The text of the rule is what counts. A verdict is about the questions that stand "
        + "beside it, asked of these records; of what is named as not answerable it says nothing."
}
