internal import Glibc

/// This process: its memory, limits, end and standard streams.
package enum ProcessControl {
    /// Ends the process at once, without running exit handlers; files stay as they are.
    package static func exitImmediately(_ code: Int32) -> Never { _exit(code) }

    /// Writes a line to standard error in one call, so that lines of threads do not mix.
    package static func writeToStandardError(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        unsafe bytes.withUnsafeBytes { buffer in
            unsafe _ = Glibc.write(2, buffer.baseAddress, buffer.count)
        }
    }
}
