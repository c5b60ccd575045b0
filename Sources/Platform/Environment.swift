internal import Glibc

/// What surrounds this process: environment variables, terminal, processors.
package enum Environment {
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

    /// The directory for temporary files: `TMPDIR`, else `/tmp`.
    package static func temporaryDirectory() -> String {
        if let path = value("TMPDIR"), !path.isEmpty { return path }
        return "/tmp"
    }
}
