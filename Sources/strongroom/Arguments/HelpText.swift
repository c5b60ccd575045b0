/// The help texts, made from the specifications.
enum HelpText {
    /// The screen that a command's text is made for; a test holds every command to it.
    static let columns = 80
    static let rows = 24
    /// The list of all commands is longer than a small screen.
    static let overviewRows = 46

    /// `strongroom COMMAND --help`: usage, what it does, options, an example.
    static func command(_ specification: CommandSpecification) -> [String] {
        let operands = specification.operands.map { " " + $0.usage }.joined()
        var lines = ["Usage: strongroom \(specification.name)\(operands) [options]"]
        lines += specification.about
        lines.append("")
        let rows = specification.allOptions.map { (left: usage(of: $0), right: $0.help) }
        let width = rows.map(\.left.count).max() ?? 0
        lines += rows.map { "  " + pad($0.left, to: width) + "  " + $0.right }
        return lines + [""] + example(specification)
    }

    /// One line, or two where one is not wide enough.
    private static func example(_ specification: CommandSpecification) -> [String] {
        let line = "Example: " + specification.example
        return line.count <= columns ? [line] : ["Example:", "  " + specification.example]
    }

    /// `strongroom FAMILY --help`: its commands, and an example of the first.
    static func family(
        _ family: CommandFamily,
        _ specifications: [CommandSpecification]
    )
        -> [String]
    {
        let members = specifications.compactMap { specification in
            family.member(specification).map { (name: $0, specification: specification) }
        }
        let width = members.map(\.name.count).max() ?? 0
        var lines =
            ["Usage: strongroom \(family.name) COMMAND [options]", ""] + family.about + [""]
        lines += members.map { "  " + pad($0.name, to: width) + "  " + $0.specification.summary }
        lines += ["", "'strongroom \(family.name) COMMAND --help' says more."]
        return lines + (members.first.map { example($0.specification) } ?? [])
    }

    /// `strongroom --help`: the commands by group, each family in one line.
    static func overview(
        _ specifications: [CommandSpecification],
        families: [CommandFamily]
    ) -> [String] {
        var lines = [
            "Usage: strongroom COMMAND [options]",
            "Keeps evidence: written once, locked as long as it must be kept, provable.",
        ]
        let groups = CommandGroup.allCases.map { group in
            (group, entries(specifications.filter { $0.group == group }, families))
        }
        let width = groups.flatMap(\.1).map(\.name.count).max() ?? 0
        for (group, entries) in groups where !entries.isEmpty {
            lines += (group == .log ? [] : [""]) + [group.rawValue]
            lines += entries.map { "  " + pad($0.name, to: width) + "  " + $0.summary }
        }
        lines += [
            "",
            "'strongroom COMMAND --help' says more. Exit codes: 0 done, 1 not verified",
            "or damaged, 2 usage, 3 not found, 4 refused, 5 try again, 6 no space, 70 bug.",
        ]
        return lines
    }

    /// What the overview lists: commands, and families where their first command stands.
    private static func entries(
        _ specifications: [CommandSpecification],
        _ families: [CommandFamily]
    ) -> [(name: String, summary: String)] {
        var entries: [(name: String, summary: String)] = []
        for specification in specifications {
            guard let family = families.first(where: { $0.member(specification) != nil }) else {
                entries.append((specification.name, specification.summary))
                continue
            }
            if !entries.contains(where: { $0.name == family.name }) {
                entries.append((family.name, family.summary))
            }
        }
        return entries
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
