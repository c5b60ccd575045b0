internal import EvidenceModel
internal import TransparencyLog

/// The answer about time-stamps: a pure function of what was read of them.
enum TimeStampRules {
    static func timestamps(
        _ facts: ReportFacts,
        _ attestations: ReportAttestations
    ) -> ReportAnswer {
        let found = attestations.timestamps
        guard let records = facts.records else {
            return ReportAnswer(.noOccurrence, "No record was written.")
        }
        if let unread = found.unread {
            return ReportAnswer(
                .cannotBeAnswered,
                "The server gives no list of time-stamps: \(unread)."
            )
        }
        guard !found.authorities.isEmpty else {
            return ReportAnswer(
                .cannotBeAnswered,
                "The server lists no time-stamp of a tree up to that of the checkpoint: no "
                    + "authority of time says when these records existed."
            )
        }
        let tables = [table(found, records)]
        let wrong = told(found) { if case .wrong(let why) = $0 { why } else { nil } }
        guard wrong.isEmpty else {
            return ReportAnswer(.notMet, "What is listed is wrong: \(wrong).", [], tables)
        }
        var answer =
            found.isAsked ? verified(found, records, tables) : listed(found, records, tables)
        if found.leftOut > 0 {
            answer.text +=
                " \(Amount.count(found.leftOut, "time-stamp")) of further authorities were not "
                + "looked at."
        }
        return answer
    }

    private static func listed(
        _ found: ReportTimeStamps,
        _ records: ClosedRange<UInt64>,
        _ tables: [ReportTable]
    ) -> ReportAnswer {
        let stamps = stamps(found) { $0 == .listed }
        let words = coverage(stamps, records, by: "they were listed") ?? "No time-stamp was served."
        return ReportAnswer(
            .cannotBeAnswered,
            "Not verified: --authority-ca names the certificates of authorities that you trust. "
                + "Without them it was only compared what the time-stamps cover. \(words)",
            [],
            tables
        )
    }

    private static func verified(
        _ found: ReportTimeStamps,
        _ records: ClosedRange<UInt64>,
        _ tables: [ReportTable]
    ) -> ReportAnswer {
        let good = stamps(found) { if case .verified = $0 { true } else { false } }
        let refused = told(found) { if case .unaccepted(let why) = $0 { why } else { nil } }
        let others = refused.isEmpty ? "" : " Not accepted: \(refused)."
        guard let words = coverage(good, records, by: "they were verified") else {
            return ReportAnswer(
                .cannotBeAnswered,
                "None was accepted with the certificates that were given." + others,
                [],
                tables
            )
        }
        let covered = good.compactMap { $0.stamp.covered(of: records) }
            .max { $0.upperBound < $1.upperBound }
        return ReportAnswer(
            covered == records ? .met : .cannotBeAnswered,
            words + age(good, found) + others,
            covered.map { [$0] } ?? [],
            tables
        )
    }

    // MARK: Words

    private typealias Named = (authority: String, stamp: ReportTimeStamps.Stamp)

    private static func stamps(
        _ found: ReportTimeStamps,
        where isWanted: (ReportTimeStamps.Standing) -> Bool
    ) -> [Named] {
        found.authorities.flatMap { authority in
            authority.stamps.filter { isWanted($0.standing) }.map { (authority.name, $0) }
        }
    }

    private static func told(
        _ found: ReportTimeStamps,
        _ why: (ReportTimeStamps.Standing) -> String?
    ) -> String {
        stamps(found) { why($0) != nil }.map { authority, stamp in
            "of \(stamp.size) records by \(authority): \(why(stamp.standing) ?? "")"
        }.joined(separator: "; ")
    }

    /// How much of the period the largest of these trees have; nil if there is none.
    private static func coverage(
        _ stamps: [Named],
        _ records: ClosedRange<UInt64>,
        by how: String
    ) -> String? {
        guard !stamps.isEmpty else { return nil }
        let reaching = stamps.filter { $0.stamp.covered(of: records) != nil }
        let most = reaching.map { min($0.stamp.size.value, records.upperBound + 1) }.max() ?? 0
        guard most > 0 else {
            return "No time-stamp, as \(how), is of a tree with a record of the period."
        }
        let covered = records.lowerBound...(most - 1)
        let covering = reaching.filter { $0.stamp.size.value >= most }
        let names = Set(covering.map(\.authority)).sorted().joined(separator: ", ")
        let first = covering.min { time($0) < time($1) }?.stamp.time ?? ""
        let stood = "stand in trees that were stamped, as \(how), by \(names), first at \(first)"
        let whole = "\(Amount.count(records.count, "record")) of the period"
        guard covered != records else { return "All \(whole) \(stood)." }
        let rest = (covered.upperBound + 1)...records.upperBound
        return "Of \(whole) \(Words.number(covered.count)) \(stood); no time-stamp says when "
            + "\(Words.ranges([rest])) existed."
    }

    private static func time(_ named: Named) -> Int64 { named.stamp.milliseconds ?? .min }

    private static func age(_ good: [Named], _ found: ReportTimeStamps) -> String {
        guard let newest = good.max(by: { time($0) < time($1) }) else { return "" }
        let days = max(0, found.asked.milliseconds - time(newest)) / 86_400_000
        return " The newest that was verified is of \(newest.stamp.time), by "
            + "\(newest.authority), \(Amount.count(days, "day")) before this was asked."
    }

    private static func table(
        _ found: ReportTimeStamps,
        _ records: ClosedRange<UInt64>
    ) -> ReportTable {
        let rows = found.authorities.flatMap { authority in
            authority.stamps.map { stamp in
                ReportRow(
                    nil,
                    [
                        authority.name, Words.number(authority.count),
                        Words.number(stamp.size.value),
                        Words.number(stamp.covered(of: records)?.count ?? 0), stamp.time,
                        words(stamp.standing),
                    ]
                )
            }
        }
        return ReportTable(
            "The first time-stamp of each authority that covers the period, and its newest",
            [
                "authority", "time-stamps within the period", "records in the tree",
                "of the period", "time", "verified",
            ],
            rows
        )
    }

    private static func words(_ standing: ReportTimeStamps.Standing) -> String {
        switch standing {
        case .listed: "not verified"
        case .verified(let subject): "yes, signed by \(subject)"
        case .unaccepted(let why): "not accepted: \(why)"
        case .wrong(let why): "WRONG: \(why)"
        }
    }
}
