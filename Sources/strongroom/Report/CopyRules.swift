internal import Cryptography
internal import EvidenceModel
internal import TransparencyLog

/// Answers about the second copy: pure functions of what the records say.
enum CopyRules {
    static func secondCopy(_ facts: ReportFacts, _: ReportAttestations) -> ReportAnswer {
        let state = facts.ending.state
        let phases = facts.acts(.targetPhase)
        let changes = phases.shown.compactMap { index, record -> ReportRow? in
            guard case .targetPhase(let change) = record.act else { return nil }
            return ReportRow(
                index,
                [
                    record.received.rfc3339, change.target.text, "\(change.from) to \(change.to)",
                    Words.number(change.size.value), change.localRoot.base64,
                ]
            )
        }
        let table = ReportTable(
            "Changes of phase: both sides had this root, without a difference",
            ["when", "target", "phase", "records compared", "root"],
            changes,
            of: phases.count
        )
        let targets = state.targets.sorted { $0.key < $1.key }
        guard !targets.isEmpty else {
            return ReportAnswer(
                .cannotBeAnswered,
                "By the end of the period the log knows of no target: if there is a second copy, "
                    + "no record tells of it.",
                phases.records,
                [table]
            )
        }
        let rows = targets.map { name, target in
            ReportRow(
                target.lastPhase ?? target.added,
                [name.text, target.description.bucket, target.phase.rawValue]
            )
        }
        let records = Words.ranges(
            of: targets.flatMap { [$0.value.added, $0.value.lastPhase].compactMap { $0 } }
        )
        let standing = ReportTable(
            "Targets by the end of the period, with the record that last compared or else added it",
            ["target", "bucket", "phase"],
            rows
        )
        let compared = targets.filter { $0.value.lastPhase != nil }
        guard !compared.isEmpty else {
            return ReportAnswer(
                .cannotBeAnswered,
                "\(Amount.count(targets.count, "target")), and no record of a comparison yet: that "
                    + "it receives a copy is said, that the copy is equal is not.",
                records,
                [standing, table]
            )
        }
        return ReportAnswer(
            .met,
            "\(Amount.count(targets.count, "target")); compared with the log record by record and "
                + "found equal, last by the records below: \(compared.count). Each root was shown "
                + "to be the log's own; of what came behind a comparison it says nothing.",
            Words.union(records, phases.records),
            [standing, table]
        )
    }

    static func probes(_ facts: ReportFacts, _: ReportAttestations) -> ReportAnswer {
        let acts = facts.acts(.targetProbed)
        let state = facts.ending.state
        let rows = acts.shown.compactMap { index, record -> ReportRow? in
            guard case .targetProbed(let name, let report) = record.act else { return nil }
            return ReportRow(
                index,
                [record.received.rfc3339, name.text, Words.probe(report), report.detail ?? ""]
            )
        }
        let table = ReportTable(
            "Probes: what the store refused when it was tried",
            ["when", "target", "found", "detail"],
            rows,
            of: acts.count
        )
        let targets = state.targets.sorted { $0.key < $1.key }
        guard !targets.isEmpty || acts.count > 0 else {
            return ReportAnswer(.noOccurrence, "There was no target to probe.")
        }
        let failing = targets.filter { $0.value.lastProbe?.report.isCompliant == false }
        let unprobed = targets.filter { target in
            target.value.lastProbe.map { $0.at < facts.scope.from } ?? true
        }
        let lasts = targets.compactMap { $0.value.lastProbe?.index }
        let records = Words.union(acts.records, Words.ranges(of: lasts))
        if !failing.isEmpty || facts.failedProbes.count > 0 {
            let names = failing.map(\.key.text).joined(separator: ", ")
            let now =
                failing.isEmpty
                ? "By the end of the period all of them did."
                : "By the last probe \(names) still does not."
            return ReportAnswer(
                .notMet,
                "\(Amount.count(facts.failedProbes.count, "probe")) of the period found a rule "
                    + "that the store does not enforce, or could not tell. \(now)",
                records,
                [table]
            )
        }
        guard unprobed.isEmpty else {
            let names = unprobed.map(\.key.text).joined(separator: ", ")
            return ReportAnswer(
                .cannotBeAnswered,
                "No probe of the period is about \(names).",
                records,
                [table]
            )
        }
        return ReportAnswer(
            .met,
            "\(Amount.count(acts.count, "probe")), and each found that every rule is enforced: "
                + "what is locked or held was not deleted, shortened or weakened.",
            records,
            [table]
        )
    }
}
