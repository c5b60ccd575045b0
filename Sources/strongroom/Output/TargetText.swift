internal import EvidenceModel

/// How a person reads what the server says of targets.
enum TargetText {
    /// `frankfurt  dual  running  all of 120 records  s3://copy/a/`.
    static func line(_ target: JSONObject) -> String {
        let name = target.text("name") ?? "?"
        let phase = target.text("phase") ?? "?"
        return [name, phase, health(target), extent(target), place(target)].joined(separator: "  ")
    }

    /// All of it.
    static func lines(_ target: JSONObject) -> [String] {
        let description = target.object("description") ?? JSONObject()
        var lines = [
            row("target", target.text("name") ?? "?"), row("bucket", place(target)),
            row("region", description.text("region") ?? "?"),
        ]
        for (name, member) in [
            ("endpoint", "endpoint"), ("KMS key", "kmsKey"), ("profile", "profile"),
        ] {
            if let text = description.text(member) { lines.append(row(name, text)) }
        }
        lines.append(
            row(
                "deletes",
                description.text("retentionProfile").map { "with the profile \($0)" }
                    ?? "nothing: it has no retention profile"
            )
        )
        lines.append(row("tiles", "locked for \(description.text("logRetention") ?? "?")"))
        lines.append(row("phase", target.text("phase") ?? "?"))
        lines.append(row("health", health(target)))
        if let reason = target.text("reason") { lines.append(row("", reason)) }
        lines.append(row("copy", extent(target)))
        lines += work(target)
        lines.append(row("probe", probed(target.object("lastProbe"))))
        if target.flag("conditionalWrites") == false {
            lines.append(row("fence", "NONE: the store would not notice a second writer"))
        }
        if let statistics = target.object("statistics") { lines += requests(statistics) }
        return lines
    }

    private static func row(_ name: String, _ value: String) -> String {
        RecordText.row(name, value)
    }

    private static func health(_ target: JSONObject) -> String {
        let word = target.text("health") ?? "?"
        return word == "running" ? word : word.uppercased()
    }

    /// `s3://copy/a/`.
    private static func place(_ target: JSONObject) -> String {
        let description = target.object("description") ?? JSONObject()
        return "s3://\(description.text("bucket") ?? "?")/\(description.text("prefix") ?? "")"
    }

    /// `100 of 120 records, 3 s behind`.
    private static func extent(_ target: JSONObject) -> String {
        let size = target.number("size") ?? 0
        let replicated = target.number("replicated") ?? 0
        guard replicated < size else { return "all of \(Amount.count(size, "record"))" }
        let seconds = target.number("lagSeconds") ?? 0
        return "\(Amount.grouped(replicated)) of \(Amount.count(size, "record")), "
            + "\(ClockText.span(seconds)) behind"
    }

    /// What is still to be done there.
    private static func work(_ target: JSONObject) -> [String] {
        var lines: [String] = []
        let bytes = target.number("objectBytes") ?? 0
        let objects = Amount.count(target.number("objects") ?? 0, "object")
        lines.append(row("objects", "\(objects), \(Amount.bytes(bytes))"))
        if let count = target.number("unpacked"), count > 0 {
            lines.append(
                row("unpacked", "\(Amount.count(count, "record")) in journal objects only")
            )
        }
        if let count = target.number("pending"), count > 0 {
            let until = target.text("pendingUntil").map { ", locked there until \($0)" } ?? ""
            lines.append(
                row("pending", "\(Amount.count(count, "newer lock")) not in force there\(until)")
            )
        }
        if let count = target.number("unpurged"), count > 0 {
            lines.append(
                row("unpurged", "\(Amount.count(count, "erased record")) of which versions stand")
            )
        }
        return lines
    }

    private static func probed(_ probe: JSONObject?) -> String {
        guard let probe else { return "never" }
        let verdict = probe.flag("compliant") == true ? "locks are enforced" : "LOCKS DO NOT HOLD"
        let record = probe.number("record").map { ", record \($0)" } ?? ""
        return "\(verdict), \(probe.text("at") ?? "?")\(record)"
    }

    private static func requests(_ statistics: JSONObject) -> [String] {
        let sent = Amount.count(statistics.number("requests") ?? 0, "request")
        let again = Amount.grouped(statistics.number("repetitions") ?? 0)
        let faults = Amount.count(statistics.number("faults") ?? 0, "fault")
        var lines = [row("requests", "\(sent), \(again) of them repeated, \(faults)")]
        if let circuit = statistics.text("circuit"), circuit != "closed" {
            lines.append(row("", "the circuit breaker is \(circuit)"))
        }
        return lines
    }

    // MARK: What was done

    /// `  by record 57`; empty where no act was needed.
    static func by(_ reply: JSONObject) -> String {
        ActText.by(reply.number("act").map { [$0] })
    }

    /// Each rule, and the verdict.
    static func probe(_ name: String, _ report: JSONObject, _ reply: JSONObject) -> [String] {
        let findings = report.object("findings")?.members ?? []
        var lines = findings.map { member in
            var word = "?"
            if case .string(let text) = member.value { word = text }
            return "\(member.name)  \(word == "enforced" ? word : word.uppercased())"
        }
        if report.flag("conditions") == false {
            lines.append("conditional writes  NOT KEPT: a second writer would not be noticed")
        }
        if let detail = report.text("detail") { lines.append(detail) }
        let verdict =
            report.flag("compliant") == true ? "enforces locks" : "DOES NOT ENFORCE ALL LOCKS"
        lines.append("\(name)  \(verdict)\(by(reply))")
        return lines
    }

    /// `target  packs/…  other bytes under a newer version  repaired`.
    static func finding(_ finding: JSONObject) -> String {
        var parts = [
            finding.text("side") ?? "?", finding.text("what") ?? "?",
            finding.text("problem") ?? "?",
        ]
        if finding.flag("repaired") == true { parts.append("repaired") }
        return parts.joined(separator: "  ")
    }

    /// `stray  journal/…  version 3f…  it is of another node with this log's key: …`.
    static func stray(_ stray: JSONObject) -> String {
        [
            "stray", stray.text("what") ?? "?", "version \(stray.text("version") ?? "?")",
            stray.text("problem") ?? "?",
        ].joined(separator: "  ")
    }

    /// `frankfurt: 3 differences in 40 objects and 1,000 payloads, 2 repaired`, and what is next.
    static func outcome(_ name: String, _ reply: JSONObject, repairing: Bool) -> [String] {
        let count = reply.number("differences") ?? 0
        let repaired = reply.number("repaired") ?? 0
        let differences = Amount.count(count, "difference")
        let objects = Amount.count(reply.number("checkedObjects") ?? 0, "object")
        let payloads = Amount.count(reply.number("checkedPayloads") ?? 0, "payload")
        let tail = repaired > 0 ? ", \(Amount.grouped(repaired)) repaired" : ""
        var lines = ["\(name): \(differences) in \(objects) and \(payloads)\(tail)"]
        let shown = UInt64(reply.objects("findings")?.count ?? 0)
        if shown < count { lines.append("only the first \(Amount.grouped(shown)) are shown") }
        if repaired < count {
            lines.append(
                repairing
                    ? "what is left cannot be repaired from the other side: see "
                        + "ops/runbooks/target-reconcile.md"
                    : "'strongroom target reconcile \(name) --repair' repairs what is damaged on "
                        + "one side only"
            )
        }
        let strays = reply.number("strayCount") ?? 0
        if strays > 0 {
            lines.append(
                "\(Amount.count(strays, "object")) there that this log did not store, and that "
                    + "were left alone: see ops/runbooks/target-reconcile.md"
            )
        }
        return lines
    }

    // MARK: Progress

    /// `[####····] 9,400 of 10,000 records  0:03 so far`.
    static func progress(_ target: JSONObject, size: UInt64, seconds: Double) -> String {
        let replicated = min(target.number("replicated") ?? 0, size)
        let unpacked = min(target.number("unpacked") ?? 0, replicated)
        let done = replicated - unpacked
        let share = size > 0 ? Double(done) / Double(size) : 1
        return "\(bar(share))  \(Amount.grouped(done)) of \(Amount.count(size, "record"))  "
            + "\(Amount.time(seconds: seconds)) so far"
    }

    /// `[####····] 41 %  0:03 left`.
    static func progress(percent: UInt64, seconds: Double) -> String {
        let share = min(1, Double(percent) / 100)
        let left = share > 0 ? seconds / share - seconds : .infinity
        return "\(bar(share))  \(percent) %  \(Amount.time(seconds: left)) left"
    }

    private static func bar(_ share: Double) -> String {
        let full = Int((min(max(share, 0), 1) * 20).rounded(.down))
        return "[" + String(repeating: "#", count: full)
            + String(repeating: "·", count: 20 - full) + "]"
    }
}
