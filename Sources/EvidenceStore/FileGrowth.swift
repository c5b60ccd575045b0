import LMDBKit
import Platform

/// Keeps zeros written ahead of where LMDB appends in an active segment's file.
///
/// A sync of blocks that are there already needs no journal commit of the file system, which about
/// halves the time of a small commit on ext4; and what is there cannot be refused by a full disk.
///
/// Invariant: zeros are only ever written at or above `frontier`, and LMDB writes only below it:
/// the sequencer moves it with `reserve` before each commit, past the highest page that the commit
/// can touch. Bytes that both would write are LMDB's, as `reserve` waits for a write under way.
final class FileGrowth: Sendable {
    private struct State {
        /// LMDB may write below, zeros go above.
        var frontier: UInt64
        /// Zeros are written up to here.
        var zeroed: UInt64
        var isWriting = false
    }

    private let path: String
    /// The file itself, or nil if it could not be opened.
    ///
    /// Its name may come to be that of another one, whose pages zeros must not meet.
    private let file: File?
    private let stepBytes: UInt64
    private let state: Mutex<State>
    private let changed = Condition()

    private static let pieceBytes = 256 << 10

    /// A file of which LMDB has `usedBytes` in use, and which is `sizeBytes` long.
    init(path: String, usedBytes: UInt64, sizeBytes: UInt64, stepBytes: UInt64) {
        self.path = path
        file = try? File(path, .readWrite)
        self.stepBytes = stepBytes
        state = Mutex(State(frontier: usedBytes, zeroed: max(usedBytes, sizeBytes)))
    }

    /// Lets LMDB write below `end`.
    ///
    /// - Returns: Whether it is time to `grow`.
    func reserve(upTo end: UInt64) -> Bool {
        state.withLock(when: { !$0.isWriting || end <= $0.zeroed }, on: changed) { state in
            state.frontier = max(state.frontier, end)
            state.zeroed = max(state.zeroed, state.frontier)
            return !state.isWriting && state.zeroed - state.frontier < stepBytes / 2
        }
    }

    /// Writes the next zeros and makes them durable.
    ///
    /// Called on another thread than the sequencer's. A failure is harmless: the file grows then as
    /// LMDB writes, and a disk that is full is noticed there.
    func grow() throws(SystemError) {
        let range: Range<UInt64>? = state.withLock { state in
            guard !state.isWriting, state.zeroed - state.frontier < stepBytes else { return nil }
            state.isWriting = true
            return state.zeroed..<state.zeroed + stepBytes
        }
        guard let range else { return }
        defer {
            state.withLock { $0.isWriting = false }
            changed.broadcast()
        }
        guard file != nil else {
            throw SystemError(operation: "open", path: path, errno: .notFound)
        }
        let zeros = [UInt8](repeating: 0, count: Self.pieceBytes)
        for offset in stride(from: range.lowerBound, to: range.upperBound, by: Self.pieceBytes) {
            try file?.write(zeros.span, at: offset)
        }
        try file?.syncData()
        state.withLock { $0.zeroed = max($0.zeroed, range.upperBound) }
    }
}
