internal import Platform

/// The two streams of a command: results on standard output, messages on standard error.
///
/// Any thread. Results are gathered into larger writes unless a person watches.
final class Console: Sendable {
    private struct State {
        var pending: [UInt8] = []
        /// Characters of the progress line that now stands on the terminal; 0 if none.
        var progressLength = 0
    }

    /// Results go to a terminal.
    let outputIsTerminal: Bool
    /// Messages go to a terminal: progress may be shown.
    let errorIsTerminal: Bool
    private let usesColour: Bool
    private let command: String
    private let state = Mutex(State())

    /// - Parameter command: Starts each message, as `strongroom put: …`.
    init(command: String) {
        self.command = command
        outputIsTerminal = Environment.isTerminal(descriptor: 1)
        errorIsTerminal = Environment.isTerminal(descriptor: 2)
        let noColour = Environment.value("NO_COLOR").map { !$0.isEmpty } ?? false
        usesColour = errorIsTerminal && !noColour && Environment.value("TERM") != "dumb"
    }

    /// Writes a line of the result.
    func result(_ line: String) {
        state.withLock { state in
            clearProgress(&state)
            state.pending += line.utf8
            state.pending.append(UInt8(ascii: "\n"))
            if outputIsTerminal || state.pending.count >= 1 << 16 { writePending(&state) }
        }
    }

    /// Writes bytes of the result as they are.
    func result(bytes: Span<UInt8>) {
        state.withLock { state in
            writePending(&state)
            Self.write(bytes, to: 1)
        }
    }

    /// Writes out what is gathered; call it before the process ends.
    func flush() {
        state.withLock { state in
            clearProgress(&state)
            writePending(&state)
        }
    }

    /// Tells the person something.
    func message(_ text: String) { say("strongroom \(command): ", text) }

    /// Tells the person that something failed.
    func failure(_ text: String) {
        say(
            usesColour ? "\u{1b}[31mstrongroom \(command):\u{1b}[0m " : "strongroom \(command): ",
            text
        )
    }

    func failure(_ failure: CommandFailure) { self.failure(failure.text) }

    /// A message without the command's name in front.
    func plainMessage(_ text: String) { say("", text) }

    /// Replaces the progress line; does nothing unless messages go to a terminal.
    func progress(_ text: String) {
        guard errorIsTerminal else { return }
        state.withLock { state in
            let columns = Environment.terminalColumns(descriptor: 2)
            let line = String(text.prefix(max(1, columns - 1)))
            let erased = String(repeating: " ", count: max(0, state.progressLength - line.count))
            Self.write(Array("\r\(line)\(erased)".utf8).span, to: 2)
            state.progressLength = line.count
        }
    }

    private func say(_ prefix: String, _ text: String) {
        state.withLock { state in
            clearProgress(&state)
            Self.write(Array("\(prefix)\(Self.harmless(text))\n".utf8).span, to: 2)
        }
    }

    /// Names of files and replies of servers stand in messages: no control character may reach a
    /// terminal.
    static func harmless(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        var clean = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            clean.append(isControl(scalar) ? "\u{fffd}" : scalar)
        }
        return String(clean)
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        let value = scalar.value
        return (value < 0x20 && value != 0x0a) || (0x7f...0x9f).contains(value)
    }

    private func clearProgress(_ state: inout State) {
        guard state.progressLength > 0 else { return }
        let blank = String(repeating: " ", count: state.progressLength)
        Self.write(Array("\r\(blank)\r".utf8).span, to: 2)
        state.progressLength = 0
    }

    private func writePending(_ state: inout State) {
        guard !state.pending.isEmpty else { return }
        Self.write(state.pending.span, to: 1)
        state.pending.removeAll(keepingCapacity: true)
    }

    /// Writes all; ends the process where nobody can be told any more.
    private static func write(_ bytes: Span<UInt8>, to descriptor: Int32) {
        do throws(SystemError) {
            try StandardStream.write(bytes, to: descriptor)
        } catch {
            // A reader such as `head` has seen enough: end as SIGPIPE would have done (128 + 13).
            if error.errno == .brokenPipe { ProcessControl.exitImmediately(141) }
            guard descriptor == 1 else { return }
            ProcessControl.writeToStandardError("strongroom: \(error)")
            let code: ExitCode = error.errno == .noSpace ? .storageFull : .tryAgain
            ProcessControl.exitImmediately(code.rawValue)
        }
    }
}
