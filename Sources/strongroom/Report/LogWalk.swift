internal import EvidenceModel
internal import Platform
internal import TransparencyLog

/// Reads a log from its first record to its newest checkpoint, and proves and judges all of it: a
/// monitor's first look, whose memory is thrown away.
///
/// The evidence is kept in a file beside the output, so that a log of any size takes little memory.
final class LogWalk {
    /// What came of it.
    struct Outcome {
        /// The checkpoint that everything was proven against.
        let signed: SignedCheckpoint
        /// What the log was caught at; what follows was not judged.
        let violation: MonitorViolation?
        /// All evidence that was judged, until the walk is closed.
        let state: MonitorState
    }

    private let reader: LogReader
    private let keys: [VerifierKey]
    private let path: String

    /// `directory` has room for about 250 bytes a record.
    init(_ reader: LogReader, keys: [VerifierKey], in directory: String) {
        self.reader = reader
        self.keys = keys
        path = "\(directory)/.strongroom-\(TemporaryName.make()).state"
    }

    /// Reads; the observer is told of every record.
    func run(_ observer: any LogObserver) throws(CommandFailure) -> Outcome {
        let origin = keys[0].name
        try MonitorState.create(at: path, origin: origin, note: nil)
        let state = try MonitorState(path, origin: origin)
        let follower = LogFollower(
            state,
            reader,
            keys: keys,
            comparesTiles: false,
            observer: observer
        )
        var note = ""
        var violation: MonitorViolation?
        do throws(LogFollower.Failure) {
            _ = try follower.pass(at: nil)
            note = state.position.note ?? ""
        } catch {
            switch error {
            case .failed(let failure): throw Self.explained(failure)
            case .violation(let found):
                violation = found
                note = found.seen
            }
        }
        do throws(NoteError) {
            let signed = try SignedCheckpoint.open(note, origin: origin, keys: keys)
            return Outcome(signed: signed, violation: violation, state: state)
        } catch { throw CommandFailure(.bug, "the checkpoint that was verified is not: \(error)") }
    }

    /// Removes what was kept.
    func close(_ outcome: Outcome?) {
        outcome?.state.close()
        for ending in ["", "-lock", ".making", ".making-lock"] {
            try? FileSystem.unlinkIfPresent(path + ending)
        }
    }

    /// A token for some collections does not see the entries of all.
    private static func explained(_ failure: CommandFailure) -> CommandFailure {
        guard failure.code == .refused else { return failure }
        return CommandFailure(
            failure.code,
            failure.message,
            advice: "entries show every collection: it takes an auditor's token that is confined "
                + "to none. Without the other collections nobody can tell that no record was left "
                + "out, nor what acts did to those that it may see"
        )
    }
}

/// Shows on a terminal how far a walk has come.
final class WalkProgress {
    private let console: Console
    private var shown: UInt64 = 0

    init(_ console: Console) { self.console = console }

    func show(_ count: UInt64, _ what: String) {
        let now = Clock.monotonicNanoseconds()
        guard now - shown >= 100_000_000 else { return }
        shown = now
        console.progress("\(Amount.grouped(count)) \(what)")
    }
}
