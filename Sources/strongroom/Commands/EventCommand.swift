internal import EvidenceModel

/// `strongroom event`: reports what event-based retention waits for.
enum EventCommand {
    static let family = CommandFamily(
        name: "event",
        summary: "record the event that starts a retention period",
        about: [
            "In a collection whose policy names an event, evidence is locked without end",
            "until that event is recorded for it.",
        ]
    )

    static let record = Command(
        specification: CommandSpecification(
            name: "event record",
            group: .retention,
            summary: "start the clock of event-based retention",
            operands: [
                OperandSpecification(name: "NAME", count: .one),
                OperandSpecification(name: "INDEX", count: .zeroOrMore),
            ],
            options: RecordChoice.options + [
                .value("at", "T", "when it happened; never counts earlier than now"), .reason,
            ] + OptionSpecification.client,
            about: [
                "",
                "Says that event NAME has happened for records INDEX…, or for those of a",
                "collection: from now (or --at, if later) they are locked for the duration that",
                "they were granted. A second event may prolong that; it never shortens it.",
            ],
            example: "strongroom event record contract.ended 41 42 --reason terminated"
        )
    ) { (arguments, console) throws(CommandFailure) in
        let name = arguments.operands[0]
        let choice = try RecordChoice(arguments.operands.dropFirst(), arguments)
        guard choice != .none else {
            throw .usage("neither INDEX nor --collection says which records the event is for")
        }
        var members: JSONObject = [
            "event": .string(name), "reason": .string(try arguments.required("reason")),
        ]
        if let at = arguments.value("at") { members["at"] = .string(RequestedTime.text(at)) }
        var run = ActRun(
            try Server(arguments).connectPatiently(),
            "/v1/events",
            what: "event \(name)",
            arguments,
            console
        )
        run.run(members, choice.parts) { reply in
            ActText.outcome(name, "locked from the event", reply)
        }
        return run.exit
    }
}
