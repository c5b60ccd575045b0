extension TlogPolicy {
    /// Judges whether a signed note is a checkpoint that this policy accepts, and if not, why not.
    ///
    /// Every signature that claims a key of the policy is verified, also those that the quorum
    /// could do without. Signatures by others are ignored. Times are not judged: the verdict has
    /// them.
    ///
    /// `logKeys` are further keys that are trusted for the log, where it is known from elsewhere.
    public func judge(_ note: SignedNote, logKeys: [VerifierKey] = []) -> PolicyVerdict {
        var shortcomings: [PolicyVerdict.Shortcoming] = []
        var checkpoint: SignedCheckpoint?
        let keys = logs.map(\.key) + logKeys
        if keys.isEmpty {
            shortcomings.append(.noLogKnown)
        } else {
            do throws(NoteError) {
                checkpoint = try SignedCheckpoint.open(note, keys: keys)
            } catch {
                shortcomings.append(.log(error))
            }
        }
        var cosignatures: [PolicyVerdict.Cosigned] = []
        for witness in witnesses {
            guard let claim = note.signatures.first(where: witness.key.matches) else { continue }
            if let cosignature = witness.key.verify(claim, over: note.text) {
                cosignatures.append(
                    PolicyVerdict.Cosigned(witness: witness.name, cosignature: cosignature)
                )
            } else {
                shortcomings.append(.invalidCosignature(witness.name))
            }
        }
        if let quorum {
            shortcomings += missing(for: quorum, given: Set(cosignatures.map(\.witness)))
        }
        return PolicyVerdict(
            checkpoint: checkpoint,
            cosignatures: cosignatures,
            shortcomings: shortcomings
        )
    }

    /// What keeps `name` from having cosigned: groups that lack members, and who is missing there.
    private func missing(
        for name: Name,
        given cosigned: Set<Name>
    ) -> [PolicyVerdict.Shortcoming] {
        var reached = cosigned
        var counts: [Name: Int] = [:]
        // Members stand before their group, so one pass is enough.
        for group in groups {
            let count = group.members.count { reached.contains($0) }
            counts[group.name] = count
            if count >= group.threshold { reached.insert(group.name) }
        }
        var found: [PolicyVerdict.Shortcoming] = []
        var open = [name]
        while let next = open.popLast() {
            guard !reached.contains(next) else { continue }
            guard let group = groups.first(where: { $0.name == next }) else {
                found.append(.notCosigned(next))
                continue
            }
            found.append(
                .tooFew(group: next, found: counts[next] ?? 0, needed: group.threshold)
            )
            open += group.members.reversed()
        }
        return found
    }
}

/// What a policy says of a checkpoint.
public struct PolicyVerdict: Equatable, Sendable {
    /// A witness of the policy, and what it has signed.
    public struct Cosigned: Equatable, Sendable {
        /// What the policy calls the witness.
        public let witness: TlogPolicy.Name
        /// Its cosignature; verified.
        public let cosignature: Cosignature
    }

    /// A reason why a checkpoint is not accepted.
    public enum Shortcoming: Equatable, Sendable, CustomStringConvertible {
        /// The note is no checkpoint, or not signed by a log of the policy under its own origin.
        case log(NoteError)
        /// The policy lists no log, and no key was given beside it.
        case noLogKnown
        /// A signature that claims this witness's key is not by it: somebody forges.
        case invalidCosignature(TlogPolicy.Name)
        /// The witness has not cosigned.
        case notCosigned(TlogPolicy.Name)
        /// Too few members of the group have.
        case tooFew(group: TlogPolicy.Name, found: Int, needed: Int)

        /// One sentence for a person.
        public var description: String {
            switch self {
            case .log(let error): "the log: \(error)"
            case .noLogKnown: "the policy lists no log, and no log's key was given"
            case .invalidCosignature(let name): "the cosignature by witness \(name) is not valid"
            case .notCosigned(let name): "witness \(name) has not cosigned"
            case .tooFew(let group, let found, let needed):
                "group \(group) needs \(needed) of its members, and \(found) have cosigned"
            }
        }
    }

    /// The checkpoint, if a log of the policy has signed it.
    public let checkpoint: SignedCheckpoint?

    /// The valid cosignatures by witnesses of the policy, in its order.
    public let cosignatures: [Cosigned]

    /// Every reason not to accept it; empty if it is accepted.
    public let shortcomings: [Shortcoming]

    /// Whether the checkpoint is accepted.
    public var isAccepted: Bool { shortcomings.isEmpty }
}
