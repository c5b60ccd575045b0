internal import EvidenceModel

/// `strongroom target`: the second copy, in buckets with Object Lock.
enum TargetCommands {
    static let family = CommandFamily(
        name: "target",
        summary: "keep a second copy in a bucket with Object Lock",
        about: [
            "A target is a bucket that receives all that the log takes. Its phase says what",
            "is acknowledged: local (the disk; the bucket follows), dual, s3-primary and",
            "local-backup (both). Credentials are the server's, from its environment.",
        ]
    )

    static let add = Command(
        specification: CommandSpecification(
            name: "target add",
            group: .copies,
            summary: "begin a second copy in a bucket",
            operands: [OperandSpecification(name: "NAME", count: .one)],
            options: [
                .value("bucket", "B", "the bucket (required)"),
                .value("endpoint", "URL", "scheme, host, port; default Amazon's in the region"),
                .value("region", "R", "default the server's AWS_REGION, else us-east-1"),
                .value("prefix", "P", "what stands before every key"),
                .flag("path-style", "the bucket stands in the path, not in the host name"),
                .value("kms-key", "ID", "the store encrypts with this key (SSE-KMS)"),
                .value("profile", "P", "profile of the server's AWS files that writes"),
                .value("retention-profile", "P", "the one that may delete; default: none may"),
                .value("log-retention", "D", "how long tiles are locked; default 10y"),
            ] + OptionSpecification.client,
            about: [
                "",
                "The server tries all that it needs there first (keys, region, versioning, Object",
                "Lock, clocks, the bucket's owner, whether locks hold), and records nothing if",
                "something is missing. Takes some seconds.",
            ],
            example: "strongroom target add frankfurt --bucket copy --region eu-central-1"
        )
    ) { (arguments, console) throws(CommandFailure) in
        let name = arguments.operands[0]
        var body: JSONObject = [
            "bucket": .string(try arguments.required("bucket")), "name": .string(name),
        ]
        for (option, member) in texts {
            body[member] = arguments.value(option).map { .string($0) }
        }
        if arguments.flag("path-style") { body["pathStyle"] = .bool(true) }
        let reply = try Server(arguments).connectPatiently().send(
            .post,
            RequestPath("/v1/targets"),
            body,
            what: "target \(name)",
            .actsAgain
        )
        if arguments.flag("json") {
            console.result(reply.object.line)
        } else {
            let by = TargetText.by(reply.object)
            console.result(Console.harmless("\(name)  added\(by)"))
        }
        return .done
    }

    /// Options whose values are members as they are.
    private static let texts = [
        ("endpoint", "endpoint"), ("region", "region"), ("prefix", "prefix"),
        ("kms-key", "kmsKey"), ("profile", "profile"), ("retention-profile", "retentionProfile"),
        ("log-retention", "logRetention"),
    ]

    static let list = Command(
        specification: CommandSpecification(
            name: "target list",
            group: .copies,
            summary: "list the targets and how far each is",
            operands: [],
            options: OptionSpecification.client,
            about: [
                "",
                "Prints  name  phase  health  how much stands there  where  a target.",
            ],
            example: "strongroom target list"
        )
    ) { (arguments, console) throws(CommandFailure) in
        let path = RequestPath("/v1/targets")
        let reply = try Server(arguments).connect().getObject(path, what: "targets")
        guard let targets = reply.objects("targets") else { throw JSONReply.malformed("targets") }
        for target in targets {
            let line = arguments.flag("json") ? target.line : TargetText.line(target)
            console.result(Console.harmless(line))
        }
        if targets.isEmpty { console.message("there is no target: one copy, on the server's disk") }
        return .done
    }

    static let show = Command(
        specification: CommandSpecification(
            name: "target show",
            group: .copies,
            summary: "show how a target stands",
            operands: [OperandSpecification(name: "NAME", count: .one)],
            options: OptionSpecification.client,
            about: [
                "",
                "Shows where NAME is, its phase and health, what stands there, what is missing or",
                "still to be changed or deleted there, and how the last lock probe went.",
            ],
            example: "strongroom target show frankfurt"
        )
    ) { (arguments, console) throws(CommandFailure) in
        let name = arguments.operands[0]
        let target = try Server(arguments).connect().getObject(
            Self.path(name),
            what: "target \(name)"
        )
        if arguments.flag("json") {
            console.result(target.line)
        } else {
            for line in TargetText.lines(target) { console.result(Console.harmless(line)) }
        }
        return .done
    }

    static let remove = Command(
        specification: CommandSpecification(
            name: "target remove",
            group: .copies,
            summary: "end a second copy; what stands there stays",
            operands: [OperandSpecification(name: "NAME", count: .one)],
            options: [.reason] + OptionSpecification.client,
            about: [
                "",
                "Ends replication to NAME for good. Nothing is deleted there; its locks go on.",
                "The name is not given again.",
            ],
            example: "strongroom target remove frankfurt --reason moved-to-dublin"
        )
    ) { (arguments, console) throws(CommandFailure) in
        let name = arguments.operands[0]
        let reply = try Server(arguments).connect().send(
            .delete,
            Self.path(name),
            ["reason": .string(try arguments.required("reason"))],
            what: "target \(name)",
            .actsAgain
        )
        if arguments.flag("json") {
            console.result(reply.object.line)
        } else {
            console.result(Console.harmless("\(name)  removed\(TargetText.by(reply.object))"))
        }
        return .done
    }

    static let phase = Command(
        specification: CommandSpecification(
            name: "target phase",
            group: .copies,
            summary: "take a target one phase on, or back",
            operands: [
                OperandSpecification(name: "NAME", count: .one),
                OperandSpecification(name: "PHASE", count: .one),
            ],
            options: [.reason] + OptionSpecification.client,
            about: [
                "",
                "PHASE is local, dual, s3-primary or local-backup, one step from the present one.",
                "Waits until all is verified there and compares both copies; with any difference",
                "it is refused, and says how many there are.",
            ],
            example: "strongroom target phase frankfurt dual --reason both-copies-count"
        )
    ) { (arguments, console) throws(CommandFailure) in
        let (name, phase) = (arguments.operands[0], arguments.operands[1])
        guard TargetPhase(rawValue: phase) != nil else {
            let all = TargetPhase.allCases.map(\.rawValue).joined(separator: ", ")
            throw .usage("PHASE is '\(phase)', not one of \(all)")
        }
        let reply = try Server(arguments).connectPatiently().send(
            .post,
            Self.path(name, "phase"),
            ["phase": .string(phase), "reason": .string(try arguments.required("reason"))],
            what: "phase \(phase) of \(name)",
            .actsAgain
        )
        if arguments.flag("json") {
            console.result(reply.object.line)
        } else {
            console.result(Console.harmless("\(name)  \(phase)\(TargetText.by(reply.object))"))
        }
        return .done
    }

    /// The path of a target, or of what is done to it.
    static func path(_ name: String, _ action: String? = nil) -> RequestPath {
        var path = RequestPath("/v1/targets")
        path.addSegment(name)
        if let action { path.addSegment(action) }
        return path
    }
}
