/// Why a witness does not cosign.
///
/// Reference: C2SP tlog-witness, "add-checkpoint".
public enum WitnessRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    /// The text of the note is no checkpoint.
    case malformed(NoteError)
    /// The witness does not follow this log.
    case unknownLog(origin: String)
    /// No trusted key has signed, or one that is claimed to has not.
    case untrusted(NoteError)
    /// The old size is larger than that of the checkpoint.
    case oldSizeTooLarge(stated: TreeSize, offered: TreeSize)
    /// Another size was cosigned last; a proof from there is needed.
    case conflict(latest: TreeSize)
    /// The checkpoint is smaller than the one that was cosigned last: an old one, or the log was
    /// set back.
    case rollback(latest: TreeSize, offered: TreeSize)
    /// The log has signed two roots of one size: proof of two histories. `stated` is the old size
    /// of the request.
    case fork(size: TreeSize, stated: TreeSize)
    /// The proof does not lead from the latest checkpoint to this one: a bad proof, or another
    /// history.
    case inconsistent(ProofError)
    /// A tree without leaves has another root than the empty tree.
    case wrongEmptyRoot
    /// The wall clock shows a time before that of the last cosignature, or none that can be stated.
    case clock(nowSeconds: UInt64, latestSeconds: UInt64)

    /// Whether the checkpoint, which a trusted key has signed, contradicts the one that was
    /// cosigned last, or may do so: worth keeping and looking at.
    public var isEvidence: Bool {
        switch self {
        case .fork, .inconsistent, .wrongEmptyRoot: true
        case .malformed, .unknownLog, .untrusted, .oldSizeTooLarge, .conflict, .rollback, .clock:
            false
        }
    }

    /// What the client is answered.
    public var response: AddCheckpointResponse {
        switch self {
        case .malformed, .oldSizeTooLarge: .refused(.malformed, detail: description)
        case .unknownLog: .refused(.unknownLog, detail: description)
        case .untrusted: .refused(.untrusted, detail: description)
        case .conflict(let latest), .rollback(let latest, _): .conflict(latest)
        case .fork(let size, let stated):
            stated == size ? .refused(.inconsistent, detail: description) : .conflict(size)
        case .inconsistent, .wrongEmptyRoot: .refused(.inconsistent, detail: description)
        case .clock: .failed(status: 503, detail: description)
        }
    }

    /// One sentence for a person.
    public var description: String {
        switch self {
        case .malformed(let error): "\(error)"
        case .unknownLog(let origin): "this witness does not follow the log \(origin)"
        case .untrusted(let error): "\(error)"
        case .oldSizeTooLarge(let stated, let offered):
            "the old size \(stated) is larger than the checkpoint's, \(offered)"
        case .conflict(let latest): "the size that was cosigned last is \(latest)"
        case .rollback(let latest, let offered):
            "the checkpoint has \(offered) leaves, the one that was cosigned last \(latest)"
        case .fork(let size, _):
            "another root of the tree of size \(size) was cosigned: the log has two histories"
        case .inconsistent(let error):
            "the checkpoint is not proven to continue the one that was cosigned last: \(error)"
        case .wrongEmptyRoot: "a tree without leaves has another root"
        case .clock(let now, let latest):
            "the witness's clock shows \(now) s, which is not after \(latest) s, the time of its "
                + "last cosignature"
        }
    }
}
