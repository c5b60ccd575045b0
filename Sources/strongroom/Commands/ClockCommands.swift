internal import EvidenceModel

/// `strongroom clock`: the clock that decides when locks are over.
enum ClockCommands {
    static let family = CommandFamily(
        name: "clock",
        summary: "show the compliance clock, or set it forward",
        about: [
            "Locks end by the compliance clock, which never goes back and cannot be moved by",
            "the machine's. While the two differ by more than a day nothing is erased or",
            "taken.",
        ]
    )

    static let show = Command(
        specification: CommandSpecification(
            name: "clock show",
            group: .log,
            summary: "show both clocks, the budget, and what blocks",
            operands: [],
            options: OptionSpecification.client,
            about: [
                "",
                "Shows the compliance clock, the machine's (wall) clock, by how much they differ,",
                "and by how much a restart may still set the compliance clock forward.",
            ],
            example: "strongroom clock show"
        )
    ) { (arguments, console) throws(CommandFailure) in
        let path = RequestPath("/v1/clock")
        let clock = try Server(arguments).connect().getObject(path, what: "clock")
        if arguments.flag("json") {
            console.result(clock.line)
        } else {
            for line in ClockText.lines(clock) { console.result(Console.harmless(line)) }
        }
        return .done
    }

    static let resync = Command(
        specification: CommandSpecification(
            name: "clock resync",
            group: .log,
            summary: "set the compliance clock forward; takes two persons",
            operands: [],
            options: [.reason] + OptionSpecification.client,
            about: [
                "",
                "Sets the compliance clock to the wall clock when a second person repeats it,",
                "whose token comes from another creator. Look first whether the wall clock is",
                "right: locks end by it from then on, and the compliance clock never goes back.",
                "A server with two witnesses or authorities of time does without; see",
                "'strongroom clock show'.",
            ],
            example: "strongroom clock resync --reason off-for-five-weeks"
        )
    ) { (arguments, console) throws(CommandFailure) in
        let body: JSONObject = ["reason": .string(try arguments.required("reason"))]
        let reply = try Server(arguments).connect().send(
            .post,
            RequestPath("/v1/clock/resync"),
            body,
            what: "resync",
            .actsAgain
        )
        if arguments.flag("json") {
            console.result(reply.object.line)
        } else {
            for line in ClockText.resync(reply) { console.result(Console.harmless(line)) }
        }
        return .done
    }
}

/// The state of the clocks as lines.
enum ClockText {
    static func lines(_ clock: JSONObject) -> [String] {
        var lines = [
            RecordText.row("compliance", clock.text("compliance") ?? "?"),
            RecordText.row("wall", clock.text("wall") ?? "outside of the years 1970 to 9999"),
        ]
        if let seconds = clock.signedNumber("differenceSeconds") {
            lines.append(RecordText.row("difference", difference(seconds)))
        }
        if let budget = clock.number("budgetSeconds") {
            lines.append(RecordText.row("budget", "\(span(budget)) that a restart may make up for"))
        }
        if let sources = clock.number("timeSources") {
            lines.append(RecordText.row("sources", Self.sources(sources)))
        }
        if clock.flag("settled") == true {
            lines.append(RecordText.row("state", "settled: nothing is blocked"))
        } else {
            lines.append(
                RecordText.row("state", "UNSETTLED: no evidence is taken, no lock, event or")
            )
            lines.append(RecordText.row("", "erasure; holds, policies, tokens and resync are"))
        }
        if let pending = clock.object("pendingResync") { lines += Self.pending(pending) }
        return lines
    }

    private static func sources(_ count: UInt64) -> String {
        switch count {
        case 0: "no witness or authority is asked for the time: beyond the budget it takes persons"
        case 1: "one witness or authority is asked for the time; it takes two to settle the clock"
        default: "\(count) witnesses and authorities; two that are independent settle the clock"
        }
    }

    static func resync(_ reply: JSONReply) -> [String] {
        if let from = reply.object.text("from"), let to = reply.object.text("to") {
            let by = reply.object.number("act").map { ", record \($0)" } ?? ""
            return ["the compliance clock was set from \(from) to \(to)\(by)"]
        }
        guard let pending = reply.object.object("pendingResync") else { return lines(reply.object) }
        return Self.pending(pending) + ["nothing has changed yet"]
    }

    private static func pending(_ pending: JSONObject) -> [String] {
        let by = pending.text("by") ?? "?"
        var text = "resync asked for by \(by)"
        if let at = pending.text("at") { text += " at \(at)" }
        if let reason = pending.text("reason") { text += ": \(reason)" }
        let until = pending.text("expires").map { " until \($0)" } ?? ""
        return [
            RecordText.row("pending", text),
            RecordText.row("", "waits\(until) for a second person to repeat it"),
        ]
    }

    /// `compliance clock 3 s ahead`.
    static func difference(_ seconds: Int64) -> String {
        if seconds == 0 { return "less than a second" }
        let which = seconds > 0 ? "compliance" : "wall"
        return "\(which) clock \(span(seconds.magnitude)) ahead"
    }

    /// `6 d 23 h`, `4 h 10 min`, `3 s`: the two largest units.
    static func span(_ seconds: UInt64) -> String {
        let parts = [
            (seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "min"),
            (seconds % 60, "s"),
        ]
        let first = parts.firstIndex { $0.0 > 0 } ?? 3
        return parts[first...].prefix(2).filter { $0.0 > 0 || seconds == 0 }
            .map { "\($0.0) \($0.1)" }.joined(separator: " ")
    }
}
