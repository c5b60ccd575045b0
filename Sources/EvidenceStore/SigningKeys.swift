import Cryptography
package import EvidenceModel
import Platform
package import TransparencyLog

/// The private keys with which a log may sign: those of its key file.
///
/// Which of them do is for the log to say (`LogState.keys`).
package final class SigningKeys: Sendable {
    private let signers: Mutex<[NoteSigner]>
    private let keep: @Sendable (_ all: [NoteSigner]) throws(StoreError) -> Void

    /// `keep`: writes the keys to where they came from, durably; called before one is added.
    package init(
        _ signers: [NoteSigner],
        keep: @escaping @Sendable (_ all: [NoteSigner]) throws(StoreError) -> Void = { _ in }
    ) {
        self.signers = Mutex(signers)
        self.keep = keep
    }

    /// The only key of a log, kept nowhere else.
    package convenience init(_ signer: NoteSigner) { self.init([signer]) }

    /// Their public sides, in the order of the file.
    package var verifierKeys: [VerifierKey] { signers.withLock { $0.map(\.verifierKey) } }

    func signer(of key: VerifierKey) -> NoteSigner? {
        signers.withLock { $0.first { $0.verifierKey == key } }
    }

    /// Those that sign at a time; empty if the log's present key is not there.
    ///
    /// Earlier keys sign along as long as they have to and are there.
    func signers(_ keys: [LogKey], at time: Timestamp) -> [NoteSigner] {
        signers.withLock { signers in
            guard signers.contains(where: { $0.verifierKey == keys.current }) else { return [] }
            return keys.filter { $0.signs(at: time) }.compactMap { key in
                signers.first { $0.verifierKey == key.key }
            }
        }
    }

    /// The key for a rotation: one that was put into the file for it, or a new one.
    ///
    /// - Throws: What `keep` throws.
    func next(after known: [VerifierKey]) throws(StoreError) -> NoteSigner {
        let all = signers.withLock { $0 }
        guard let name = known.first?.name else { preconditionFailure("a log has a key") }
        let prepared = all.first {
            !known.contains($0.verifierKey) && $0.name == name
        }
        if let prepared { return prepared }
        let made: NoteSigner
        do throws(NoteError) {
            made = try NoteSigner(name: name, privateKey: .generate())
        } catch { preconditionFailure("the name of a key names keys: \(error)") }
        try keep(all + [made])
        signers.withLock { $0.append(made) }
        return made
    }
}

extension EvidenceStore {
    /// Lets the log sign with another key: one that its key file has for that, or a new one, which
    /// is written there first.
    ///
    /// Earlier keys sign for `overlap` longer.
    ///
    /// - Throws: `refused`; `unavailable` if the key cannot be kept, or the log is read-only.
    package func rotateKey(
        overlap: RetentionDuration,
        by principal: Principal,
        reason: Reason?
    ) throws(StoreError) -> ActOutcome {
        try rotating.withLock { _ throws(StoreError) in
            guard case .signer(let keys) = source else {
                throw .unavailable("the log is read-only: \(readOnly ?? "it has no key")")
            }
            let (current, known) = withState { ($0.currentKey, $0.verifierKeys) }
            guard let current, let previous = keys.signer(of: current) else {
                throw .unavailable("the log's present key is not there")
            }
            let next = try keys.next(after: known)
            return try propose(
                .rotateKey(
                    next.verifierKey,
                    KeyRotation.Signatures(from: previous, to: next),
                    overlap: overlap
                ),
                by: principal,
                reason: reason
            )
        }
    }

    /// All keys with which the log ever signed, the oldest first.
    package var verifierKeys: [VerifierKey] { withState { $0.verifierKeys } }
}
