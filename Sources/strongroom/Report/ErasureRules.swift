internal import EvidenceModel
internal import TransparencyLog

/// Answers about erasing: pure functions of what the records say.
enum ErasureRules {
    /// How long erased bytes may stand in a copy, by the promises that the store makes.
    static let patienceMilliseconds: Int64 = 31 * 86_400_000

    static func erasures(_ facts: ReportFacts, _: ReportAttestations) -> ReportAnswer {
        let acts = facts.acts(.payloadErased)
        guard acts.count > 0 else { return ReportAnswer(.noOccurrence, "Nothing was erased.") }
        let rows = acts.shown.compactMap { index, record -> ReportRow? in
            guard case .payloadErased(let erased) = record.act else { return nil }
            let ground =
                switch erased.ground {
                case .expired: "the lock was over"
                case .bypass(let bypass): "bypass by record \(bypass)"
                }
            return ReportRow(
                index,
                [
                    record.received.rfc3339, record.principal.text, erased.collection.text,
                    Words.number(erased.count), Words.ranges(erased.records.ranges), ground,
                    erased.clock.releasing.rfc3339,
                ]
            )
        }
        let count = facts.erasures.reduce(0) { $0 + $1.count }
        return ReportAnswer(
            .met,
            "Erased: \(Amount.count(count, "payload")) of evidence, by "
                + "\(Amount.count(acts.count, "certificate")). Each names the lock in force, its "
                + "history and the clocks, which were compared with the records: all locks were "
                + "over by the earlier clock, or set aside by the right to.",
            acts.records,
            [
                ReportTable(
                    "Certificates",
                    ["when", "by", "collection", "payloads", "of records", "ground", "clock"],
                    rows,
                    of: acts.count
                )
            ]
        )
    }

    static func bypasses(_ facts: ReportFacts, _: ReportAttestations) -> ReportAnswer {
        let acts = facts.acts(.lockBypassed)
        guard acts.count > 0 else { return ReportAnswer(.noOccurrence, "No lock was set aside.") }
        let rows = acts.shown.compactMap { index, record -> ReportRow? in
            guard case .lockBypassed(let records) = record.act else { return nil }
            return ReportRow(
                index,
                [
                    record.received.rfc3339, record.principal.text, Words.ranges(records.ranges),
                    record.reason?.text ?? "",
                ]
            )
        }
        return ReportAnswer(
            .cannotBeAnswered,
            "\(Amount.count(acts.count, "record")) that set locks aside: each by a token that had "
                + "the right to, each of GOVERNANCE locks only, none beside a hold. Whether a rule "
                + "asked for these records longer is for a person to say.",
            acts.records,
            [
                ReportTable(
                    "Locks set aside",
                    ["when", "by", "records", "why"],
                    rows,
                    of: acts.count
                )
            ]
        )
    }

    static func purges(_ facts: ReportFacts, _: ReportAttestations) -> ReportAnswer {
        guard !facts.erasures.isEmpty else {
            return ReportAnswer(.noOccurrence, "Nothing was erased.")
        }
        let state = facts.final.state
        let now = facts.final.order.lastReceived
        let purged = facts.acts(.payloadPurged)
        let targets = Set(state.targets.keys.map(\.text))
        var rows: [ReportRow] = []
        var isOverdue = false
        for erasure in facts.erasures {
            let done = state.purgedCopies(of: erasure.index)
            let left = erasure.copies.filter { !done.contains($0) }
            guard !left.isEmpty else { continue }
            let age = now.milliseconds - erasure.received.milliseconds
            // Of a target that was removed nobody says anything any more.
            let isLate =
                age > patienceMilliseconds
                && left.contains { $0 == "local" || targets.contains($0) }
            if isLate { isOverdue = true }
            let days = max(0, age) / 86_400_000
            rows.append(
                ReportRow(
                    erasure.index,
                    [
                        erasure.received.rfc3339, left.joined(separator: ", "),
                        Amount.count(days, "day") + (isLate ? ", too long" : ""),
                    ]
                )
            )
        }
        let records = Words.union(
            facts.acts(.payloadErased).records,
            purged.records
        )
        let table = ReportTable(
            "Erasures of which no record says yet that the bytes are gone",
            ["erased", "copies", "age at the checkpoint"],
            rows
        )
        guard !rows.isEmpty else {
            return ReportAnswer(
                .met,
                "For each of \(Amount.count(facts.erasures.count, "certificate")) a record says "
                    + "that the bytes are gone, from the disk and from each target there was.",
                records
            )
        }
        return ReportAnswer(
            isOverdue ? .notMet : .cannotBeAnswered,
            "Of \(Amount.count(rows.count, "certificate")) no record says yet that the bytes are "
                + "gone from each copy."
                + (isOverdue ? " Some stand for more than 31 days, longer than is promised." : ""),
            records,
            [table]
        )
    }

    static func due(_ facts: ReportFacts, _: ReportAttestations) -> ReportAnswer {
        guard facts.finding == nil else {
            return ReportAnswer(.cannotBeAnswered, "What stands was not counted.")
        }
        let standing = facts.standing
        let now = facts.final.order.lastReceived
        guard standing.count > 0 else {
            return ReportAnswer(.noOccurrence, "There is no evidence.")
        }
        let text =
            "At \(now), the time of the newest record: of "
            + "\(Amount.count(standing.count, "piece")) of evidence "
            + "\(Words.number(standing.locked)) are locked, \(Words.number(standing.held)) held "
            + "past their lock, \(Words.number(standing.erased)) erased."
        let hidden =
            standing.unknown == 0
            ? ""
            : " Of \(Words.number(standing.unknown)) sealed ones past their lock only the opening "
                + "tells whether a hold covers them."
        let last = [(facts.size - 1)...(facts.size - 1)]
        guard standing.due + standing.unknown > 0 else {
            return ReportAnswer(.met, text + " None stands that could be erased.", last)
        }
        return ReportAnswer(
            .cannotBeAnswered,
            text + hidden + " \(Words.number(standing.due)) could be erased; whether they are "
                + "still needed no record tells.",
            standing.dueRecords,
            [
                ReportTable(
                    "Evidence that could be erased",
                    ["state"],
                    standing.firstDue.map { ReportRow($0, ["past its lock, not held"]) },
                    of: standing.due
                )
            ]
        )
    }
}
