package import EvidenceModel
internal import Platform

/// Writes what happens in the server, one line an event.
///
/// Lines go into a bounded queue that a thread of its own writes out, so that whoever logs never
/// waits for a slow reader of standard error. What does not fit is counted and reported in a line
/// (`log.dropped`) as soon as there is room. `close` writes what is queued.
///
/// Never put a secret, payload bytes or a private key in a field.
package final class EventLog: Sendable {
    /// How a line looks.
    package enum Format: String, CaseIterable, Sendable {
        /// `{"time":"…","level":"info","event":"server.ready","address":"…"}`
        case json
        /// `2026-11-21T01:02:03.456Z info server.ready address=127.0.0.1:7440`
        case text
    }

    /// How much an event matters.
    package enum Level: Int, CaseIterable, Comparable, Sendable, CustomStringConvertible {
        case debug, info, warning, error

        package static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }

        package var description: String {
            switch self {
            case .debug: "debug"
            case .info: "info"
            case .warning: "warning"
            case .error: "error"
            }
        }

        /// Reads a level's name, as the configuration spells it.
        package init?(_ name: some StringProtocol) {
            guard let level = Self.allCases.first(where: { $0.description == name }) else {
                return nil
            }
            self = level
        }
    }

    /// A named value of an event.
    package struct Field: Sendable {
        package enum Value: Sendable {
            case text(String)
            case number(Int64)
            case decimal(Double)
            case flag(Bool)
        }

        package let name: String
        package let value: Value

        package static func text(_ name: String, _ value: String) -> Field {
            Field(name: name, value: .text(value))
        }

        package static func number(_ name: String, _ value: some BinaryInteger) -> Field {
            Field(name: name, value: .number(Int64(clamping: value)))
        }

        package static func decimal(_ name: String, _ value: Double) -> Field {
            Field(name: name, value: .decimal(value))
        }

        package static func flag(_ name: String, _ value: Bool) -> Field {
            Field(name: name, value: .flag(value))
        }
    }

    /// A text field longer than this is cut, with `…` at the end.
    static let fieldLimitBytes = 1024
    /// Lines that wait for the writer; more are dropped and counted.
    static let queueLimitLines = 4096

    private struct State {
        var lines: [String] = []
        var droppedLines: UInt64 = 0
        var isWriting = false
        var isClosed = false
    }

    private let format: Format
    private let minimumLevel: Level
    private let now: @Sendable () -> Timestamp
    private let write: @Sendable (String) -> Void
    private let state = Mutex(State())
    private let changed = Condition()
    private let writer = Mutex<Thread?>(nil)

    /// Starts the writer's thread.
    ///
    /// `now` is the wall clock; `write` takes whole lines without their end, on the writer's thread
    /// alone.
    package init(
        format: Format,
        minimumLevel: Level,
        now: @escaping @Sendable () -> Timestamp = {
            Timestamp(milliseconds: Clock.wallMilliseconds()) ?? .earliest
        },
        write: @escaping @Sendable (String) -> Void = {
            ProcessControl.writeToStandardError($0)
        }
    ) {
        self.format = format
        self.minimumLevel = minimumLevel
        self.now = now
        self.write = write
        // The thread holds the log until `close`; an EventLog that is never closed lives on.
        writer.withLock { $0 = Thread(name: "event-log") { self.run() } }
    }

    /// Logs an event unless its level is below the minimum.
    ///
    /// Any thread; takes a short lock and never waits for the output.
    /// `event` is what happened, as `subject.verb`: `server.ready`, `append.refused`.
    package func record(
        _ level: Level,
        _ event: StaticString,
        _ fields: @autoclosure () -> [Field] = []
    ) {
        guard level >= minimumLevel else { return }
        let line = line(level, "\(event)", fields())
        state.withLock { state in
            if state.lines.count >= Self.queueLimitLines || state.isClosed {
                state.droppedLines += 1
            } else {
                state.lines.append(line)
            }
        }
        changed.broadcast()
    }

    /// Waits until everything logged before is written.
    package func flush() {
        state.withLock(when: { ($0.lines.isEmpty && !$0.isWriting) || $0.isClosed }, on: changed) {
            _ in
        }
    }

    /// Writes what is queued and ends the writer's thread; later events are dropped.
    package func close() {
        state.withLock { $0.isClosed = true }
        changed.broadcast()
        let thread = writer.withLock { held in
            defer { held = nil }
            return held
        }
        thread?.join()
    }

    private func run() {
        var isOpen = true
        while isOpen {
            let (lines, dropped) = state.withLock(
                when: { !$0.lines.isEmpty || $0.isClosed },
                on: changed
            ) { state in
                defer {
                    state.lines.removeAll(keepingCapacity: true)
                    state.droppedLines = 0
                    state.isWriting = true
                }
                isOpen = !state.isClosed
                return (state.lines, state.droppedLines)
            }
            for line in lines { write(line) }
            if dropped > 0 && isOpen {
                write(line(.warning, "log.dropped", [.number("lines", dropped)]))
            }
            state.withLock { $0.isWriting = false }
            changed.broadcast()
        }
    }

    private func line(_ level: Level, _ event: String, _ fields: [Field]) -> String {
        switch format {
        case .json: jsonLine(level, event, fields)
        case .text: textLine(level, event, fields)
        }
    }

    private func jsonLine(_ level: Level, _ event: String, _ fields: [Field]) -> String {
        var line = JSONLine()
        line.add("time", now().rfc3339)
        line.add("level", level.description)
        line.add("event", event)
        for field in fields {
            switch field.value {
            case .text(let text): line.add(field.name, Self.cut(text))
            case .number(let number): line.add(field.name, number)
            case .decimal(let number): line.add(field.name, number)
            case .flag(let flag): line.add(field.name, flag)
            }
        }
        return line.text
    }

    private func textLine(_ level: Level, _ event: String, _ fields: [Field]) -> String {
        var line = "\(now().rfc3339) \(level) \(event)"
        for field in fields {
            line += " \(field.name)="
            switch field.value {
            case .text(let text): line += Self.quoted(Self.cut(text))
            case .number(let number): line += String(number)
            case .decimal(let number): line += "\(number)"
            case .flag(let flag): line += flag ? "true" : "false"
            }
        }
        return line
    }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > fieldLimitBytes else { return text }
        return String(decoding: text.utf8.prefix(fieldLimitBytes), as: UTF8.self) + "…"
    }

    /// As it is where that is clear, else as a JSON string: no value can start a new line or field.
    private static func quoted(_ text: String) -> String {
        let isPlain =
            !text.isEmpty
            && text.utf8.allSatisfy { byte in
                (0x21...0x7e).contains(byte) && byte != UInt8(ascii: "\"")
                    && byte != UInt8(ascii: "=") && byte != UInt8(ascii: "\\")
            }
        return isPlain ? text : JSONLine.string(text)
    }
}
