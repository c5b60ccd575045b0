/// Why an archive cannot be read, named by what the caller can do about it.
package enum TarError: Error, Equatable, Sendable {
    /// The bytes are no tar archive, or a compressed one.
    case notTar
    /// The archive ends before its end mark.
    case truncated
    case damaged(detail: String)
    /// An entry has more data than the caller allows.
    case entryTooLarge(path: String, limitBytes: Int)
}

extension TarError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notTar: "this is not an uncompressed tar archive"
        case .truncated: "the archive ends too early"
        case .damaged(let detail): "the archive is damaged: \(detail)"
        case .entryTooLarge(let path, let limitBytes):
            "\(path) is larger than \(limitBytes) bytes"
        }
    }
}
