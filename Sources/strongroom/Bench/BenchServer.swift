internal import EvidenceStore
internal import Platform
internal import TransparencyLog

/// A server of this same program on a temporary directory, for `bench` without `--server`.
///
/// The log is made by `init` and served by `serve`, as a user would. `stop` ends the server and
/// removes the directory.
final class BenchServer {
    let directory: String
    let address: ServerAddress
    private let child: ChildProcess
    private let reader: Thread

    /// Makes a log below `parent` and serves it.
    init(below parent: String) throws(CommandFailure) {
        let directory = "\(parent)/strongroom-bench-\(TemporaryName.make())"
        self.directory = directory
        let collected = Mutex(Collected())
        let changed = Condition()
        do throws(CommandFailure) {
            try Self.run(["init", directory + "/log", "--origin", Self.origin], below: directory)
            child = try Self.start(["serve", directory + "/log", "--listen", "127.0.0.1:0"])
        } catch {
            try? FileSystem.removeTree(directory)
            throw error
        }
        let child = self.child
        reader = Thread(name: "bench-server") {
            Self.collect(child, into: collected, changed)
        }
        let deadline = Clock.monotonicNanoseconds() + 30_000_000_000
        let found = collected.withLock(
            when: { $0.address != nil || $0.isClosed },
            on: changed,
            deadlineNanoseconds: deadline
        ) { ($0.address, $0.lines) }
        guard let text = found.0, let address = try? ServerAddress(parsing: text) else {
            child.killImmediately()
            reader.join()
            _ = try? child.wait()
            try? FileSystem.removeTree(directory)
            throw CommandFailure(
                .tryAgain,
                "the server did not start: \(found.1.joined(separator: "; "))"
            )
        }
        self.address = address
    }

    /// The key of the server's log.
    func verifierKey() throws(CommandFailure) -> VerifierKey {
        do throws(StoreError) {
            return try LogDescription.read(StorePaths(directory + "/log")).verifierKey
        } catch {
            throw CommandFailure(error)
        }
    }

    static let origin = "bench.local/strongroom"

    /// Ends the server (SIGTERM), waits for it, removes the directory.
    func stop() throws(CommandFailure) {
        child.terminate()
        reader.join()
        let ending: ChildProcess.Ending
        do throws(SystemError) {
            ending = try child.wait()
            try FileSystem.removeTree(directory)
        } catch {
            throw CommandFailure(error)
        }
        guard ending == .exited(0) else {
            throw CommandFailure(.bug, "the server did not end in order: \(ending)")
        }
    }

    private struct Collected {
        var address: String?
        /// The first lines, for the message if it does not start.
        var lines: [String] = []
        var isClosed = false
    }

    /// Reads what the server says until it ends, so that it never waits for a full pipe.
    private static func collect(
        _ child: ChildProcess,
        into collected: Mutex<Collected>,
        _ changed: Condition
    ) {
        var rest: [UInt8] = []
        let marker = "listening on "
        while let bytes = try? child.readStandardError(), !bytes.isEmpty {
            rest += bytes
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: rest[..<end], as: UTF8.self)
                rest.removeSubrange(...end)
                collected.withLock { state in
                    if state.lines.count < 10 { state.lines.append(line) }
                    if state.address == nil, line.hasPrefix(marker) {
                        state.address = String(line.dropFirst(marker.count))
                    }
                }
                changed.broadcast()
            }
        }
        collected.withLock { $0.isClosed = true }
        changed.broadcast()
    }

    private static func start(_ words: [String]) throws(CommandFailure) -> ChildProcess {
        do throws(SystemError) {
            return try ChildProcess(executable: "/proc/self/exe", arguments: words)
        } catch {
            throw CommandFailure(error)
        }
    }

    /// Runs a command of this program to its end.
    private static func run(_ words: [String], below directory: String) throws(CommandFailure) {
        do throws(SystemError) {
            try FileSystem.makeDirectory(directory, permissions: 0o700)
        } catch {
            throw CommandFailure(error, advice: "choose another directory with --directory")
        }
        let child = try start(words)
        var said: [UInt8] = []
        while let bytes = try? child.readStandardError(), !bytes.isEmpty { said += bytes }
        guard (try? child.wait()) == .exited(0) else {
            throw CommandFailure(.tryAgain, String(decoding: said, as: UTF8.self))
        }
    }
}
