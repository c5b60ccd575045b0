/// Reads a command line against a specification, GNU style.
///
/// `--name value`, `--name=value`, `-o value`, `-ovalue`; `--` ends the options; `-` alone is an
/// operand (standard input); options and operands mix in any order. Names are never abbreviated: an
/// abbreviation that is unique today is ambiguous after the next release.
struct ArgumentParser {
    private let specification: CommandSpecification
    private var words: ArraySlice<String>
    private var values: [String: [String]] = [:]
    private var operands: [String] = []

    /// Parses the words after the command's name.
    ///
    /// - Throws: exit code `usage`, naming the word and what would be right.
    static func parse(
        _ words: [String],
        for specification: CommandSpecification
    )
        throws(CommandFailure) -> ParsedArguments
    {
        var parser = ArgumentParser(specification: specification, words: words[...])
        try parser.run()
        let parsed = ParsedArguments(
            specification: specification,
            values: parser.values,
            operands: parser.operands
        )
        if !parsed.flag("help") { try parser.checkOperandCount() }
        return parsed
    }

    private init(specification: CommandSpecification, words: ArraySlice<String>) {
        self.specification = specification
        self.words = words
    }

    private mutating func run() throws(CommandFailure) {
        while let word = words.popFirst() {
            if word == "--" {
                operands += words
                return
            } else if word.hasPrefix("--") {
                try takeLong(word.dropFirst(2))
            } else if word.hasPrefix("-"), word != "-" {
                try takeShort(word.dropFirst())
            } else {
                operands.append(word)
            }
        }
    }

    private mutating func takeLong(_ text: Substring) throws(CommandFailure) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        guard let option = specification.allOptions.first(where: { $0.name == name }) else {
            throw failure(
                "unknown option --\(name)",
                advice: Self.suggestion(for: name, in: specification)
            )
        }
        try take(option, attached: parts.count == 2 ? String(parts[1]) : nil)
    }

    private mutating func takeShort(_ text: Substring) throws(CommandFailure) {
        let letter = text[text.startIndex]
        guard let option = specification.allOptions.first(where: { $0.short == letter }) else {
            throw failure("unknown option -\(text)")
        }
        let rest = text.dropFirst()
        try take(option, attached: rest.isEmpty ? nil : String(rest))
    }

    private mutating func take(
        _ option: OptionSpecification,
        attached: String?
    )
        throws(CommandFailure)
    {
        switch option.shape {
        case .flag:
            guard attached == nil else {
                throw failure("--\(option.name) takes no value")
            }
            values[option.name] = [""]
        case .value(let placeholder):
            let value = try value(of: option, attached: attached, placeholder: placeholder)
            if values[option.name] != nil {
                throw failure("--\(option.name) is given twice", advice: "keep one of them")
            }
            values[option.name] = [value]
        case .repeated(let placeholder):
            let value = try value(of: option, attached: attached, placeholder: placeholder)
            values[option.name, default: []].append(value)
        }
    }

    private mutating func value(
        of option: OptionSpecification,
        attached: String?,
        placeholder: String
    ) throws(CommandFailure) -> String {
        if let attached { return attached }
        guard let next = words.first else {
            throw failure("--\(option.name) needs a value: --\(option.name) \(placeholder)")
        }
        // `--name --json` is a forgotten value far more often than a value that starts with `--`.
        if next == "--" || specification.allOptions.contains(where: { "--\($0.name)" == next }) {
            throw failure(
                "--\(option.name) needs a value, and \(next) follows",
                advice: "if that is the value, write --\(option.name)=\(next)"
            )
        }
        words.removeFirst()
        return next
    }

    private func checkOperandCount() throws(CommandFailure) {
        var minimum = 0
        var maximum = 0
        for operand in specification.operands {
            switch operand.count {
            case .one:
                minimum += 1
                maximum += 1
            case .optional:
                maximum += 1
            case .oneOrMore:
                minimum += 1
                maximum = Int.max / 2
            case .zeroOrMore:
                maximum = Int.max / 2
            }
        }
        if operands.count < minimum {
            let missing = specification.operands.filter {
                $0.count == .one || $0.count == .oneOrMore
            }
            throw failure("\(missing[min(operands.count, missing.count - 1)].name) is missing")
        }
        if operands.count > maximum {
            throw failure("unexpected word '\(operands[maximum])'")
        }
    }

    private func failure(_ message: String, advice: String? = nil) -> CommandFailure {
        .usage(
            message,
            advice: advice ?? "see 'strongroom \(specification.name) --help'"
        )
    }

    /// "did you mean --retain?", when one of the options is near enough to what was typed.
    private static func suggestion(
        for name: String,
        in specification: CommandSpecification
    )
        -> String?
    {
        let names = specification.allOptions.map(\.name)
        return EditDistance.nearest(to: name, among: names).map { "did you mean --\($0)?" }
    }
}
