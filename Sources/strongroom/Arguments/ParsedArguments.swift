/// A command line that fits its specification.
struct ParsedArguments: Equatable, Sendable {
    let specification: CommandSpecification
    private let values: [String: [String]]
    let operands: [String]

    init(specification: CommandSpecification, values: [String: [String]], operands: [String]) {
        self.specification = specification
        self.values = values
        self.operands = operands
    }

    /// Whether a flag was given.
    func flag(_ name: String) -> Bool { !all(name).isEmpty }

    /// The value of an option that is given at most once.
    func value(_ name: String) -> String? { all(name).last }

    /// All values of an option, in order.
    func all(_ name: String) -> [String] {
        precondition(
            specification.allOptions.contains { $0.name == name },
            "command \(specification.name) declares no option --\(name)"
        )
        return values[name] ?? []
    }

    /// The value of an option that is a whole number within a range.
    func integer(_ name: String, in range: ClosedRange<Int>) throws(CommandFailure) -> Int? {
        guard let text = value(name) else { return nil }
        return try Self.integer(text, in: range, what: "--\(name)")
    }

    /// Reads a whole number within a range: digits only.
    static func integer(
        _ text: String,
        in range: ClosedRange<Int>,
        what: String
    )
        throws(CommandFailure) -> Int
    {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text),
            range.contains(number)
        else {
            let limits =
                range.upperBound == Int.max
                ? "a whole number from \(range.lowerBound)"
                : "a whole number from \(range.lowerBound) to \(range.upperBound)"
            throw .usage("\(what) is '\(text)', not \(limits)")
        }
        return number
    }

    /// The value of an option that the command cannot do without.
    func required(_ name: String) throws(CommandFailure) -> String {
        guard let value = value(name) else {
            throw .usage(
                "--\(name) is missing",
                advice: "see 'strongroom \(specification.name) --help'"
            )
        }
        return value
    }

    /// A record's index: below 2^53, as everywhere in Strongroom's JSON.
    static func recordIndex(_ text: String) throws(CommandFailure) -> UInt64 {
        UInt64(try integer(text, in: 0...(1 << 53 - 1), what: "INDEX"))
    }

    /// Records' indexes, one an operand.
    static func recordIndexes(
        _ operands: some Sequence<String>
    ) throws(CommandFailure) -> [UInt64] {
        var indexes: [UInt64] = []
        for text in operands { indexes.append(try recordIndex(text)) }
        return indexes
    }

    /// A tree size: below 2^53.
    func treeSize(_ name: String) throws(CommandFailure) -> UInt64? {
        try integer(name, in: 0...(1 << 53 - 1)).map(UInt64.init)
    }
}
