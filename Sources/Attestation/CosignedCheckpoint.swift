package import TransparencyLog

/// A checkpoint with what witnesses said of it.
package struct CosignedCheckpoint: Equatable, Sendable {
    package let size: TreeSize
    /// The note with the log's signatures and all lines of witnesses, also those that nobody here
    /// can verify.
    package let note: SignedNote
    /// What the policy says of it.
    package let verdict: PolicyVerdict

    /// Judges a note; nil if it is no checkpoint that the log has signed.
    package init?(_ note: SignedNote, policy: TlogPolicy, logKeys: [VerifierKey]) {
        verdict = policy.judge(note, logKeys: logKeys)
        guard let checkpoint = verdict.checkpoint else { return nil }
        size = checkpoint.checkpoint.size
        self.note = note
    }

    /// Whether it counts: the policy accepts it, and somebody has cosigned, also where the policy
    /// asks for nobody.
    package var isCosigned: Bool { verdict.isAccepted && !verdict.cosignatures.isEmpty }
}

/// What all witnesses said when they were asked for one checkpoint.
package struct WitnessRoll: Equatable, Sendable {
    /// One witness of the policy.
    package struct Voice: Equatable, Sendable {
        package let name: TlogPolicy.Name
        /// The time of its cosignature, by its clock, in seconds since 1970; nil: it has not.
        package let cosignedSeconds: UInt64?
        /// Why it has not; empty if it has.
        package let missing: String
    }

    package let checkpoint: CosignedCheckpoint
    /// In the order of the policy.
    package let voices: [Voice]
}
