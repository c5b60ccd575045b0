internal import EvidenceModel

/// `strongroom hold`: places, releases and lists legal holds.
enum HoldCommands {
    static let family = CommandFamily(
        name: "hold",
        summary: "place, release and list legal holds",
        about: [
            "A hold keeps records from being erased whatever their locks say, until it is",
            "released. Each belongs to a matter, a named case; a record may be under many.",
        ]
    )

    static let place = Command(
        specification: CommandSpecification(
            name: "hold place",
            group: .retention,
            summary: "keep records for a matter, whatever their locks say",
            operands: [
                OperandSpecification(name: "MATTER", count: .one),
                OperandSpecification(name: "INDEX", count: .zeroOrMore),
            ],
            options: RecordChoice.options + [
                .flag("standing", "with --collection: also what arrives later"), .reason,
            ] + OptionSpecification.client,
            about: [
                "",
                "Holds the records INDEX…, or those of a collection with that prefix and those",
                "labels, for MATTER: they cannot be erased until it releases them. A selection of",
                "any size is one record of the log. Who, when and why stand there too.",
            ],
            example: "strongroom hold place case/2031-7 --collection ci --reason subpoena"
        )
    ) { (arguments, console) throws(CommandFailure) in
        let matter = arguments.operands[0]
        let choice = try RecordChoice(arguments.operands.dropFirst(), arguments)
        let isStanding = arguments.flag("standing")
        if case .selection = choice {
        } else {
            guard !isStanding else {
                throw .usage("--standing goes with --collection: an INDEX is one record")
            }
        }
        guard choice != .none else {
            throw .usage("neither INDEX nor --collection says what is held")
        }
        var members: JSONObject = [
            "matter": .string(matter), "reason": .string(try arguments.required("reason")),
        ]
        if isStanding { members["standing"] = .bool(true) }
        var run = ActRun(
            try Server(arguments).connectPatiently(),
            "/v1/holds",
            what: "hold for \(matter)",
            arguments,
            console
        )
        run.run(members, choice.parts) { reply in
            ActText.outcome(matter, isStanding ? "held, and what arrives later" : "held", reply)
        }
        return run.exit
    }

    static let release = Command(
        specification: CommandSpecification(
            name: "hold release",
            group: .retention,
            summary: "end a matter, or its hold over some records",
            operands: [
                OperandSpecification(name: "MATTER", count: .one),
                OperandSpecification(name: "INDEX", count: .zeroOrMore),
            ],
            options: [.reason] + OptionSpecification.client,
            about: [
                "",
                "Releases the records INDEX… from MATTER; without an INDEX all of them, and the",
                "matter is over. Other matters and the records' locks stay as they are.",
            ],
            example: "strongroom hold release case/2031-7 --reason settled"
        )
    ) { (arguments, console) throws(CommandFailure) in
        let matter = arguments.operands[0]
        let indexes = try ParsedArguments.recordIndexes(arguments.operands.dropFirst())
        let choice = indexes.isEmpty ? RecordChoice.none : .records(indexes)
        var run = ActRun(
            try Server(arguments).connect(),
            "/v1/holds/release",
            what: "release of \(matter)",
            arguments,
            console
        )
        let members: JSONObject = [
            "matter": .string(matter), "reason": .string(try arguments.required("reason")),
        ]
        run.run(members, choice.parts) { reply in
            guard !indexes.isEmpty else {
                return "\(matter)  released\(ActText.by(reply.numbers("acts")))"
            }
            return ActText.outcome(matter, "released", reply)
        }
        return run.exit
    }

    static let list = Command(
        specification: CommandSpecification(
            name: "hold list",
            group: .retention,
            summary: "list the matters, or what one of them holds",
            operands: [OperandSpecification(name: "MATTER", count: .optional)],
            options: OptionSpecification.client,
            about: [
                "",
                "Lists the matters with what they hold; of one also who placed and released what,",
                "when and why, if the token may read records.",
            ],
            example: "strongroom hold list case/2031-7"
        ),
        run: list
    )

    private static func list(
        _ arguments: ParsedArguments,
        _ console: Console
    )
        throws(CommandFailure) -> ExitCode
    {
        let connection = try Server(arguments).connect()
        let isJSON = arguments.flag("json")
        if let name = arguments.operands.first {
            var path = RequestPath("/v1/holds")
            path.addSegment(name)
            let matter = try connection.getObject(path, what: "matter \(name)")
            if isJSON {
                console.result(matter.line)
            } else {
                let lines = MatterText.lines(matter) + MatterHistory.lines(of: matter, connection)
                for line in lines { console.result(Console.harmless(line)) }
            }
            return .done
        }
        let reply = try connection.getObject(RequestPath("/v1/holds"), what: "holds")
        guard let matters = reply.objects("matters") else { throw JSONReply.malformed("holds") }
        for matter in matters {
            let lines = isJSON ? [matter.line] : MatterText.lines(matter)
            for line in lines { console.result(Console.harmless(line)) }
        }
        if matters.isEmpty { console.message("there is no matter") }
        return .done
    }
}
