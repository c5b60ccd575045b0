package import Platform

/// Why a pack or journal object cannot be written or read, named by what the caller can do.
package enum PackError: Error, Hashable, Sendable {
    /// It is not as it is written here: what was found, and where. Another copy is needed.
    case damaged(detail: String)
    /// The bytes end before the pack does.
    case truncated
    /// What hands in the bytes failed; whether it may be tried again is known there.
    case source(detail: String)
    /// The file cannot be written.
    case system(SystemError)
    case outOfMemory
}

extension PackError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .damaged(let detail): "the pack is damaged: \(detail)"
        case .truncated: "the pack ends too early"
        case .source(let detail): "the pack cannot be read: \(detail)"
        case .system(let error): "the pack cannot be written: \(error)"
        case .outOfMemory: "out of memory in zstd"
        }
    }
}
