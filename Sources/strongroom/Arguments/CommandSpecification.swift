/// One option of a command, declared once: the parser, the help and the tests read this.
struct OptionSpecification: Equatable, Sendable {
    enum Shape: Equatable, Sendable {
        /// Stands alone.
        case flag
        /// Takes one value, at most once; the text is the value's name in the help.
        case value(String)
        /// Takes a value each time, any number of times.
        case repeated(String)
    }

    /// The long name without `--`.
    let name: String
    let short: Character?
    let shape: Shape
    /// One line of the help.
    let help: String

    static func flag(
        _ name: String,
        short: Character? = nil,
        _ help: String
    )
        -> OptionSpecification
    {
        OptionSpecification(name: name, short: short, shape: .flag, help: help)
    }

    static func value(
        _ name: String,
        short: Character? = nil,
        _ placeholder: String,
        _ help: String
    )
        -> OptionSpecification
    {
        OptionSpecification(name: name, short: short, shape: .value(placeholder), help: help)
    }

    static func repeated(
        _ name: String,
        _ placeholder: String,
        _ help: String
    )
        -> OptionSpecification
    {
        OptionSpecification(name: name, short: nil, shape: .repeated(placeholder), help: help)
    }
}

extension OptionSpecification {
    static let help = flag("help", short: "h", "this text")
    static let json = flag("json", "one JSON object a line on standard output")
    static let server = value(
        "server",
        "URL",
        "default $STRONGROOM_SERVER, else \(ServerAddress.standard)"
    )
    static let tokenFile = value(
        "token-file",
        "FILE",
        "access token; default $STRONGROOM_TOKEN"
    )
    /// Reasons stand in the log for ever.
    static let reason = value("reason", "TEXT", "why; stands in the log for ever (required)")

    /// What each command that talks to a server takes.
    static let client: [OptionSpecification] = [server, tokenFile, json]
}

/// The words of a command that are not options.
struct OperandSpecification: Equatable, Sendable {
    enum Count: Equatable, Sendable { case one, optional, oneOrMore, zeroOrMore }

    let name: String
    let count: Count

    var usage: String {
        switch count {
        case .one: name
        case .optional: "[\(name)]"
        case .oneOrMore: "\(name)…"
        case .zeroOrMore: "[\(name)…]"
        }
    }
}

/// Where `strongroom --help` lists a command.
enum CommandGroup: String, CaseIterable, Sendable {
    case log = "Run a log"
    case evidence = "Keep and fetch evidence"
    case retention = "Lock, hold and erase"
    case proof = "Prove and verify"
    case copies = "Keep a second copy"
    case tools = "Tools"
}

/// Everything that parser and help know of a command.
struct CommandSpecification: Equatable, Sendable {
    /// One word, or two for a command of a family: `hold place`.
    let name: String
    let group: CommandGroup
    /// For the list of commands: one line, no full stop.
    let summary: String
    let operands: [OperandSpecification]
    /// Without `--help`, which every command has.
    let options: [OptionSpecification]
    /// The paragraph of the help; lines of at most 80 columns.
    let about: [String]
    /// A command line that works, shown last.
    let example: String

    var allOptions: [OptionSpecification] { options + [.help] }
}
