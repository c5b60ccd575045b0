package import Cryptography
import EvidenceModel
package import EvidenceStore
import Platform
import TransparencyLog

// Renewing what ages, before it does.

/// A time-stamp that has to be renewed, and why.
package struct DueTimeStamp: Equatable, Sendable {
    package enum Reason: Equatable, Sendable {
        /// Its certificates end soon, or have ended.
        case certificate
        /// Another digest algorithm was asked for.
        case algorithm
    }

    package let facts: TimeStampFacts
    package let reason: Reason
}

extension TimeStampService {
    /// How many time-stamps one token renews at most.
    private static let groupLimit = 4096

    /// What a renewal came to.
    package struct Renewal: Sendable {
        package var due = 0
        package var renewed = 0
        package var failed: [(authority: String, count: Int, failure: TimeStampFailure)] = []
        package var damaged: [TimeStampKey] = []
        /// Requests that were answered with a token.
        package var tokens = 0

        /// How many could not be renewed.
        package var left: Int { due - renewed }
    }

    /// What is due, in the order of trees.
    ///
    /// `digest`: all that have another algorithm are due as well.
    package func due(digest: TimeStampDigest? = nil) -> [DueTimeStamp] {
        let limit = wall() + configuration.renewBeforeDays * 86_400_000
        return state.withLock { state in
            state.order.compactMap { key in
                guard let facts = state.facts[key] else { return nil }
                if let digest, facts.digest != digest {
                    return DueTimeStamp(facts: facts, reason: .algorithm)
                }
                return facts.ends <= limit
                    ? DueTimeStamp(facts: facts, reason: .certificate) : nil
            }
        }
    }

    /// Renews what is due, many with one token.
    ///
    /// Authorities are asked in the order of the configuration; the first whose certificates end
    /// later than those of a time-stamp renews it. Blocks until all have answered.
    ///
    /// - Throws: `unavailable` if there is no authority.
    package func renew(digest: TimeStampDigest? = nil) throws(StoreError) -> Renewal {
        guard !configuration.authorities.isEmpty else {
            throw .unavailable("no authority is configured: see timestamps.authorities")
        }
        return renewing.withLock { _ in
            var outcome = Renewal()
            let due = due(digest: digest)
            outcome.due = due.count
            for algorithm in TimeStampDigest.allCases {
                let group = due.filter { (digest ?? $0.facts.digest) == algorithm }
                for start in stride(from: 0, to: group.count, by: Self.groupLimit) {
                    if isStopping { return outcome }
                    let end = min(start + Self.groupLimit, group.count)
                    renew(Array(group[start..<end]), algorithm, &outcome)
                }
            }
            return outcome
        }
    }

    /// What the schedule does: whether nothing is left.
    func renewOnSchedule() -> Bool {
        guard let outcome = try? renew() else { return true }
        return outcome.left == 0
    }

    private func renew(
        _ group: [DueTimeStamp],
        _ digest: TimeStampDigest,
        _ outcome: inout Renewal
    ) {
        var waiting = readable(group, &outcome)
        for authority in configuration.authorities where !waiting.isEmpty {
            let count = waiting.count
            do throws(TimeStampFailure) {
                let answered = try renew(waiting, digest, by: authority)
                outcome.tokens += 1
                outcome.renewed += answered.renewed
                waiting = answered.left
                noteOutcome(authority.name, nil)
                if answered.renewed > 0 {
                    report(
                        .renewed(
                            authority: authority.name,
                            count: answered.renewed,
                            digest: digest,
                            ends: answered.ends
                        )
                    )
                }
                if !waiting.isEmpty {
                    let failure = TimeStampFailure.endsTooSoon
                    outcome.failed.append((authority.name, waiting.count, failure))
                    report(.renewalFailed(authority: authority.name, count: waiting.count, failure))
                }
            } catch {
                noteOutcome(authority.name, error)
                outcome.failed.append((authority.name, count, error))
                report(.renewalFailed(authority: authority.name, count: count, error))
            }
        }
    }

    private struct Candidate {
        let entry: TimeStampEntry
        let text: [UInt8]
        let reason: DueTimeStamp.Reason
    }

    /// The entries of a group; those that are damaged are told, and left alone.
    private func readable(
        _ group: [DueTimeStamp],
        _ outcome: inout Renewal
    ) -> [Candidate] {
        var found: [Candidate] = []
        for due in group {
            let detail: String
            do {
                guard let entry = try entry(due.facts.key) else { continue }
                let text = try TimeStampEntry.text(of: entry.note)
                try entry.record.check(text)
                found.append(Candidate(entry: entry, text: text, reason: due.reason))
                continue
            } catch { detail = "\(error)" }
            outcome.damaged.append(due.facts.key)
            report(.damaged(due.facts.key, detail))
        }
        return found
    }

    /// One token for all candidates that it makes last longer.
    private func renew(
        _ waiting: [Candidate],
        _ digest: TimeStampDigest,
        by authority: TimeStampAuthority
    ) throws(TimeStampFailure) -> (renewed: Int, left: [Candidate], ends: Int64) {
        let values = waiting.map { candidate in
            let record = candidate.entry.record
            return record.last.treeDigest == digest
                ? record.valueToRenew : record.valueToRenew(candidate.text, digest: digest)
        }
        let tree = TimeStampTree(leaves: values, digest: digest)
        let answer = try ask(
            authority,
            digest,
            tree.root,
            milliseconds: configuration.requestMilliseconds
        )
        var renewed: [TimeStampEntry] = []
        var left: [Candidate] = []
        for (candidate, path) in zip(waiting, tree.paths) {
            guard candidate.reason == .algorithm || answer.signer.chainEnds > candidate.entry.ends
            else {
                left.append(candidate)
                continue
            }
            var entry = candidate.entry
            entry.record = entry.record.renewed(
                by: TimeStampRecord.Stamp(digest: digest, path: path, token: answer.token)
            )
            do throws(TimeStampRecord.Fault) {
                try entry.record.check(candidate.text)
            } catch { throw .doesNotRenew("\(error)") }
            entry.ends = answer.signer.chainEnds
            entry.subject = answer.signer.subject
            renewed.append(entry)
        }
        if !renewed.isEmpty { try keep(renewed) }
        return (renewed.count, left, answer.signer.chainEnds)
    }
}
