import EvidenceModel
import TransparencyLog

/// Authenticated times as a record has them; nothing here verifies them.
enum AuthenticatedTimes {
    /// By a witness and an authority.
    static func two(_ time: Timestamp, _ other: Timestamp? = nil) throws -> [AuthenticatedTime] {
        [
            make(.cosignature, "witness.example/w", time),
            make(.timestamp, "tsa", other ?? time),
        ]
    }

    static func make(
        _ kind: AuthenticatedTime.Kind,
        _ source: String,
        _ time: Timestamp
    ) -> AuthenticatedTime {
        AuthenticatedTime(
            kind: kind,
            source: source,
            size: TreeSize(7),
            time: time,
            evidence: [1, 2, 3]
        )
    }
}
