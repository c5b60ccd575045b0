internal import EvidenceModel

/// `strongroom policy`: shows and sets the rules of collections.
enum PolicyCommands {
    static let family = CommandFamily(
        name: "policy",
        summary: "show and set the retention rules of collections",
        about: [
            "A collection's policy decides the lock that evidence gets, and what a request",
            "may ask for. A change holds for what arrives later: nothing that is locked is",
            "weakened.",
        ]
    )

    static let show = Command(
        specification: CommandSpecification(
            name: "policy show",
            group: .retention,
            summary: "show the policy of one collection, or of all",
            operands: [OperandSpecification(name: "C", count: .optional)],
            options: OptionSpecification.client,
            about: [
                "",
                "Shows the policy in force for collection C, and the record that set it. Without",
                "C all that were set, and the standard one that holds for every other",
                "collection.",
            ],
            example: "strongroom policy show payments"
        )
    ) { (arguments, console) throws(CommandFailure) in
        let connection = try Server(arguments).connect()
        let isJSON = arguments.flag("json")
        for policy in try policies(arguments.operands.first, connection) {
            console.result(isJSON ? policy.line : Console.harmless(PolicyText.line(policy)))
        }
        return .done
    }

    private static func policies(
        _ collection: String?,
        _ connection: APIConnection
    ) throws(CommandFailure) -> [JSONObject] {
        if let collection {
            return [try connection.getObject(path(collection), what: "policy of \(collection)")]
        }
        let reply = try connection.getObject(RequestPath("/v1/policies"), what: "policies")
        guard let policies = reply.objects("policies"), let standard = reply["standard"] else {
            throw JSONReply.malformed("policies")
        }
        return policies + [["policy": standard]]
    }

    private static func path(_ collection: String) -> RequestPath {
        var path = RequestPath("/v1/collections")
        path.addSegment(collection)
        path.addSegment("policy")
        return path
    }

    static let set = Command(
        specification: CommandSpecification(
            name: "policy set",
            group: .retention,
            summary: "set the policy of a collection, showing first what changes",
            operands: [OperandSpecification(name: "C", count: .one)],
            options: [
                .value("mode", "M", "compliance, or governance (required)"),
                .value("min", "D", "shortest lock: 90s 30m 12h 30d 7y (required)"),
                .value("default", "D", "the lock where none is asked for (required)"),
                .value("max", "D", "longest lock (required)"),
                .value("event", "NAME", "locked without end until NAME, then for the default"),
                .flag("sealed", "records hold a commitment, no names, labels, digests"),
                .flag("dry-run", "only show what would change"),
            ] + OptionSpecification.client,
            about: [
                "Prints what would change, then sets it. All of the policy is given each time. It",
                "holds for what arrives later; existing locks stay. 'governance' is granted only",
                "where the mode is governance.",
            ],
            example: "strongroom policy set ci --mode compliance --min 1d --default 1y --max 7y"
        ),
        run: set
    )

    private static func set(
        _ arguments: ParsedArguments,
        _ console: Console
    )
        throws(CommandFailure) -> ExitCode
    {
        let collection = arguments.operands[0]
        let policy = try policy(arguments)
        let connection = try Server(arguments).connect()
        let what = "policy of \(collection)"
        var dryRun = path(collection)
        dryRun.add("dryRun", "true")
        let preview = try connection.send(.put, dryRun, policy, what: what, .harmless).object
        guard let changes = preview.texts("changes") else { throw JSONReply.malformed(what) }
        let isJSON = arguments.flag("json")
        if isJSON {
            console.result(preview.line)
        } else {
            for change in changes { console.result(Console.harmless(change)) }
        }
        if changes.isEmpty { console.message("\(what): nothing changes") }
        guard !arguments.flag("dry-run") else {
            console.message("dry run: nothing was set")
            return .done
        }
        // The person sees what changes before it does.
        console.flush()
        let done = try connection.send(.put, path(collection), policy, what: what, .harmless)
        if isJSON {
            console.result(done.object.line)
        } else {
            let by = done.object.number("act").map { "set by record \($0)" } ?? "unchanged"
            console.result(Console.harmless("\(collection)  \(by)"))
        }
        return .done
    }

    /// The durations are sent as they were typed: the server says what is wrong with them.
    private static func policy(_ arguments: ParsedArguments) throws(CommandFailure) -> JSONObject {
        let mode = try RetentionMode.ofOption(arguments.required("mode"))
        var policy: JSONObject = [
            "mode": .string(mode.rawValue),
            "minimum": .string(try arguments.required("min")),
            "default": .string(try arguments.required("default")),
            "maximum": .string(try arguments.required("max")),
        ]
        if let event = arguments.value("event") { policy["event"] = .string(event) }
        if arguments.flag("sealed") { policy["sealed"] = .bool(true) }
        return policy
    }
}

/// A policy in force as a line.
enum PolicyText {
    /// `payments  COMPLIANCE 7y (1y to 10y)  from event closed  sealed  by record 3`.
    static func line(_ inForce: JSONObject) -> String {
        let policy = inForce.object("policy") ?? JSONObject()
        let durations = ["default", "minimum", "maximum"].map { policy.text($0) ?? "?" }
        var parts = [
            inForce.text("collection") ?? "every other collection",
            "\(policy.text("mode") ?? "?") \(durations[0]) (\(durations[1]) to \(durations[2]))",
        ]
        if let event = policy.text("event") { parts.append("from event \(event)") }
        if policy.flag("sealed") == true { parts.append("sealed") }
        parts.append(inForce.number("act").map { "by record \($0)" } ?? "standard")
        return parts.joined(separator: "  ")
    }
}
