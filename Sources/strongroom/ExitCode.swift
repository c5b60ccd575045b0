/// What the process tells its caller; the numbers are part of the command line's contract.
enum ExitCode: Int32, Sendable, CaseIterable {
    /// Everything that was asked for is done.
    case done = 0
    /// A verification failed, or the store is damaged.
    case verificationFailed = 1
    /// The command line or the configuration is wrong.
    case usage = 2
    /// The record, file or log does not exist.
    case notFound = 3
    /// Refused: locked, forbidden, conflict, policy.
    case refused = 4
    /// Unreachable or overloaded: trying again later may help.
    case tryAgain = 5
    /// No space is left.
    case storageFull = 6
    /// A bug in Strongroom.
    case bug = 70

    /// How grave an outcome is beside others of the same command; higher is graver.
    ///
    /// What says "the evidence is not what it should be" outranks what says "it could not be done
    /// now", which outranks what says "you asked for something that cannot be".
    private var gravity: Int {
        switch self {
        case .done: 0
        case .usage: 1
        case .notFound: 2
        case .refused: 3
        case .tryAgain: 4
        case .storageFull: 5
        case .verificationFailed: 6
        case .bug: 7
        }
    }

    /// The graver of two: what a command over several items exits with.
    func graver(_ other: ExitCode) -> ExitCode {
        other.gravity > gravity ? other : self
    }
}

/// Why a command, or one item of it, did not succeed.
///
/// `message` says what happened and to what; `advice` what to do next.
struct CommandFailure: Error, Equatable, Sendable {
    let code: ExitCode
    let message: String
    let advice: String?

    init(_ code: ExitCode, _ message: String, advice: String? = nil) {
        self.code = code
        self.message = message
        self.advice = advice
    }

    static func usage(_ message: String, advice: String? = nil) -> CommandFailure {
        CommandFailure(.usage, message, advice: advice)
    }

    /// Message and advice as one text for a person.
    var text: String {
        guard let advice else { return message }
        return message + "; " + advice
    }
}
