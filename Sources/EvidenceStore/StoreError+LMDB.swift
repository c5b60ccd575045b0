package import LMDBKit
import Platform

extension StoreError {
    /// A failed call on an LMDB file.
    package init(_ error: LMDBError, path: String) {
        switch error {
        case .damaged(let detail): self = .damaged(path: path, detail: detail)
        case .truncated(_, let expected, let actual):
            self = .damaged(
                path: path,
                detail: "it has \(actual) bytes of \(expected): it was cut short"
            )
        case .versionMismatch:
            self = .damaged(path: path, detail: "it is not an LMDB file of this version")
        case .storageFull:
            self = .system(
                SystemError(operation: "write to", path: path, errno: .noSpace)
            )
        case .notFound, .keyExists:
            // Absent keys are nil and keys only ascend: a name or a page is in disorder.
            self = .damaged(path: path, detail: "its keys are not in order")
        case .other(let code, _) where code < 0:
            // LMDB's own codes are negative, the system's positive.
            self = .damaged(path: path, detail: "\(error)")
        default: self = .unavailable("\(path): \(error)")
        }
    }
}
