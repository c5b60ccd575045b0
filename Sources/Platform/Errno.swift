internal import Glibc

/// A system error number.
///
/// Reference: errno(3).
package struct Errno: Error, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: Int32

    package init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// The calling thread's error number, as the last failed call left it.
    package static var current: Errno { Errno(rawValue: errno) }

    package static let notFound = Errno(rawValue: ENOENT)
    package static let exists = Errno(rawValue: EEXIST)
    package static let noSpace = Errno(rawValue: ENOSPC)
    package static let quotaExceeded = Errno(rawValue: EDQUOT)
    package static let wouldBlock = Errno(rawValue: EAGAIN)
    package static let interrupted = Errno(rawValue: EINTR)
    package static let inputOutput = Errno(rawValue: EIO)
    package static let invalid = Errno(rawValue: EINVAL)
    package static let notPermitted = Errno(rawValue: EPERM)
    package static let notADirectory = Errno(rawValue: ENOTDIR)
    package static let directoryNotEmpty = Errno(rawValue: ENOTEMPTY)

    /// The system's own words for it, such as "No space left on device".
    package var description: String {
        guard let text = unsafe strerror(rawValue) else { return "error \(rawValue)" }
        return unsafe String(cString: text)
    }
}

/// A failed call on a file or directory: what was tried, on what, and why it failed.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was tried, as a verb: "open", "sync".
    package let operation: String
    /// The file or directory that it was tried on.
    package let path: String
    package let errno: Errno

    package init(operation: String, path: String, errno: Errno) {
        self.operation = operation
        self.path = path
        self.errno = errno
    }

    package var description: String { "cannot \(operation) \(path): \(errno)" }
}
