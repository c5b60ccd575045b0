internal import Platform

/// Names that no other process chooses.
enum TemporaryName {
    /// 16 random hexadecimal digits.
    static func make() -> String {
        let digits = Array("0123456789abcdef")
        return String(
            Random.bytes(count: 8).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        )
    }
}

extension CommandFailure {
    /// A failed system call, with the exit code that fits its reason.
    init(_ error: SystemError, advice: String? = nil) {
        let code: ExitCode =
            switch error.errno {
            case .notFound, .notADirectory: .notFound
            case .noSpace, .quotaExceeded: .storageFull
            case .permissionDenied, .notPermitted, .exists, .directoryNotEmpty: .refused
            case .isADirectory: .usage
            case .inputOutput: .verificationFailed
            default: .tryAgain
            }
        self.init(code, "\(error)", advice: advice)
    }
}
