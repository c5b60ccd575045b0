import Cryptography
import EvidenceModel
import TransparencyLog

/// A time that was verified, and whom one trusts who believes it.
struct VouchedTime: Sendable {
    /// Two times are independent if they do not rest on the same.
    enum Trust: Hashable, Sendable {
        /// A witness's key.
        case witness(CosignatureKey)
        /// The certificate that an authority's chain leads to.
        case anchor(SHA256Digest)
    }

    let time: AuthenticatedTime
    let trust: Trust

    init(time: AuthenticatedTime, trust: Trust) {
        self.time = time
        self.trust = trust
    }

    /// That of a cosignature; nil if it lies outside of the calendar.
    init?(_ cosignature: Cosignature, of size: TreeSize) {
        let (milliseconds, overflow) =
            cosignature.timestampSeconds.multipliedReportingOverflow(by: 1000)
        guard !overflow, let exact = Int64(exactly: milliseconds),
            let time = Timestamp(milliseconds: exact)
        else { return nil }
        self.init(
            time: AuthenticatedTime(
                kind: .cosignature,
                source: cosignature.key.name,
                size: size,
                time: time,
                evidence: cosignature.signature.keyID.bytes + cosignature.signature.bytes
            ),
            trust: .witness(cosignature.key)
        )
    }

    /// The two latest that are independent of one another, as a record has them; nil if there are
    /// no two.
    static func best(of times: [VouchedTime]) -> [AuthenticatedTime]? {
        let latest = times.sorted { $0.time.time > $1.time.time }
        guard let first = latest.first,
            let second = latest.first(where: {
                $0.trust != first.trust
                    && ($0.time.kind, $0.time.source) != (first.time.kind, first.time.source)
            })
        else { return nil }
        return AuthenticatedTime.inOrder([first.time, second.time])
    }
}
