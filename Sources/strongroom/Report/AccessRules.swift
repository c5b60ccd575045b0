internal import Cryptography
internal import EvidenceModel
internal import TransparencyLog

/// Answers about who may do what, and what was handed out: pure functions of what the records say.
enum AccessRules {
    static func tokens(_ facts: ReportFacts, _: ReportAttestations) -> ReportAnswer {
        let acts = ToldActs(facts, .accessChanged)
        let tokens = facts.ending.state.tokens
        guard acts.count > 0 || !tokens.isEmpty else {
            return ReportAnswer(
                .noOccurrence,
                "No token was ever made: the log tells nobody who acted from anybody else."
            )
        }
        let end = facts.end
        let inForce = tokens.filter { token in
            token.revoked == nil && (token.grant.expires.map { end < $0 } ?? true)
        }
        let standing = inForce.map { ReportRow($0.created, [$0.name.text, Words.grant($0.grant)]) }
        let bypassers = inForce.filter { $0.grant.rights.contains(.bypass) }.map(\.name.text)
        let right =
            bypassers.isEmpty
            ? "None has the right to bypass."
            : "The right to bypass have: \(bypassers.prefix(20).joined(separator: ", "))"
                + (bypassers.count > 20 ? " and \(bypassers.count - 20) more." : ".")
        return ReportAnswer(
            .recorded,
            "\(Amount.count(acts.count, "change")) of tokens; \(Words.number(inForce.count)) in "
                + "force by the end of the period. \(right)",
            Words.union(acts.records, Words.ranges(of: inForce.map(\.created))),
            [
                acts.table("Tokens made and revoked"),
                ReportTable(
                    "Tokens in force by the end of the period, with the record that made them",
                    ["token", "what it may do"],
                    standing
                ),
            ]
        )
    }

    static func digests(_ facts: ReportFacts, _: ReportAttestations) -> ReportAnswer {
        let acts = facts.acts(.accessDigest)
        guard acts.count > 0 else {
            return ReportAnswer(
                .noOccurrence,
                "No digest of the access log was written in the period: of a day on which nothing "
                    + "was read there may be none, and of a day that is not over there is none."
            )
        }
        let rows = acts.shown.compactMap { index, record -> ReportRow? in
            guard case .accessDigest(let count, let head, let day) = record.act else { return nil }
            return ReportRow(index, [day, Words.number(count), head.hex])
        }
        var reach = ""
        if case .accessDigest(let count, _, let day)? = acts.last?.act.act {
            reach =
                " The last is of \(day) and fixes all \(Amount.count(count, "line")) up to then; "
                + "of later ones it says nothing."
        }
        return ReportAnswer(
            .met,
            "\(Amount.count(acts.count, "digest")) of the access log: who has a copy of it can "
                + "compare its hash chain with these.\(reach) The lines themselves are no records.",
            acts.records,
            [
                ReportTable(
                    "Digests of the access log",
                    ["day", "lines so far", "head of the hash chain"],
                    rows,
                    of: acts.count
                )
            ]
        )
    }

    static func exports(_ facts: ReportFacts, _: ReportAttestations) -> ReportAnswer {
        let acts = facts.acts(.accessExported)
        guard acts.count > 0 else { return ReportAnswer(.noOccurrence, "Nothing was exported.") }
        let rows = acts.shown.compactMap { index, record -> ReportRow? in
            guard case .accessExported(let export) = record.act else { return nil }
            return ReportRow(
                index,
                [
                    record.received.rfc3339, record.principal.text, Words.number(export.count),
                    Words.selection(export.selection), record.reason?.text ?? "",
                ]
            )
        }
        return ReportAnswer(
            .recorded,
            "\(Amount.count(acts.count, "bundle")) handed out, each with what was asked for, how "
                + "many records matched and a digest over them.",
            acts.records,
            [
                ReportTable(
                    "Bundles",
                    ["when", "by", "records", "asked for", "why"],
                    rows,
                    of: acts.count
                )
            ]
        )
    }
}
