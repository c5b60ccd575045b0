internal import EvidenceModel
internal import TransparencyLog

/// Answers about the log as such: pure functions of what its records say.
enum LogRules {
    static func wholeLog(_ facts: ReportFacts, _: ReportAttestations) -> ReportAnswer {
        guard facts.size > 0 else { return ReportAnswer(.cannotBeAnswered, "No record was read.") }
        let inside = facts.records.map { Words.ranges([$0]) } ?? "none"
        return ReportAnswer(
            .met,
            "All \(Words.number(facts.size)) records were read, hashed, and shown to be the tree "
                + "that the checkpoint signs; each of them keeps the order of the log. In the "
                + "period stand the records \(inside). Whether others were shown another tree "
                + "only witnesses and monitors tell.",
            [0...facts.size - 1]
        )
    }

    static func completeness(_ facts: ReportFacts, _: ReportAttestations) -> ReportAnswer {
        let heads = facts.ending.order.heads.filter { facts.scope.covers($0.key) }
            .sorted { $0.key < $1.key }
        guard !heads.isEmpty else {
            return ReportAnswer(.noOccurrence, "There was no evidence by the end of the period.")
        }
        var records: [RecordIndex] = []
        var rows: [ReportRow] = []
        for (name, head) in heads {
            let taken = facts.taken[name]
            let inside = taken.map { "\($0.firstSequence) to \($0.lastSequence)" } ?? "none"
            let census = facts.ending.state.census(of: name)
            records += [head.last] + [census, taken?.first].compactMap { $0 }
            rows.append(
                ReportRow(
                    head.last,
                    [
                        name.text, inside, "1 to \(head.count)",
                        census.map { "record \($0)" } ?? "none yet",
                    ]
                )
            )
        }
        let table = ReportTable(
            "Numbers of the records of each collection by the end of the period",
            ["collection", "numbers of the period", "numbers so far", "newest census"],
            rows
        )
        return ReportAnswer(
            .met,
            "The numbers of each collection ascend from 1 without a gap in the whole log, so none "
                + "of its records is left out; every census of the log counts what there is.",
            Words.ranges(of: records),
            [table]
        )
    }

    static func trail(_ facts: ReportFacts, _: ReportAttestations) -> ReportAnswer {
        guard let records = facts.records else { return Self.nothing }
        var rows: [ReportRow] = []
        if facts.evidenceCount > 0 {
            let first = facts.taken.values.map(\.first).min()
            let text = ["evidence", Words.number(facts.evidenceCount)]
            rows.append(ReportRow(first, text + ["the submitter, sealed in sealed records"]))
        }
        for (kind, acts) in facts.kinds.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            rows.append(
                ReportRow(
                    acts.shown.first?.index,
                    [kind.rawValue, Words.number(acts.count), Self.who(acts)]
                )
            )
        }
        return ReportAnswer(
            .met,
            "Every one of these records carries the time of the compliance clock; each act names "
                + "who acted, a token or the store itself, and evidence its submitter.",
            [records],
            [
                ReportTable(
                    "What was done in the period, with the first record of each kind",
                    ["kind", "records", "by"],
                    rows
                )
            ]
        )
    }

    /// Who acted; that there may be more than is told is said.
    private static func who(_ acts: ReportFacts.Kind) -> String {
        let names = Set(acts.shown.map(\.act.principal)).sorted()
        let told = names.prefix(8).map(\.text).joined(separator: ", ")
        if names.count > 8 { return told + " and others" }
        return acts.count > UInt64(acts.shown.count) ? told + ", perhaps others" : told
    }

    static func evidenceTaken(_ facts: ReportFacts, _: ReportAttestations) -> ReportAnswer {
        guard facts.evidenceCount > 0 else {
            return ReportAnswer(.noOccurrence, "No evidence was taken in.")
        }
        let rows = facts.taken.sorted { $0.key < $1.key }.map { name, taken in
            ReportRow(
                taken.first,
                [
                    name.text, Words.number(taken.count), Words.number(taken.sealedCount),
                    "\(taken.first) to \(taken.last)",
                ]
            )
        }
        let bounds = facts.taken.values.flatMap { [$0.first, $0.last] }
        return ReportAnswer(
            .recorded,
            "\(Amount.count(facts.evidenceCount, "piece")) of evidence, each with the SHA-256 of "
                + "its payload in the record, or in a sealed record's commitment.",
            Words.ranges(of: bounds),
            [
                ReportTable(
                    "Evidence of the period, with the first record of each collection",
                    ["collection", "pieces", "sealed", "records"],
                    rows
                )
            ]
        )
    }

    static func clock(_ facts: ReportFacts, _: ReportAttestations) -> ReportAnswer {
        guard let records = facts.records, let first = facts.firstReceived,
            let last = facts.lastReceived
        else { return Self.nothing }
        let resyncs = facts.acts(.clockResynced)
        let rows = resyncs.shown.compactMap { index, record -> ReportRow? in
            guard case .clockResynced(let from, let to, let warrant) = record.act else {
                return nil
            }
            let (by, why) =
                switch warrant {
                case .persons(let first, let reason):
                    (
                        "\(first), \(record.principal)",
                        "\(reason.text) / \(record.reason?.text ?? "-")"
                    )
                case .times(let times):
                    (
                        times.map(\.source).joined(separator: ", "),
                        times.map { "\($0.kind.rawValue) of \($0.time)" }.joined(separator: " / ")
                    )
                }
            return ReportRow(index, [from.rfc3339, to.rfc3339, by, why])
        }
        let moved =
            resyncs.count == 0
            ? "Nobody moved it in the period."
            : "It was moved \(Amount.count(resyncs.count, "time")), each time by two persons or by "
                + "two authenticated times."
        return ReportAnswer(
            .met,
            "The compliance clock says \(first) at the first record of the period and \(last) at "
                + "its last, and never went back in the whole log. \(moved)",
            resyncs.records.isEmpty ? [records] : resyncs.records,
            [
                ReportTable(
                    "Resyncs of the compliance clock",
                    ["from", "to", "by", "why"],
                    rows,
                    of: resyncs.count
                )
            ]
        )
    }

    static func configuration(_ facts: ReportFacts, _: ReportAttestations) -> ReportAnswer {
        let acts = ToldActs(
            facts,
            .policySet,
            .targetAdded,
            .targetPhase,
            .targetRemoved,
            .logClosed
        )
        guard acts.count > 0 else {
            return ReportAnswer(.noOccurrence, "No rule was set or changed by a record.")
        }
        return ReportAnswer(
            .recorded,
            "\(Amount.count(acts.count, "change")) of rules by records. The server's configuration "
                + "file and its program are no records.",
            acts.records,
            [acts.table("Changes of rules")]
        )
    }

    /// What may have been an incident; how it was judged and answered stands elsewhere.
    static func incidents(_ facts: ReportFacts, _: ReportAttestations) -> ReportAnswer {
        let kinds: [RecordKind] = [.lockBypassed, .clockResynced, .targetRemoved]
        let acts = ToldActs(
            kinds.map { (facts.acts($0), nil) }
                + [(facts.failedProbes, "a target does not enforce all rules")]
        )
        guard acts.count > 0 else {
            return ReportAnswer(
                .noOccurrence,
                "No bypass, no resync of the clock, no failed probe and no removed target."
            )
        }
        return ReportAnswer(
            .cannotBeAnswered,
            "\(Amount.count(acts.count, "record")) that somebody should have looked into; whether "
                + "that was done, and what came of it, the log does not tell.",
            acts.records,
            [acts.table("Exceptions and faults")]
        )
    }

    static func recovery(_ facts: ReportFacts, _: ReportAttestations) -> ReportAnswer {
        guard let creation = facts.creation, let predecessor = creation.predecessor else {
            return ReportAnswer(
                .noOccurrence,
                "The log's first record names no predecessor.",
                facts.creation == nil ? [] : [0...0]
            )
        }
        return ReportAnswer(
            .recorded,
            "The log goes on for \(predecessor.origin), whose last checkpoint its first record "
                + "names; it was made at \(creation.received).",
            [0...0]
        )
    }

    static func witnesses(
        _: ReportFacts,
        _ attestations: ReportAttestations
    ) -> ReportAnswer {
        let witnesses = attestations.witnesses
        let others = Amount.count(witnesses.foreignCount, "further signature")
        guard witnesses.isAsked else {
            let hint = "give --witness or --policy to have them judged"
            return ReportAnswer(
                .cannotBeAnswered,
                witnesses.foreignCount == 0
                    ? "The checkpoint as it was served carries no signature but the log's."
                    : "The checkpoint carries \(others) of others; \(hint)."
            )
        }
        let rows = witnesses.cosigned.map { ReportRow(nil, [$0.name, $0.time]) }
        let table = ReportTable(
            "Cosignatures on the checkpoint, verified",
            ["witness", "when, by its clock"],
            rows
        )
        guard witnesses.shortcomings.isEmpty else {
            return ReportAnswer(
                .notMet,
                "Not as asked for: " + witnesses.shortcomings.joined(separator: "; ") + ".",
                [],
                [table]
            )
        }
        guard !rows.isEmpty else {
            return ReportAnswer(
                .cannotBeAnswered,
                "The policy asks for no witness, and none of it has cosigned."
            )
        }
        return ReportAnswer(
            .met,
            "\(rows.count) of the witnesses that were named cosigned this checkpoint.",
            [],
            [table]
        )
    }

    private static let nothing = ReportAnswer(.noOccurrence, "No record was written.")
}
