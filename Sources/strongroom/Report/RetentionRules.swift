internal import EvidenceModel
internal import TransparencyLog

/// Answers about policies, locks and holds: pure functions of what the records say.
enum RetentionRules {
    static func policies(_ facts: ReportFacts, _: ReportAttestations) -> ReportAnswer {
        guard facts.evidenceCount > 0 else {
            return ReportAnswer(.noOccurrence, "No evidence was taken in.")
        }
        let state = facts.ending.state
        var rows: [ReportRow] = []
        var records: [RecordIndex] = []
        var without: [CollectionName] = []
        for name in facts.taken.keys.sorted() {
            guard let index = state.policyIndex(for: name) else {
                without.append(name)
                continue
            }
            records.append(index)
            rows.append(ReportRow(index, [name.text, "\(state.policy(for: name))"]))
        }
        let table = ReportTable(
            "Policies in force by the end of the period",
            ["collection", "policy"],
            rows
        )
        guard without.isEmpty else {
            let names = without.prefix(20).map(\.text).joined(separator: ", ")
            let more = without.count > 20 ? " and \(without.count - 20) more" : ""
            return ReportAnswer(
                .cannotBeAnswered,
                "No record sets a policy for \(names)\(more): the rules of the server's "
                    + "configuration applied there, which no record tells. The lock of each piece "
                    + "stands in its own record all the same.",
                Words.ranges(of: records),
                [table]
            )
        }
        return ReportAnswer(
            .met,
            "A record sets the policy of each collection that took evidence, and what was taken "
                + "behind it was locked no shorter and no weaker than it says.",
            Words.ranges(of: records),
            [table]
        )
    }

    static func locksGranted(_ facts: ReportFacts, _: ReportAttestations) -> ReportAnswer {
        guard facts.evidenceCount > 0 else {
            return ReportAnswer(.noOccurrence, "No evidence was taken in.")
        }
        var records: [RecordIndex] = []
        let rows = facts.taken.sorted { $0.key < $1.key }.map { name, taken in
            let ends = [taken.earliest, taken.latest].compactMap { $0 }
            records += ends.map(\.index)
            records.append(taken.first)
            func text(_ end: (until: Timestamp, index: RecordIndex)?) -> String {
                end.map { "\($0.until.rfc3339Seconds) (record \($0.index))" } ?? "awaits an event"
            }
            return ReportRow(
                taken.first,
                [
                    name.text, Words.number(taken.complianceCount),
                    Words.number(taken.count - taken.complianceCount),
                    Words.number(taken.awaitingCount), text(taken.earliest), text(taken.latest),
                ]
            )
        }
        return ReportAnswer(
            .met,
            "Each of the \(Amount.count(facts.evidenceCount, "piece")) of evidence names its lock "
                + "in its own record.",
            Words.ranges(of: records),
            [
                ReportTable(
                    "Locks given, with the first record of each collection",
                    [
                        "collection", "COMPLIANCE", "GOVERNANCE", "awaiting an event",
                        "earliest end", "latest end",
                    ],
                    rows
                )
            ]
        )
    }

    static func firmness(_ facts: ReportFacts, _: ReportAttestations) -> ReportAnswer {
        guard facts.evidenceCount > 0 else {
            return ReportAnswer(.noOccurrence, "No evidence was taken in.")
        }
        let soft = facts.taken.values.reduce(0) { $0 + $1.count - $1.complianceCount }
        let records = Words.ranges(of: facts.taken.values.flatMap { [$0.first, $0.last] })
        guard soft > 0 else {
            return ReportAnswer(
                .met,
                "All of it is under COMPLIANCE locks: no role and no right sets them aside.",
                records
            )
        }
        return ReportAnswer(
            .cannotBeAnswered,
            "\(Amount.count(soft, "piece")) came under a GOVERNANCE lock, which whoever has the "
                + "right to bypass can set aside, with a record. Whether that is enough is for a "
                + "person to say.",
            records
        )
    }

    static func locksKept(_ facts: ReportFacts, _: ReportAttestations) -> ReportAnswer {
        let acts = ToldActs(facts, .lockExtended, .eventRecorded)
        guard acts.count > 0 else {
            return ReportAnswer(
                .noOccurrence,
                "No lock was changed in the period, and none was ever shortened in the whole log."
            )
        }
        let extensions = facts.acts(.lockExtended).count
        let events = facts.acts(.eventRecorded).count
        return ReportAnswer(
            .met,
            "\(Amount.count(extensions, "extension")), \(Amount.count(events, "event")); compared "
                + "with every lock before them, none shortens or weakens one, in the whole log.",
            acts.records,
            [acts.table("Changes of locks")]
        )
    }

    static func lasting(_ facts: ReportFacts, years: Int) -> ReportAnswer {
        guard facts.evidenceCount > 0 else {
            return ReportAnswer(.noOccurrence, "No evidence was taken in.")
        }
        var rows: [ReportRow] = []
        var count: UInt64 = 0
        for (name, taken) in facts.taken.sorted(by: { $0.key < $1.key }) {
            guard let weaker = taken.weaker[years] else { continue }
            count += weaker.count
            rows.append(ReportRow(weaker.first, [name.text, Words.number(weaker.count)]))
        }
        guard count > 0 else {
            return ReportAnswer(
                .met,
                "Each piece was put under a COMPLIANCE lock of at least \(years) years, counted "
                    + "from when it was taken in.",
                Words.ranges(of: facts.taken.values.flatMap { [$0.first, $0.last] })
            )
        }
        return ReportAnswer(
            .cannotBeAnswered,
            "\(Amount.count(count, "piece")) may be erased sooner: the lock is shorter, or of mode "
                + "GOVERNANCE. Whether the rule asks for \(years) years of these, and whether a "
                + "later act has extended their locks far enough, is for a person to say.",
            Words.ranges(of: rows.compactMap(\.index)),
            [
                ReportTable(
                    "Evidence that may be erased sooner, with the first record of each collection",
                    ["collection", "pieces"],
                    rows
                )
            ]
        )
    }

    static func holds(_ facts: ReportFacts, _: ReportAttestations) -> ReportAnswer {
        let acts = ToldActs(facts, .holdPlaced, .holdReleased)
        let standing = facts.ending.state.matters.filter { $0.value.isHolding }
            .sorted { $0.key < $1.key }
        let standingRows = standing.map { matter, state in
            ReportRow(state.acts.last, [matter.text, Words.hold(state)])
        }
        guard acts.count > 0 || !standing.isEmpty else {
            return ReportAnswer(
                .noOccurrence,
                "No hold was placed or released, and none stands by the end of the period."
            )
        }
        let all = Words.union(acts.records, Words.ranges(of: standing.flatMap(\.value.acts)))
        return ReportAnswer(
            .recorded,
            "Holds placed: \(Words.number(facts.acts(.holdPlaced).count)), released: "
                + "\(Words.number(facts.acts(.holdReleased).count)). Matters that hold evidence "
                + "by the end of the period: \(Words.number(standing.count))."
                + (facts.scope.collection == nil ? "" : " Matters may be of other collections."),
            all,
            [
                acts.table("Holds placed and released"),
                ReportTable(
                    "Matters that hold evidence by the end of the period, with their last record",
                    ["matter", "what it holds"],
                    standingRows
                ),
            ]
        )
    }

    static func holdsKept(_ facts: ReportFacts, _: ReportAttestations) -> ReportAnswer {
        let erased = facts.acts(.payloadErased)
        guard erased.count > 0 else {
            return ReportAnswer(.noOccurrence, "Nothing was erased.")
        }
        let hidden = facts.hiddenErasures
        guard hidden == 0 else {
            return ReportAnswer(
                .cannotBeAnswered,
                "Of \(Amount.count(hidden, "erased piece")) the record is sealed, and a hold by "
                    + "name or label may have covered it: only the opening would tell, and that "
                    + "is erased as well. Of all others none was held.",
                erased.records
            )
        }
        return ReportAnswer(
            .met,
            "No certificate of the period names a record that a matter held at that moment.",
            erased.records
        )
    }
}

extension MatterState {
    /// Whether anything may be under it.
    var isHolding: Bool {
        !isReleased && (!explicit.ranges.ranges.isEmpty || !selections.isEmpty)
    }
}
