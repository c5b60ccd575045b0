internal import EvidenceStore
internal import Platform

extension CommandFailure {
    /// A failure of the store, with the exit code that fits it.
    init(_ error: StoreError) {
        let code: ExitCode
        switch error {
        case .notFound, .notALog: code = .notFound
        case .invalid: code = .usage
        case .conflict, .retentionRefused, .newerFormat, .refused, .erased: code = .refused
        case .storageFull: code = .storageFull
        case .overloaded, .unavailable, .busy, .policyChanged, .copyPending: code = .tryAgain
        case .damaged: code = .verificationFailed
        case .system(let failure): code = CommandFailure(failure).code
        }
        self.init(code, "\(error)")
    }
}
