import Attestation
import Cryptography
import EvidenceBundle
import EvidenceModel
import TransparencyLog

/// Has the checkpoints of exports stamped.
struct TimeStampAttester: CheckpointAttesting {
    let service: TimeStampService

    func attest(_ attestation: inout CheckpointAttestation, deadlineNanoseconds: UInt64) {
        let round = service.stamp(
            attestation.note,
            size: attestation.size,
            deadlineNanoseconds: deadlineNanoseconds
        )
        for entry in round.stamped {
            let token = entry.record.first.token
            attestation.add(token: token.encoded, of: entry.key.authority)
            let time = Timestamp(milliseconds: token.milliseconds)?.rfc3339 ?? "an unknown time"
            attestation.findings.append(
                CheckpointAttestation.Finding(
                    who: "time-stamping authority \(entry.key.authority)",
                    what: "stamped at \(time), in timestamps/\(entry.key.authority).tst"
                )
            )
        }
        for (authority, failure) in round.failed {
            attestation.findings.append(
                CheckpointAttestation.Finding(
                    who: "time-stamping authority \(authority)",
                    what: "no time-stamp: \(failure)"
                )
            )
        }
    }
}
