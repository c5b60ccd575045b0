internal import EvidenceModel
internal import TransparencyLog

/// Answers about the keys that sign the log: pure functions of what the records say.
enum KeyRules {
    static func keys(_ facts: ReportFacts, _: ReportAttestations) -> ReportAnswer {
        let acts = facts.acts(.keyRotated)
        let signing = facts.ending.state.keys.filter { $0.signs(at: facts.end) }
        let standing = signing.map { key in
            ReportRow(
                key.rotated ?? RecordIndex(0),
                [key.key.description, key.until.map { "until \($0)" } ?? "without end"]
            )
        }
        let table = ReportTable(
            "Keys that sign by the end of the period, with the record that brought them",
            ["key", "signs"],
            standing
        )
        let brought = signing.map { $0.rotated ?? RecordIndex(0) }
        guard acts.count > 0 else {
            return ReportAnswer(
                .noOccurrence,
                "No key was replaced in the period.",
                Words.ranges(of: brought),
                [table]
            )
        }
        let rows = acts.shown.compactMap { index, record -> ReportRow? in
            guard case .keyRotated(let rotation) = record.act else { return nil }
            return ReportRow(
                index,
                [
                    record.received.rfc3339, record.principal.text, "\(rotation.previous)",
                    "\(rotation.key)", rotation.until.rfc3339, record.reason?.text ?? "",
                ]
            )
        }
        return ReportAnswer(
            .recorded,
            "\(Amount.count(acts.count, "key")) replaced; each record is signed by the key before "
                + "and by the new one.",
            Words.union(acts.records, Words.ranges(of: brought)),
            [
                ReportTable(
                    "Keys replaced",
                    ["when", "by", "from", "to", "both sign until", "why"],
                    rows,
                    of: acts.count
                ),
                table,
            ]
        )
    }
}
