internal import Platform

/// Shows on a terminal how far a transfer is: bytes, rate, time left.
///
/// Any thread reports; `show` is for one.
final class Progress: Sendable {
    private struct State {
        var doneBytes: UInt64 = 0
        var doneItems = 0
    }

    private let console: Console
    private let totalBytes: UInt64?
    private let totalItems: Int?
    private let started = Clock.monotonicNanoseconds()
    private let state = Mutex(State())
    private let lastShown = Mutex<UInt64>(0)

    private static let intervalNanoseconds: UInt64 = 100_000_000

    /// `totalItems` is nil for a transfer of one thing.
    init(_ console: Console, totalBytes: UInt64?, totalItems: Int? = nil) {
        self.console = console
        self.totalBytes = totalBytes
        self.totalItems = totalItems
    }

    func add(bytes: UInt64) {
        guard console.errorIsTerminal else { return }
        state.withLock { $0.doneBytes += bytes }
        show()
    }

    func addItem() {
        guard console.errorIsTerminal else { return }
        state.withLock { $0.doneItems += 1 }
        show()
    }

    /// Shows the state unless that was done a moment ago.
    private func show() {
        let now = Clock.monotonicNanoseconds()
        let isDue = lastShown.withLock { last in
            guard now - last >= Self.intervalNanoseconds else { return false }
            last = now
            return true
        }
        guard isDue else { return }
        let current = state.withLock { $0 }
        console.progress(
            Self.line(
                doneBytes: current.doneBytes,
                totalBytes: totalBytes,
                items: totalItems.map { (current.doneItems, $0) },
                seconds: Double(now - started) / 1e9
            )
        )
    }

    /// A line as `[####····] 120/300 files  1.5 MiB of 4.0 MiB  3.2 MiB/s  0:01 left`.
    static func line(
        doneBytes: UInt64,
        totalBytes: UInt64?,
        items: (done: Int, total: Int)?,
        seconds: Double
    ) -> String {
        let rate = seconds > 0 ? Double(doneBytes) / seconds : 0
        var parts: [String] = []
        if let totalBytes {
            let share = totalBytes > 0 ? min(1, Double(doneBytes) / Double(totalBytes)) : 1
            let full = Int((share * 20).rounded(.down))
            parts.append(
                "[" + String(repeating: "#", count: full)
                    + String(repeating: "·", count: 20 - full) + "]"
            )
        }
        if let items { parts.append("\(items.done)/\(items.total) files") }
        let total = totalBytes.map { " of " + Amount.bytes($0) } ?? ""
        parts.append(Amount.bytes(doneBytes) + total)
        parts.append(Amount.bytes(UInt64(rate)) + "/s")
        if let totalBytes, rate > 0, totalBytes > doneBytes {
            let left = Double(totalBytes - doneBytes) / rate
            parts.append(Amount.time(seconds: left) + " left")
        }
        return parts.joined(separator: "  ")
    }
}
