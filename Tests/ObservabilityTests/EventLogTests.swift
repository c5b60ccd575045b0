import EvidenceModel
import Platform
import Testing

@testable import Observability

@Suite struct EventLogTests {
    /// Collects the lines that the writer's thread gives out.
    private final class Lines: Sendable {
        let lines = Mutex<[String]>([])
        /// While true, the writer is held up.
        let isBlocked = Mutex(false)
        let changed = Condition()

        func write(_ line: String) {
            isBlocked.withLock(when: { !$0 }, on: changed) { _ in }
            lines.withLock { $0.append(line) }
        }

        func unblock() {
            isBlocked.withLock { $0 = false }
            changed.broadcast()
        }

        var all: [String] { lines.withLock { $0 } }
    }

    private let lines = Lines()

    private func log(_ format: EventLog.Format, _ level: EventLog.Level = .info) -> EventLog {
        let lines = lines
        return EventLog(
            format: format,
            minimumLevel: level,
            now: { Timestamp(milliseconds: 1_000_000_000_123) ?? .earliest },
            write: { lines.write($0) }
        )
    }

    @Test func textLines() {
        let log = log(.text)
        log.record(.info, "server.ready", [.text("address", "127.0.0.1:7440"), .number("n", 3)])
        log.record(
            .warning,
            "x.y",
            [.text("empty", ""), .text("odd", "a b=\"c\"\nd"), .flag("f", true)]
        )
        log.record(.error, "x.z", [.decimal("seconds", 0.25), .text("name", "é")])
        log.close()
        #expect(
            lines.all == [
                "2001-09-09T01:46:40.123Z info server.ready address=127.0.0.1:7440 n=3",
                #"2001-09-09T01:46:40.123Z warning x.y empty="" odd="a b=\"c\"\nd" f=true"#,
                #"2001-09-09T01:46:40.123Z error x.z seconds=0.25 name="é""#,
            ]
        )
    }

    @Test func jsonLines() {
        let log = log(.json)
        log.record(.info, "append.refused", [.text("reason", "a\"b\n"), .number("index", 7)])
        log.close()
        #expect(
            lines.all == [
                #"{"time":"2001-09-09T01:46:40.123Z","level":"info","event":"append.refused","#
                    + #""reason":"a\"b\n","index":7}"#
            ]
        )
    }

    @Test func levelsBelowTheMinimumCostNothing() {
        let log = log(.text, .warning)
        func unexpected() -> [EventLog.Field] {
            Issue.record("fields of a dropped event are made")
            return []
        }
        log.record(.info, "a.b", unexpected())
        log.record(.warning, "c.d")
        log.close()
        #expect(lines.all.count == 1)
    }

    @Test func longFieldsAreCut() {
        let log = log(.text)
        log.record(.info, "a.b", [.text("x", String(repeating: "y", count: 100_000))])
        log.close()
        #expect(lines.all[0].utf8.count < EventLog.fieldLimitBytes + 100)
    }

    @Test func aSlowReaderHoldsNobodyUpAndLossIsReported() {
        lines.isBlocked.withLock { $0 = true }
        let log = log(.text)
        let count = EventLog.queueLimitLines * 3
        for number in 0..<count { log.record(.info, "a.b", [.number("n", number)]) }
        lines.unblock()
        log.flush()
        log.record(.info, "a.last")
        log.close()
        let kept = lines.all.filter { $0.contains(" a.b ") }.count
        let dropped = lines.all.compactMap { line -> Int? in
            guard line.contains(" log.dropped lines=") else { return nil }
            return line.split(separator: "=").last.flatMap { Int($0) }
        }.reduce(0, +)
        #expect(kept >= EventLog.queueLimitLines)
        #expect(kept + dropped == count)
    }

    @Test func flushWaitsForWhatWasLogged() {
        let log = log(.text)
        for _ in 0..<100 { log.record(.info, "a.b") }
        log.flush()
        #expect(lines.all.count == 100)
        log.close()
        log.record(.info, "too.late")
        log.close()
        #expect(lines.all.count == 100)
    }
}
