package import EvidenceModel
package import Platform
package import TransparencyLog

/// Why the store refused or failed, named by what the caller can do about it.
package enum StoreError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was asked for is not of the form that the store takes; nothing was changed.
    case invalid(String)
    /// No such record, or the tree is not that large yet.
    case notFound(String)
    /// The idempotency key was used before for another request, which became the record named; nil:
    /// it comes twice within this request.
    case conflict(RecordIndex?)
    /// The requested lock is outside what the collection's policy allows.
    case retentionRefused(LockRefusal)
    /// The rules do not allow it, as things stand.
    case refused(Refusal)
    /// The payload was lawfully erased; the certificate is a receipt of the record named.
    case erased(RecordIndex, certificate: RecordIndex)
    /// The collection's policy changed while the request was on its way. Send it again.
    case policyChanged
    /// Too little room on the disk: free some, or make the disk larger.
    case storageFull(freeBytes: UInt64, reserveBytes: UInt64)
    /// More work is waiting than the store takes; nothing was promised. Try again.
    case overloaded(retryAfterSeconds: Int)
    /// Durable here, but a copy that is waited for does not have all records below the size yet.
    case copyPending(TreeSize)
    /// The store is closing, or has stopped after a failed write.
    case unavailable(String)
    /// Another process has the log open.
    case busy(path: String)
    /// What is stored is not what was written: do not use it; `fsck` says more.
    case damaged(path: String, detail: String)
    /// Made by a newer Strongroom: use that one.
    case newerFormat(path: String, version: UInt64)
    /// The directory holds no log.
    case notALog(path: String)
    /// The system refused a call on a file.
    case system(SystemError)

    package var description: String {
        switch self {
        case .invalid(let detail): detail
        case .notFound(let what): what
        case .conflict(nil):
            "the request has one idempotency key for two different pieces of evidence"
        case .conflict(let index?):
            "the idempotency key belongs to record \(index), which came from another request"
        case .retentionRefused(let refusal): "\(refusal)"
        case .refused(let refusal): "\(refusal)"
        case .erased(let index, let certificate):
            "the payload of record \(index) was lawfully erased; record \(certificate) says why"
        case .policyChanged:
            "the collection's policy changed while the request was on its way; send it again"
        case .storageFull(let free, let reserve):
            "the disk has \(free) bytes free, which is under the reserve of \(reserve); "
                + "free some room and try again"
        case .overloaded: "more appends are waiting than the server takes; try again"
        case .copyPending:
            "the record is durable here, but the second copy does not have it yet; "
                + "send it again with the same idempotency key to get its receipt"
        case .unavailable(let reason): reason
        case .busy(let path): "another process has the log in \(path) open; stop it first"
        case .damaged(let path, let detail):
            "\(path) is damaged: \(detail); run strongroom fsck to see the extent"
        case .newerFormat(let path, let version):
            "\(path) has format version \(version), which this release does not know; "
                + "use a newer one"
        case .notALog(let path): "\(path) holds no log; make one with strongroom init"
        case .system(let error): "\(error)"
        }
    }
}

/// Runs file system calls and gives their failure as a `StoreError`.
func onDisk<Result>(
    _ body: () throws(SystemError) -> Result
) throws(StoreError) -> Result {
    do throws(SystemError) {
        return try body()
    } catch {
        throw .system(error)
    }
}
