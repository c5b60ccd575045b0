internal import Glibc

/// What surrounds this process: environment variables, terminal, processors.
package enum Environment {
    /// The arguments of this process, without its name.
    ///
    /// From the kernel: the static runtime looks for them beside the environment, which a preloaded
    /// library may have moved. Where there is no `/proc`, the runtime's own view.
    package static func arguments() -> [String] {
        let limitBytes = 64 << 20
        guard
            let bytes = try? FileSystem.contents("/proc/self/cmdline", limitBytes: limitBytes),
            !bytes.isEmpty
        else { return Array(CommandLine.arguments.dropFirst()) }
        return bytes.dropLast().split(separator: 0, omittingEmptySubsequences: false).dropFirst()
            .map { String(decoding: $0, as: UTF8.self) }
    }

    /// The value of an environment variable.
    ///
    /// Call it before threads start or where nothing sets variables: Strongroom never does.
    package static func value(_ name: String) -> String? {
        guard let text = unsafe getenv(name) else { return nil }
        return unsafe String(cString: text)
    }

    /// Whether a standard stream (1 output, 2 error) is a terminal.
    package static func isTerminal(descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// How many characters fit on a line of the terminal behind a descriptor; 80 if unknown.
    package static func terminalColumns(descriptor: Int32) -> Int {
        var size = winsize()
        guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
            return 80
        }
        return Int(size.ws_col)
    }

    /// Processors that this process may use.
    package static func processorCount() -> Int {
        max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    }

    /// Processor time that this process has used, in nanoseconds.
    package static func processorNanoseconds() -> UInt64 {
        var time = timespec()
        guard unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else { return 0 }
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// The directory for temporary files: `TMPDIR`, else `/tmp`.
    package static func temporaryDirectory() -> String {
        if let path = value("TMPDIR"), !path.isEmpty { return path }
        return "/tmp"
    }
}

/// The streams that every process starts with.
package enum StandardStream {
    /// Writes all bytes to standard output (1) or standard error (2).
    package static func write(_ bytes: Span<UInt8>, to descriptor: Int32) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(
                    descriptor,
                    buffer.baseAddress.map { unsafe $0 + done },
                    buffer.count - done
                )
            }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else {
                let path = descriptor == 1 ? "standard output" : "standard error"
                throw SystemError(operation: "write to", path: path, errno: .current)
            }
            done += count
        }
    }

    /// Reads up to `buffer.count` bytes of standard input; 0 at the end.
    package static func readInput(into buffer: inout [UInt8]) throws(SystemError) -> Int {
        var count = 0
        var number: Int32 = 0
        repeat {
            unsafe buffer.withUnsafeMutableBytes { space in
                unsafe count = read(0, space.baseAddress, space.count)
                number = errno
            }
        } while count < 0 && number == EINTR
        guard count >= 0 else {
            throw SystemError(
                operation: "read",
                path: "standard input",
                errno: Errno(rawValue: number)
            )
        }
        return count
    }
}

extension Errno {
    /// Nobody reads the other end (EPIPE).
    package static let brokenPipe = Errno(rawValue: EPIPE)
    /// Nobody listens there (ECONNREFUSED).
    package static let connectionRefused = Errno(rawValue: ECONNREFUSED)
    /// A directory where a file must be (EISDIR).
    package static let isADirectory = Errno(rawValue: EISDIR)
    /// Something is in use or in change (EBUSY).
    package static let busy = Errno(rawValue: EBUSY)
    /// EACCES.
    package static let permissionDenied = Errno(rawValue: EACCES)
}

extension FileSystem {
    /// What a path names in the end, symbolic links followed; nil if nothing is there.
    ///
    /// Reference: realpath(3).
    package static func information(following path: String) throws(SystemError) -> Information? {
        guard let target = unsafe realpath(path, nil) else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw SystemError(operation: "inspect", path: path, errno: .current)
        }
        defer { unsafe free(target) }
        return try information(unsafe String(cString: target))
    }
}
