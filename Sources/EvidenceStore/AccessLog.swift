package import Cryptography
import Platform

/// Which evidence was read, by whom (`state/access/`): a file a day, a line a read, in one chain.
///
/// Reads are too many to be records of the log. Instead their lines are chained: h(n) =
/// SHA-256(h(n-1) ‖ line n), with 32 zero bytes before line 1, and the head of each finished day
/// becomes a record (`access.digest`). What has a digest cannot be changed unseen.
///
/// - Lines are written and synced by a thread of its own each second, and at `close`: a crash loses
///   the last second at most, and never the middle.
/// - `record` drops nothing: while 4 MiB wait to be written, it waits too.
/// - The files ascend in the chain as their days do. An entry that is older than the newest file's
///   day goes into that file: no file is ever written again after the next one was begun.
/// - A full disk is tried again each second; any other failed write or sync is the end: then
///   `record` returns false.
package final class AccessLog: Sendable {
    /// A place in the chain: how many lines come before it, and the head there.
    package struct Position: Hashable, Sendable {
        package let count: UInt64
        package let head: SHA256Digest

        package init(count: UInt64, head: SHA256Digest) {
            self.count = count
            self.head = head
        }

        /// Before the first line.
        package static let start: Position = {
            let zeros = [UInt8](repeating: 0, count: SHA256Digest.sizeBytes)
            guard let head = SHA256Digest(zeros.span) else {
                preconditionFailure("a digest has as many bytes")
            }
            return Position(count: 0, head: head)
        }()
    }

    /// How the chain stood at the end of a day; `count` is that of the whole chain until then.
    package struct Digest: Hashable, Sendable {
        /// `2026-11-21`.
        package let day: String
        package let count: UInt64
        package let head: SHA256Digest

        package init(day: String, count: UInt64, head: SHA256Digest) {
            self.day = day
            self.count = count
            self.head = head
        }
    }

    /// What went wrong when lines were written.
    package enum Trouble: Error, Equatable, Sendable {
        /// Nothing is lost; it is tried again each second.
        case retrying(StoreError)
        /// For good; lines that were recorded and not written are lost, as after a crash.
        case stopped(StoreError, lostEntries: UInt64)
    }

    private struct State {
        /// Behind the last line that was recorded.
        var position: Position
        /// Behind the last line that is durable.
        var durableCount: UInt64
        var day: Int64
        var pieces: [AccessFileWriter.Piece] = []
        /// Bytes recorded and not yet durable.
        var waitingBytes = 0
        var isFlushing = false
        var isClosed = false
        var trouble: Trouble?

        var hasEnded: Bool {
            if case .stopped = trouble { true } else { isClosed }
        }
    }

    /// Lines that were recorded since the log was opened.
    package let entries = Counter()
    /// Writes and syncs that failed.
    package let failures = Counter()
    /// Calls of `record` that had to wait, for 4 MiB were not yet written.
    package let waits = Counter()

    private let directory: String
    private let onTrouble: @Sendable (Trouble) -> Void
    private let state: Mutex<State>
    private let changed = Condition()
    private let thread = Mutex<Thread?>(nil)

    private static let waitingLimitBytes = 4 << 20
    private static let earlyWriteBytes = 1 << 20
    private static let intervalNanoseconds: UInt64 = 1_000_000_000

    /// Opens the log's access log, or begins one, and starts its thread.
    ///
    /// A last line that a crash cut is removed. `beginning`: where the chain begins if there is no
    /// line of it here. `onTrouble`: called on the log's own thread for
    /// each write that fails.
    /// - Throws: `damaged` if the newest file is not as it was written: take it away to go on (what
    ///   it held is then missing for good). `system`.
    package init(
        _ paths: StorePaths,
        from beginning: Position = .start,
        onTrouble: @escaping @Sendable (Trouble) -> Void
    ) throws(StoreError) {
        directory = paths.access
        self.onTrouble = onTrouble
        let files = try AccessFiles.recover(paths, from: beginning)
        let writer = AccessFileWriter(directory: paths.access, newest: files.newest)
        state = Mutex(
            State(
                position: files.position,
                durableCount: files.position.count,
                day: files.newest?.day ?? -1
            )
        )
        // The thread holds the log until `close`.
        thread.withLock { $0 = Thread(name: "access-log") { self.run(writer) } }
    }

    /// Adds a line.
    ///
    /// Durable within a second or so. Any thread; does not wait for the disk unless 4 MiB wait
    /// already.
    /// - Returns: False after `close` or after a failure that is final: the read should be refused.
    @discardableResult
    package func record(_ entry: AccessEntry) -> Bool {
        let parts = AccessLine.parts(of: entry)
        let isTaken = state.withLock { add(entry.day, parts, to: &$0) }
        if let isTaken { return isTaken }
        waits.add()
        changed.broadcast()
        return state.withLock(
            when: { $0.hasEnded || $0.waitingBytes < Self.waitingLimitBytes },
            on: changed
        ) { add(entry.day, parts, to: &$0) ?? false }
    }

    /// Nil: there is no room.
    private func add(
        _ day: Int64,
        _ parts: (head: [UInt8], tail: [UInt8]),
        to state: inout State
    ) -> Bool? {
        guard !state.hasEnded else { return false }
        guard state.waitingBytes < Self.waitingLimitBytes else { return nil }
        if state.pieces.isEmpty || day > state.day {
            state.day = max(day, state.day)
            state.pieces.append(AccessFileWriter.Piece(day: state.day))
        }
        let last = state.pieces.count - 1
        let before = state.pieces[last].bytes.count
        state.position = AccessLine.append(
            parts,
            after: state.position,
            to: &state.pieces[last].bytes
        )
        state.pieces[last].bytes.append(UInt8(ascii: "\n"))
        state.pieces[last].endCount = state.position.count
        let added = state.pieces[last].bytes.count - before
        state.waitingBytes += added
        entries.add()
        // Else the thread wakes by itself.
        let isMuch = state.waitingBytes >= Self.earlyWriteBytes
        if isMuch && state.waitingBytes - added < Self.earlyWriteBytes { changed.broadcast() }
        return true
    }

    /// Behind the last line that was recorded; it may not be durable yet.
    package var position: Position { state.withLock { $0.position } }

    /// Bytes that are recorded and not yet durable.
    package var waitingBytes: Int { state.withLock { $0.waitingBytes } }

    /// Why the last write failed, until one succeeds.
    package var trouble: Trouble? { state.withLock { $0.trouble } }

    /// Waits until every line that was recorded before is durable.
    ///
    /// - Throws: Why that is not so.
    package func flush() throws(StoreError) {
        let target = state.withLock { state in
            state.isFlushing = true
            return state.position.count
        }
        changed.broadcast()
        let trouble = state.withLock(
            when: { $0.durableCount >= target || $0.trouble != nil },
            on: changed
        ) { $0.durableCount >= target ? nil : $0.trouble }
        switch trouble {
        case nil: return
        case .retrying(let error), .stopped(let error, _): throw error
        }
    }

    /// The digests of the days before `day` (`2026-11-21`) that have a file, ascending.
    ///
    /// `after`: only of the days after this one. What they cover is durable.
    /// - Throws: What `flush` throws; `damaged` if the end of a file is not as it was written.
    package func digests(
        before day: String,
        after: String? = nil
    ) throws(StoreError) -> [Digest] {
        try flush()
        var digests: [Digest] = []
        // Days of four-digit years order as their texts do.
        for file in try AccessFiles.days(in: directory) where file.text < day {
            if let after, file.text <= after { continue }
            let end = try AccessFiles.end(of: "\(directory)/\(file.text).log")
            guard let position = end.position else { continue }
            digests.append(
                Digest(day: file.text, count: position.count, head: position.head)
            )
        }
        return digests
    }

    /// Writes what waits and ends the thread.
    package func close() {
        state.withLock { $0.isClosed = true }
        changed.broadcast()
        let running = thread.withLock { held in
            defer { held = nil }
            return held
        }
        running?.join()
    }
}

// The thread.
extension AccessLog {
    private func run(_ writer: AccessFileWriter) {
        var isOpen = true
        while isOpen {
            let deadline = Clock.monotonicNanoseconds() + Self.intervalNanoseconds
            let pieces = state.withLock(
                when: {
                    $0.isClosed || $0.isFlushing || $0.waitingBytes >= Self.earlyWriteBytes
                },
                on: changed,
                deadlineNanoseconds: deadline
            ) { state in
                isOpen = !state.isClosed
                state.isFlushing = false
                defer { state.pieces = [] }
                return state.pieces
            }
            guard pieces.isEmpty || write(pieces, writer) else { return }
        }
    }

    /// Writes until all is durable, or until it is clear that it will never be.
    private func write(_ pieces: [AccessFileWriter.Piece], _ writer: AccessFileWriter) -> Bool {
        for piece in pieces {
            while true {
                do throws(SystemError) {
                    try writer.write(piece)
                    break
                } catch {
                    guard waitAfter(error) else { return false }
                }
            }
            state.withLock { state in
                state.durableCount = piece.endCount
                state.waitingBytes -= piece.bytes.count
                state.trouble = nil
            }
            changed.broadcast()
        }
        return true
    }

    /// Tells of a failure, and waits if it may pass.
    private func waitAfter(_ error: SystemError) -> Bool {
        failures.add()
        let mayPass = error.errno == .noSpace || error.errno == .quotaExceeded
        let trouble = state.withLock { state in
            let trouble: Trouble =
                mayPass && !state.isClosed
                ? .retrying(.system(error))
                : .stopped(
                    .system(error),
                    lostEntries: state.position.count - state.durableCount
                )
            state.trouble = trouble
            return trouble
        }
        changed.broadcast()
        onTrouble(trouble)
        guard case .retrying = trouble else { return false }
        state.withLock(
            when: { $0.isClosed },
            on: changed,
            deadlineNanoseconds: Clock.monotonicNanoseconds() + Self.intervalNanoseconds
        ) { _ in }
        return true
    }
}
