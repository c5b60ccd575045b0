internal import Cryptography
internal import EvidenceModel
internal import TransparencyLog

/// What records say, in words; names stand in it as they are, and are escaped where they are shown.
enum Words {
    /// The most ranges that stand in a sentence.
    private static let maximumRangeCount = 12

    static func number(_ value: some BinaryInteger) -> String { Amount.grouped(UInt64(value)) }

    /// `4, 7-9 and 3 more ranges`.
    static func ranges(_ ranges: [ClosedRange<UInt64>], limit: Int = maximumRangeCount) -> String {
        let shown = ranges.prefix(limit).map { range in
            range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
        }
        let more = ranges.count - shown.count
        return shown.joined(separator: ", ") + (more > 0 ? " and \(more) more ranges" : "")
    }

    /// Indexes in any order, as ranges.
    static func ranges(of indexes: some Sequence<RecordIndex>) -> [ClosedRange<UInt64>] {
        IndexRanges(indexes).ranges
    }

    /// Both, ascending.
    static func union(
        _ left: [ClosedRange<UInt64>],
        _ right: [ClosedRange<UInt64>]
    ) -> [ClosedRange<UInt64>] {
        var joined: [ClosedRange<UInt64>] = []
        for range in (left + right).sorted(by: { $0.lowerBound < $1.lowerBound }) {
            guard let last = joined.last, range.lowerBound <= last.upperBound + 1 else {
                joined.append(range)
                continue
            }
            joined[joined.count - 1] =
                last.lowerBound...max(last.upperBound, range.upperBound)
        }
        return joined
    }

    /// `COMPLIANCE until 2033-11-22T00:00:00Z`.
    static func lock(_ lock: Lock) -> String { "\(lock.mode) until \(LockWords.end(lock))" }

    /// What an act did, without who and why.
    static func act(_ act: Act) -> String {
        switch act {
        case .policySet(let name, let policy): return "policy of \(name): \(policy)"
        case .lockExtended(let records, let lock):
            return "locks of \(ranges(records.ranges)) extended: \(self.lock(lock))"
        case .lockBypassed(let records): return "locks of \(ranges(records.ranges)) set aside"
        case .eventRecorded(let event, _, let records, let lock):
            return "event \(event) for \(ranges(records.ranges)): \(self.lock(lock))"
        case .holdPlaced(let matter, .records(let records)):
            return "\(matter) holds \(ranges(records.ranges))"
        case .holdPlaced(
            let matter,
            .selection(let selection, let before, let count, _, let stands)
        ):
            let reach = stands ? "and what comes later" : "below \(before)"
            return "\(matter) holds \(self.selection(selection)), \(number(count)) \(reach)"
        case .holdReleased(let matter, let records):
            return "\(matter) lets go of " + (records.map { ranges($0.ranges) } ?? "everything")
        case .accessChanged(.created(let grant)):
            return "token \(grant.name) made: \(self.grant(grant))"
        case .accessChanged(.revoked(let name)): return "token \(name) revoked"
        case .targetAdded(let target): return "target \(target.name) added: \(target.bucket)"
        case .targetPhase(let change):
            return "target \(change.target) from \(change.from) to \(change.to)"
        case .targetRemoved(let name): return "target \(name) removed"
        case .clockResynced(let from, let to, _): return "clock moved from \(from) to \(to)"
        case .logClosed: return "log closed"
        default: return act.kind.rawValue
        }
    }

    static func grant(_ grant: AccessGrant) -> String {
        var parts = [grant.role.rawValue]
        if grant.rights.contains(.bypass) { parts.append("may bypass") }
        if let collections = grant.collections {
            let names = collections.sorted().prefix(8).map(\.text).joined(separator: ", ")
            let more = collections.count > 8 ? " and \(collections.count - 8) more" : ""
            parts.append("in \(names)\(more) only")
        }
        if let expires = grant.expires { parts.append("until \(expires)") }
        return parts.joined(separator: ", ")
    }

    static func selection(_ selection: Selection) -> String {
        var parts = ["collection \(selection.collection)"]
        if let prefix = selection.namePrefix { parts.append("names that begin '\(prefix)'") }
        parts += selection.labels.sorted.map { "label \($0.key)=\($0.value)" }
        return parts.joined(separator: ", ")
    }

    static func selection(_ selection: ExportSelection) -> String {
        var parts: [String] = []
        if let matter = selection.matter { parts.append("held by \(matter)") }
        if let collection = selection.collection { parts.append("collection \(collection)") }
        if let prefix = selection.namePrefix { parts.append("names that begin '\(prefix)'") }
        parts += selection.labels.sorted.map { "label \($0.key)=\($0.value)" }
        if let digest = selection.payloadDigest { parts.append("payload \(digest.hex)") }
        if let since = selection.since { parts.append("since \(since)") }
        if let until = selection.until { parts.append("before \(until)") }
        return parts.isEmpty ? "everything" : parts.joined(separator: ", ")
    }

    static func hold(_ matter: MatterState) -> String {
        var parts: [String] = []
        let named = matter.explicit.ranges.ranges
        if !named.isEmpty { parts.append("records \(ranges(named))") }
        parts += matter.selections.prefix(8).map { hold in
            selection(hold.selection) + (hold.isStanding ? ", standing" : ", below \(hold.before)")
        }
        if matter.selections.count > 8 { parts.append("\(matter.selections.count - 8) more") }
        return parts.joined(separator: "; ")
    }

    static func probe(_ report: ProbeReport) -> String {
        let missing = ProbeReport.Rule.allCases.filter { report.findings[$0] != .enforced }
        guard !missing.isEmpty else { return "all rules enforced" }
        return missing.map { rule in
            "\(rule.rawValue) \((report.findings[rule] ?? .unknown).rawValue)"
        }.joined(separator: ", ")
    }
}
