internal import Cryptography
internal import EvidenceModel
internal import Observability
internal import Platform
internal import TransparencyLog

/// What a monitor is asked to do.
struct MonitorSettings {
    var statePath = ""
    var keys: [VerifierKey] = []
    var comparesTiles = true
    var isJSON = false
    /// How old the last pass that ended well may be; nil: any age.
    var maximumAgeMilliseconds: Int64?

    /// The log's name, as all of the keys have it.
    var origin: String { keys[0].name }
}

/// Passes of a monitor, and what is told of them.
final class MonitorRun {
    private let settings: MonitorSettings
    private let reader: LogReader
    private let console: Console
    private let isStopping: () -> Bool
    private var state: MonitorState

    init(
        _ settings: MonitorSettings,
        _ reader: LogReader,
        _ console: Console,
        isStopping: @escaping () -> Bool = { false }
    ) throws(CommandFailure) {
        self.settings = settings
        self.reader = reader
        self.console = console
        self.isStopping = isStopping
        let path = settings.statePath
        let isThere: Bool
        do throws(SystemError) {
            isThere = try FileSystem.exists(path)
        } catch { throw CommandFailure(error) }
        if !isThere {
            try MonitorState.create(at: path, origin: settings.origin, note: nil)
            console.message("made \(path): what the log showed before today is not known")
        }
        state = try MonitorState(path, origin: settings.origin)
    }

    /// When a pass ended well for the last time.
    var lastPass: Timestamp? { state.position.lastPass }

    /// Looks once, tells of it, and gives the exit code.
    ///
    /// - Throws: what kept the monitor from finding out; the next pass goes on where this ended.
    func pass() throws(CommandFailure) -> ExitCode {
        try pass(over: state)
    }

    /// Reads and judges the whole log anew, and takes that for its state if nothing is wrong.
    ///
    /// The tree that was seen before must come by again.
    func passFromStart() throws(CommandFailure) -> ExitCode {
        guard state.violation == nil else { return try pass() }
        let path = settings.statePath + ".new"
        let origin = settings.origin
        do throws(SystemError) {
            try FileSystem.unlinkIfPresent(path)
            try FileSystem.unlinkIfPresent(path + "-lock")
        } catch { throw CommandFailure(error) }
        try MonitorState.create(at: path, origin: origin, note: state.position.note)
        let fresh = try MonitorState(path, origin: origin)
        let code = try pass(over: fresh)
        fresh.close()
        // What was caught stands in the state that is kept.
        if let violation = fresh.violation { try state.keep(violation) }
        do throws(SystemError) {
            if code == .done {
                state.close()
                try FileSystem.rename(path, to: settings.statePath)
                try FileSystem.syncDirectory(FileSystem.parent(of: settings.statePath))
            } else {
                try FileSystem.unlinkIfPresent(path)
            }
            try FileSystem.unlinkIfPresent(path + "-lock")
        } catch { throw CommandFailure(error) }
        if code == .done { state = try MonitorState(settings.statePath, origin: origin) }
        return code
    }

    private func pass(over state: MonitorState) throws(CommandFailure) -> ExitCode {
        let follower = LogFollower(
            state,
            reader,
            keys: settings.keys,
            comparesTiles: settings.comparesTiles,
            isStopping: isStopping
        )
        do throws(LogFollower.Failure) {
            tell(try follower.pass(at: Self.now))
            return .done
        } catch {
            switch error {
            case .failed(let failure): throw failure
            case .violation(let violation):
                try tell(violation)
                return .verificationFailed
            }
        }
    }

    static var now: Timestamp? { Timestamp(milliseconds: Clock.wallMilliseconds()) }

    // MARK: Telling

    private func tell(_ summary: LogFollower.Summary) {
        let ahead = Self.now.map {
            summary.lastReceived.milliseconds - $0.milliseconds
        }
        if let ahead, ahead > ClockReading.toleranceMilliseconds {
            console.message(
                "the newest record is of \(summary.lastReceived), \(ahead / 3_600_000) hours ahead "
                    + "of this machine's clock: one of both clocks is wrong"
            )
        }
        guard settings.isJSON else {
            var line = "log \(summary.origin): \(Amount.grouped(summary.size.value)) records, "
            line += "\(Amount.grouped(summary.newCount)) new, all rules hold"
            let hidden = summary.unjudged.holds + summary.unjudged.erasures
            if hidden > 0 { line += "; \(hidden) not to be judged, records are sealed" }
            if summary.isClosed { line += "; the log is closed" }
            console.result(line)
            return console.flush()
        }
        var line = JSONLine()
        line.add("origin", summary.origin)
        line.add("size", summary.size.value)
        line.add("root", summary.root.base64)
        line.add("new", summary.newCount)
        line.add("acts", summary.actCount)
        line.add("tiles", summary.tileCount)
        line.add("unjudgedHolds", summary.unjudged.holds)
        line.add("unjudgedErasures", summary.unjudged.erasures)
        line.add("lastReceived", summary.lastReceived.rfc3339)
        line.add("closed", summary.isClosed)
        line.add("rulesHold", true)
        console.result(line.text)
        console.flush()
    }

    private func tell(_ violation: MonitorViolation) throws(CommandFailure) {
        let file = try keep(violation)
        let indexes = violation.records.map { "\($0)" }
        if settings.isJSON {
            var line = JSONLine()
            line.add("origin", settings.origin)
            line.add("rulesHold", false)
            line.add("violation", violation.rule)
            line.add("detail", violation.detail)
            line.add("records", json: Array("[\(indexes.joined(separator: ","))]".utf8))
            line.add("evidence", file)
            console.result(line.text)
        } else {
            console.result(
                "log \(settings.origin): VIOLATION, \(violation.rule): "
                    + Console.harmless(violation.detail)
            )
        }
        console.flush()
        console.failure("\(violation.rule): \(violation.detail)")
        if let known = violation.known {
            console.plainMessage("the checkpoint that was verified before:\n\(known)")
        }
        console.plainMessage("the checkpoint with which it was found:\n\(violation.seen)")
        console.message("the proof is in \(file): keep it, and tell the log's auditors")
        if violation.isKept {
            console.message("each run with this state says so, until \(state.path) is moved away")
        }
    }

    /// Writes the proof beside the state; once for each.
    private func keep(_ violation: MonitorViolation) throws(CommandFailure) -> String {
        let digest = SHA256.hash(
            Array((violation.rule + violation.detail + violation.seen).utf8).span
        )
        let ending = "-\(violation.rule)-\(digest.hex.prefix(8))"
        let path = settings.statePath
        let time = Self.now ?? .earliest
        do throws(SystemError) {
            let folder = FileSystem.parent(of: path)
            let beginning = FileSystem.name(of: path) + ".evidence-"
            let there = try FileSystem.list(folder).first {
                $0.hasPrefix(beginning) && $0.hasSuffix(ending)
            }
            if let there { return folder == "." ? there : "\(folder)/\(there)" }
            let compact = time.rfc3339.filter { $0 != "-" && $0 != ":" }.prefix(15) + "Z"
            let report = violation.report(
                origin: settings.origin,
                server: reader.server,
                at: time
            )
            let file = "\(path).evidence-\(compact)\(ending)"
            try FileSystem.writeDurably(Array(report.utf8).span, to: file, permissions: 0o640)
            return file
        } catch { throw CommandFailure(error) }
    }
}

/// Keeps a state for one process.
final class MonitorLock {
    private let file: File

    init(_ path: String) throws(CommandFailure) {
        do throws(SystemError) {
            file = try File(path + ".lock", .createOrTruncate(permissions: 0o600))
            guard try !file.tryLockExclusively() else { return }
        } catch { throw CommandFailure(error) }
        throw CommandFailure(
            .tryAgain,
            "another monitor uses \(path)",
            advice: "one at a time: give each its own --state"
        )
    }
}
