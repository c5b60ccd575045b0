public import TransparencyLog

/// The times that cosignatures state, for a person.
public enum CosignatureTime {
    /// `2026-11-22T01:02:03.000Z`; seconds since 1970 if a witness states a time beyond the
    /// calendar.
    public static func text(_ seconds: UInt64) -> String {
        let (milliseconds, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        guard !overflow, let exact = Int64(exactly: milliseconds),
            let time = Timestamp(milliseconds: exact)
        else { return "\(seconds) s since 1970" }
        return time.rfc3339
    }
}

extension TlogPolicy {
    /// Who has cosigned and when, and who has not, in one sentence.
    public func words(for verdict: PolicyVerdict) -> String {
        let found = verdict.cosignatures.map { cosigned in
            let time = CosignatureTime.text(cosigned.cosignature.timestampSeconds)
            return "\(cosigned.witness) at \(time)"
        }
        let missing = witnesses.map(\.name).filter { name in
            !verdict.cosignatures.contains { $0.witness == name }
        }
        let by =
            found.isEmpty ? "cosigned by nobody" : "cosigned by " + found.joined(separator: ", ")
        return missing.isEmpty
            ? by : by + "; not by " + missing.map(\.description).joined(separator: ", ")
    }
}
