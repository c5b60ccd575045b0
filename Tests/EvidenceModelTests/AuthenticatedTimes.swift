import EvidenceModel
import TransparencyLog

/// Authenticated times as a record has them; no signature in them is one.
enum AuthenticatedTimes {
    /// By a witness and an authority; `time` in whole seconds.
    static func two(_ time: Timestamp, _ other: Timestamp? = nil) -> [AuthenticatedTime] {
        [
            make(.cosignature, "witness.example/w", time),
            make(.timestamp, "tsa", other ?? time),
        ]
    }

    static func make(
        _ kind: AuthenticatedTime.Kind,
        _ source: String,
        _ time: Timestamp,
        size: UInt64 = 1
    ) -> AuthenticatedTime {
        AuthenticatedTime(
            kind: kind,
            source: source,
            size: TreeSize(size),
            time: time,
            evidence: kind == .timestamp
                ? Array(source.utf8) : cosignature(of: time.milliseconds / 1000, source)
        )
    }

    /// Key ID, time and signature, as in the line of a note.
    static func cosignature(of seconds: Int64, _ source: String = "") -> [UInt8] {
        let time = (0..<8).map { UInt8(truncatingIfNeeded: seconds >> (56 - 8 * $0)) }
        let signature = Array(source.utf8.prefix(64))
        return [1, 2, 3, 4] + time + signature + [UInt8](repeating: 0, count: 64 - signature.count)
    }
}
