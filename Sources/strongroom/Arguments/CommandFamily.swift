/// A first word with several commands behind it: `hold place`, `hold release`, `hold list`.
struct CommandFamily: Equatable, Sendable {
    let name: String
    /// For the list of commands: one line, no full stop.
    let summary: String
    /// The paragraph of the help; lines of at most 80 columns.
    let about: [String]

    /// The second word of one of its commands.
    func member(_ specification: CommandSpecification) -> String? {
        let words = specification.name.split(separator: " ")
        return words.count == 2 && words[0] == name ? String(words[1]) : nil
    }
}

extension CommandFamily {
    /// All families, in no order of importance: their commands have one.
    static let all: [CommandFamily] = [
        PolicyCommands.family, HoldCommands.family, EventCommand.family, EraseCommands.family,
        ClockCommands.family, TokenCommands.family, KeyCommands.family, LogCommands.family,
        TargetCommands.family, TimeStampCommands.family,
    ]
}
