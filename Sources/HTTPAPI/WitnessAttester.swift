import Attestation
import EvidenceBundle
import EvidenceModel
import TransparencyLog

/// Asks the witnesses to confirm a bundle's checkpoint.
struct WitnessAttester: CheckpointAttesting {
    let witnesses: WitnessService

    func attest(_ attestation: inout CheckpointAttestation, deadlineNanoseconds: UInt64) {
        let roll = witnesses.attest(
            covering: attestation.size,
            deadlineNanoseconds: deadlineNanoseconds
        )
        guard let roll else {
            attestation.findings.append(
                CheckpointAttestation.Finding(
                    who: "witnesses",
                    what: "they could not be asked: the server was stopping or too busy"
                )
            )
            return
        }
        let checkpoint = roll.checkpoint
        attestation.replace(note: checkpoint.note.encoded, size: checkpoint.size)
        for voice in roll.voices {
            let what =
                if let seconds = voice.cosignedSeconds {
                    "cosigned at \(CosignatureTime.text(seconds))"
                } else { "has not cosigned: \(voice.missing)" }
            attestation.findings.append(
                CheckpointAttestation.Finding(who: "witness \(voice.name)", what: what)
            )
        }
        let verdict = checkpoint.verdict
        attestation.findings.append(
            CheckpointAttestation.Finding(
                who: "the server's policy",
                what: verdict.isAccepted
                    ? "is satisfied"
                    : "is not satisfied: "
                        + verdict.shortcomings.map(\.description).joined(separator: "; ")
            )
        )
    }
}
