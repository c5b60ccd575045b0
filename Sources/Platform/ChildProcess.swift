internal import Glibc

/// A program started by this one, with its standard error readable here.
///
/// Standard input and output are `/dev/null`; signals held by this process are free in the child.
/// Thread: one at a time, but `readStandardError` may run beside the others.
///
/// `@unchecked Sendable`: the stored values are numbers that never change after `init`; `wait` is
/// called once, by the owner.
package final class ChildProcess: @unchecked Sendable {
    private let identifier: pid_t
    private let standardErrorDescriptor: Int32
    private let executable: String

    /// How a program ended.
    package enum Ending: Equatable, Sendable {
        case exited(Int32)
        case killed(signal: Int32)
    }

    /// Starts a program with arguments; its own name goes first by itself.
    ///
    /// Reference: posix_spawn(3).
    package init(executable: String, arguments: [String]) throws(SystemError) {
        var ends: [Int32] = [0, 0]
        guard unsafe pipe(&ends) == 0 else {
            throw SystemError(operation: "make", path: "pipe", errno: .current)
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let started: pid_t
        do throws(Errno) {
            defer { _ = close(ends[1]) }
            started = try Self.spawn(executable, arguments, standardError: ends[1])
        } catch {
            _ = close(ends[0])
            throw SystemError(operation: "start", path: executable, errno: error)
        }
        identifier = started
        standardErrorDescriptor = ends[0]
        self.executable = executable
    }

    deinit { _ = close(standardErrorDescriptor) }

    /// The child's process id, for messages.
    package var processIdentifier: Int32 { identifier }

    private static func spawn(
        _ executable: String,
        _ arguments: [String],
        standardError: Int32
    )
        throws(Errno) -> pid_t
    {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, standardError, 2)
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var noSignals = sigset_t()
        unsafe sigemptyset(&noSignals)
        unsafe posix_spawnattr_setsigmask(&attributes, &noSignals)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var words = unsafe ([executable] + arguments).map { unsafe strdup($0) }
        unsafe words.append(nil)
        defer { for place in unsafe words.indices { unsafe free(words[place]) } }
        var started = pid_t()
        let status = unsafe posix_spawn(
            &started,
            executable,
            &actions,
            &attributes,
            words,
            environ
        )
        guard status == 0 else { throw Errno(rawValue: status) }
        return started
    }

    /// Reads what the child has written to its standard error; empty once it has closed it.
    package func readStandardError() throws(SystemError) -> [UInt8] {
        var count = 0
        var number: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 4096) { buffer, filled in
            repeat {
                unsafe count = read(standardErrorDescriptor, buffer.baseAddress, buffer.count)
                number = errno
            } while count < 0 && number == EINTR
            filled = max(0, count)
        }
        guard count >= 0 else {
            throw SystemError(
                operation: "read from",
                path: executable,
                errno: Errno(rawValue: number)
            )
        }
        return bytes
    }

    /// Asks the child to end (SIGTERM).
    package func terminate() { _ = kill(identifier, SIGTERM) }

    /// Ends the child at once (SIGKILL).
    package func killImmediately() { _ = kill(identifier, SIGKILL) }

    /// Waits for the child's end; call it once.
    package func wait() throws(SystemError) -> Ending {
        var status: Int32 = 0
        while unsafe waitpid(identifier, &status, 0) < 0 {
            guard errno == EINTR else {
                throw SystemError(operation: "wait for", path: executable, errno: .current)
            }
        }
        // WIFEXITED, WEXITSTATUS and WTERMSIG of wait(2) are macros that Swift does not see.
        let signal = status & 0x7f
        return signal == 0 ? .exited((status >> 8) & 0xff) : .killed(signal: signal)
    }
}
