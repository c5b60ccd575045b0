import Cryptography
import EvidenceModel
import TransparencyLog

/// A time that was verified, and whose keys one trusts who believes it.
struct VouchedTime: Sendable {
    enum Trust: Sendable {
        /// A witness's key.
        case witness(Ed25519PublicKey)
        /// All keys of an authority's chain, and of the certificates that it was to lead to.
        ///
        /// Which of several ways to a root it shows is for the authority to choose.
        case authority(Set<SHA256Digest>)

        /// Whether nobody is trusted for both.
        func isIndependent(of other: Trust) -> Bool {
            switch (self, other) {
            case (.witness(let key), .witness(let otherKey)): key != otherKey
            case (.authority(let keys), .authority(let otherKeys)): keys.isDisjoint(with: otherKeys)
            case (.witness, .authority), (.authority, .witness): true
            }
        }
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
            trust: .witness(cosignature.key.publicKey)
        )
    }

    /// The pair of independent times whose earlier one is the latest, as a record has them; nil if
    /// no two are independent.
    static func best(of times: [VouchedTime]) -> [AuthenticatedTime]? {
        let latest = times.sorted { $0.time.time > $1.time.time }
        for (place, later) in latest.enumerated() {
            let partner = latest[..<place].first { earlier in
                earlier.trust.isIndependent(of: later.trust)
                    && (earlier.time.kind, earlier.time.source)
                        != (later.time.kind, later.time.source)
            }
            if let partner { return AuthenticatedTime.inOrder([partner.time, later.time]) }
        }
        return nil
    }
}
