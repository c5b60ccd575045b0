import Cryptography
import EvidenceModel
import EvidenceStore

extension TimeStampService {
    /// Asks every authority what time it is, by a token over the newest checkpoint.
    ///
    /// These tokens are not kept: whoever uses one keeps it.
    func times() -> [VouchedTime] {
        let checkpoint = log.checkpoint
        var found: [VouchedTime] = []
        for authority in configuration.authorities where !isStopping {
            do throws(TimeStampFailure) {
                let answer = try ask(
                    authority,
                    over: checkpoint.note,
                    milliseconds: configuration.requestMilliseconds
                )
                noteAnswer(authority.name)
                guard let time = Timestamp(milliseconds: answer.token.milliseconds) else {
                    throw .invalid(.malformed("its time is outside of the years 1970 to 9999"))
                }
                found.append(
                    VouchedTime(
                        time: AuthenticatedTime(
                            kind: .timestamp,
                            source: authority.name,
                            size: checkpoint.size,
                            time: time,
                            evidence: answer.token.encoded
                        ),
                        trust: .authority(answer.signer.keys.union(authority.anchors.keys))
                    )
                )
            } catch {
                noteOutcome(authority.name, error)
                report(.failed(authority: authority.name, error))
            }
        }
        return found
    }
}
