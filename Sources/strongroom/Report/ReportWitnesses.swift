internal import EvidenceModel
internal import TransparencyLog

/// What the signature lines of a checkpoint say; read off the note, judged with the keys given.
struct ReportWitnesses: Equatable {
    /// A cosignature that was verified.
    struct Cosigned: Equatable {
        let name: String
        let seconds: UInt64

        /// When, by the witness's clock.
        var time: String {
            guard seconds < 1 << 40, let time = Timestamp(milliseconds: Int64(seconds) * 1_000)
            else { return "\(seconds) s since 1970" }
            return time.rfc3339Seconds
        }
    }

    /// Signature lines that are not the log's.
    let foreignCount: Int
    /// Whether keys or a policy were given, so that anything can be told.
    let isAsked: Bool
    var cosigned: [Cosigned] = []
    /// What is missing or wrong, in words.
    var shortcomings: [String] = []

    /// - Parameters:
    ///   - signed: the checkpoint.
    ///   - keys: witnesses that are trusted, each of which must have cosigned.
    ///   - policy: what else must hold.
    ///   - logKeys: those of the log, which may sign beside the ones that were given.
    init(
        _ signed: SignedCheckpoint,
        keys: [CosignatureKey] = [],
        policy: TlogPolicy? = nil,
        logKeys: [VerifierKey] = []
    ) {
        foreignCount = signed.note.signatures.count { signature in
            !(signed.signers + logKeys).contains { $0.matches(signature) }
        }
        isAsked = !keys.isEmpty || policy != nil
        for key in keys {
            guard let line = signed.note.signatures.first(where: key.matches) else {
                shortcomings.append("the witness \(key.name) has not cosigned")
                continue
            }
            if let cosignature = key.verify(line, over: signed.note.text) {
                add(cosignature)
            } else {
                shortcomings.append("the cosignature that claims to be by \(key.name) is not valid")
            }
        }
        guard let policy else { return }
        let verdict = policy.judge(signed.note, logKeys: logKeys)
        for found in verdict.cosignatures { add(found.cosignature) }
        shortcomings += verdict.shortcomings.map { "\($0)" }
    }

    private mutating func add(_ cosignature: Cosignature) {
        let found = Cosigned(name: cosignature.key.name, seconds: cosignature.timestampSeconds)
        if !cosigned.contains(found) { cosigned.append(found) }
    }
}

/// What others say of the log, beside its own records.
struct ReportAttestations: Equatable {
    var witnesses: ReportWitnesses
    var timestamps: ReportTimeStamps
}
