/// The help texts, made from the specifications.
enum HelpText {
    /// The screen that texts are made for; a test holds every command to it.
    static let columns = 80
    static let rows = 24

    /// `strongroom COMMAND --help`: usage, what it does, options, an example.
    static func command(_ specification: CommandSpecification) -> [String] {
        let operands = specification.operands.map { " " + $0.usage }.joined()
        var lines = ["Usage: strongroom \(specification.name)\(operands) [options]"]
        lines += specification.about
        lines.append("")
        let rows = specification.allOptions.map { (left: usage(of: $0), right: $0.help) }
        let width = rows.map(\.left.count).max() ?? 0
        lines += rows.map { "  " + pad($0.left, to: width) + "  " + $0.right }
        lines += ["", "Example: " + specification.example]
        return lines
    }

    /// `strongroom --help`: the commands by group.
    static func overview(_ specifications: [CommandSpecification]) -> [String] {
        let width = specifications.map(\.name.count).max() ?? 0
        var lines = [
            "Usage: strongroom COMMAND [options]",
            "Keeps evidence: written once, locked as long as it must be kept, provable.",
        ]
        for group in CommandGroup.allCases {
            let members = specifications.filter { $0.group == group }
            if members.isEmpty { continue }
            lines += (group == .log ? [] : [""]) + [group.rawValue]
            lines += members.map { "  " + pad($0.name, to: width) + "  " + $0.summary }
        }
        lines += [
            "'strongroom COMMAND --help' says more. Exit codes: 0 done, 1 not verified",
            "or damaged, 2 usage, 3 not found, 4 refused, 5 try again, 6 no space, 70 bug.",
        ]
        return lines
    }

    private static func usage(of option: OptionSpecification) -> String {
        let short = option.short.map { "-\($0), " } ?? ""
        switch option.shape {
        case .flag: return "\(short)--\(option.name)"
        case .value(let placeholder): return "\(short)--\(option.name) \(placeholder)"
        case .repeated(let placeholder): return "\(short)--\(option.name) \(placeholder)…"
        }
    }

    private static func pad(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
