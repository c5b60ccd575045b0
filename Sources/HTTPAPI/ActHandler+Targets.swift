import EvidenceModel
import EvidenceStore
import HTTPMessage
import Platform
import Replication
import TransparencyLog

// The targets: what is done to them, and waiting for them.

extension ActHandler {
    /// The longest that one request waits for a target.
    private static let maximumWaitSeconds: UInt64 = 60
    private static let waitStepNanoseconds: UInt64 = 500_000_000

    private var targets: TargetService { request.api.targets }

    /// `POST /v1/targets`.
    func addTarget() throws(Refused) -> Response {
        let description = try members(TargetDescription.members)
            .targetDescription(region: request.api.configuration.targetRegion)
        let (status, outcome) = try targeting { () throws(TargetError) in
            try targets.add(description, by: request.principal)
        }
        let (act, receipt) = try only(outcome)
        return reply(
            ["act": act, "receipt": receipt, "target": .object(request.api.json(of: status))],
            isNew: true
        )
    }

    /// `DELETE /v1/targets/{name}`, with the reason in the body or the query.
    func removeTarget(_ text: String) throws(Refused) -> Response {
        let name = try Self.target(text)
        let reason = try removalReason()
        let outcome = try targeting { () throws(TargetError) in
            try targets.remove(name, by: request.principal, reason: reason)
        }
        let (act, receipt) = try only(outcome)
        return reply(
            ["act": act, "name": .string(name.text), "receipt": receipt],
            isNew: false
        )
    }

    private func removalReason() throws(Refused) -> Reason {
        let query = try Query(request.head.target, known: ["reason"])
        guard let text = query.first("reason") else {
            return try members(["reason"]).requiredReason()
        }
        guard body.isEmpty else {
            throw Refused(.badRequest, "Give the reason in the query or in the body, not in both.")
        }
        return try limiting { () throws(LimitViolation) in try Reason(text) }
    }

    /// `POST /v1/targets/{name}/probe`.
    func probeTarget(_ text: String) throws(Refused) -> Response {
        try noMembers()
        let name = try Self.target(text)
        let (report, outcome) = try targeting { () throws(TargetError) in
            try targets.probe(name)
        }
        let (act, receipt) = try only(outcome)
        return reply(
            [
                "act": act, "name": .string(name.text), "receipt": receipt,
                "report": .object(report.json),
            ],
            isNew: true
        )
    }

    /// `POST /v1/targets/{name}/reconcile`: begins a comparison, or asks for one that was begun.
    func reconcileTarget(_ text: String) throws(Refused) -> Response {
        let members = body.isEmpty ? nil : try members(["repair", "run", "seconds"])
        if members == nil { try noMembers() }
        let isRepairing = try members?.bool("repair")
        let seconds = try members?.number("seconds", in: 0...Self.maximumWaitSeconds)
        let begun = try members?.string("run")
        let name = try Self.target(text)
        _ = try targeting { () throws(TargetError) in try targets.status(of: name) }
        let id: String
        if let begun {
            guard isRepairing == nil else {
                throw Refused(
                    .badRequest,
                    "'run' asks for a comparison that was begun, 'repair' begins one: give one."
                )
            }
            id = begun
        } else {
            id = try beginComparison(of: name, isRepairing: isRepairing ?? false)
        }
        let run = try waiting(for: name, id, seconds: seconds)
        guard let outcome = run.outcome else {
            var response = reply(
                [
                    "done": .bool(false), "name": .string(name.text),
                    "percent": .integer(run.percent), "run": .string(id),
                ],
                isNew: false
            )
            response.status = 202
            return response
        }
        var object = try targeting { () throws(TargetError) in try outcome.get() }
        object["done"] = .bool(true)
        object["name"] = .string(name.text)
        object["run"] = .string(id)
        return reply(object, isNew: false)
    }

    private func beginComparison(
        of name: TargetName,
        isRepairing: Bool
    ) throws(Refused) -> String {
        let targets = targets
        let run = request.api.reconciliations.begin(name) { progress in
            do throws(TargetError) {
                return .success(
                    try targets.reconcile(name, repairing: isRepairing, progress: progress).json
                )
            } catch {
                return .failure(error)
            }
        }
        guard let run else {
            throw Refused(
                Problem(
                    .busy,
                    "A comparison of \(name) runs already; GET /v1/targets/\(name) tells how far "
                        + "it is.",
                    retryAfterSeconds: 5
                )
            )
        }
        return run.id
    }

    /// Waits in steps for a comparison, so that a server that stops does not have to wait too;
    /// without `seconds` to its end.
    private func waiting(
        for name: TargetName,
        _ id: String,
        seconds: UInt64?
    ) throws(Refused) -> Reconciliations.Run {
        let started = Clock.monotonicNanoseconds()
        let deadline = seconds.map { started + $0 * 1_000_000_000 } ?? .max
        while true {
            let step = Clock.monotonicNanoseconds() + Self.waitStepNanoseconds
            let runs = request.api.reconciliations
            guard let run = runs.wait(for: name, id, until: min(deadline, step)) else {
                throw Refused(
                    .notFound,
                    "There is no comparison '\(Query.excerpt(id))' of \(name): the server was "
                        + "restarted, or another one was begun since. Begin it anew."
                )
            }
            let isOver = Clock.monotonicNanoseconds() >= deadline || request.api.isClosing
            if run.outcome != nil || isOver { return run }
        }
    }

    /// `POST /v1/targets/{name}/phase`.
    func changePhase(of text: String) throws(Refused) -> Response {
        let members = try members(["phase", "reason"])
        let word = try members.requiredString("phase")
        guard let phase = TargetPhase(rawValue: word) else {
            let all = TargetPhase.allCases.map(\.rawValue).joined(separator: ", ")
            throw Refused(.limit, "'phase' must be one of \(all), not '\(Query.excerpt(word))'.")
        }
        let reason = try members.requiredReason()
        let name = try Self.target(text)
        let outcome = try targeting { () throws(TargetError) in
            try targets.change(name, to: phase, by: request.principal, reason: reason)
        }
        var object: JSONObject = [
            "name": .string(name.text), "phase": .string(phase.rawValue),
        ]
        guard !outcome.acts.isEmpty else { return reply(object, isNew: false) }
        let (act, receipt) = try only(outcome)
        object["act"] = act
        object["receipt"] = receipt
        return reply(object, isNew: true)
    }

    /// `POST /v1/targets/{name}/wait`.
    func wait(for text: String) throws(Refused) -> Response {
        let members = body.isEmpty ? nil : try members(["size", "seconds"])
        if members == nil { try noMembers() }
        let current = store.checkpoint.size
        let size = try members?.number("size", in: 0...current.value) ?? current.value
        let most = Self.maximumWaitSeconds
        let seconds = try members?.number("seconds", in: 0...most) ?? most
        let name = try Self.target(text)
        let deadline = Clock.monotonicNanoseconds() + seconds * 1_000_000_000
        let (status, isDone) = try waiting(for: name, TreeSize(size), until: deadline)
        return reply(
            [
                "done": .bool(isDone), "size": .count(size),
                "target": .object(request.api.json(of: status)),
            ],
            isNew: false
        )
    }

    /// Waits in steps, so that a server that stops does not have to wait too.
    private func waiting(
        for name: TargetName,
        _ size: TreeSize,
        until deadlineNanoseconds: UInt64
    ) throws(Refused) -> (status: TargetStatus, isDone: Bool) {
        while true {
            let now = Clock.monotonicNanoseconds()
            let (status, isDone) = try targeting { () throws(TargetError) in
                try targets.wait(
                    for: name,
                    size: size,
                    deadlineNanoseconds: min(deadlineNanoseconds, now + Self.waitStepNanoseconds)
                )
            }
            let isOver = Clock.monotonicNanoseconds() >= deadlineNanoseconds
            var isFenced = false
            if case .fenced = status.health { isFenced = true }
            if isDone || isOver || isFenced || request.api.isClosing { return (status, isDone) }
        }
    }

    // MARK: Reading

    private static func target(_ text: String) throws(Refused) -> TargetName {
        try limiting { () throws(LimitViolation) in try TargetName(text) }
    }

    /// No body, or an object without members; no query.
    func noMembers() throws(Refused) {
        _ = try Query(request.head.target, known: [])
        if !body.isEmpty { _ = try members([]) }
    }
}

extension TargetDescription {
    /// The members of its JSON form.
    fileprivate static let members = [
        "bucket", "endpoint", "kmsKey", "logRetention", "name", "pathStyle", "prefix", "profile",
        "region", "retentionProfile",
    ]

    /// How long tiles are locked where nothing else is said.
    fileprivate static let standardLogRetention = "10y"
}

extension BodyMembers {
    /// The target that the body describes as a whole.
    fileprivate func targetDescription(region: String) throws(Refused) -> TargetDescription {
        let name = try requiredString("name")
        let bucket = try requiredString("bucket")
        let duration = try string("logRetention") ?? TargetDescription.standardLogRetention
        var description = try limiting { () throws(LimitViolation) in
            TargetDescription(
                name: try TargetName(name),
                bucket: bucket,
                region: region,
                logRetention: try RetentionDuration(parsing: duration)
            )
        }
        if let region = try string("region") { description.region = region }
        description.endpoint = try string("endpoint")
        if let prefix = try string("prefix"), !prefix.isEmpty {
            description.prefix = prefix.hasSuffix("/") ? prefix : prefix + "/"
        }
        description.isPathStyle = try bool("pathStyle") ?? false
        description.kmsKey = try string("kmsKey")
        description.profile = try string("profile")
        description.retentionProfile = try string("retentionProfile")
        let complete = description
        try limiting { () throws(LimitViolation) in try complete.check() }
        return description
    }
}
