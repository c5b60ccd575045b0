package import Cryptography
package import EvidenceModel
import Platform
import TransparencyLog

/// Fetches an evicted payload's file, exactly as it stood, into a new file at `path`.
///
/// - Throws: `unavailable` if it cannot be had now; `damaged` if no target has it.
package typealias PayloadSource =
    @Sendable (_ mark: EvictionMark, _ path: String) throws(StoreError) -> Void

/// Payload files whose bytes stand in a target only, and come back when somebody reads them.
///
/// A mark is durable before its file goes, and goes after the file is durably back: at any moment
/// one of them is there.
final class EvictedPayloads: Sendable {
    private let uploads: UploadDirectory
    private let source = Mutex<PayloadSource?>(nil)
    private let arriving = Mutex<Set<UploadID>>([])
    private let arrived = Condition()

    private static let tries = 3

    init(_ uploads: UploadDirectory) { self.uploads = uploads }

    private var paths: StorePaths { uploads.paths }

    func fetch(from source: PayloadSource?) { self.source.withLock { $0 = source } }

    /// Whether only a mark stands there.
    func isEvicted(_ id: UploadID) throws(StoreError) -> Bool {
        if try uploads.find(id) != nil { return false }
        return try EvictionMark.read(paths.evictionMark(id)) != nil
    }

    /// Opens a payload's file; one that was evicted is fetched first.
    func open(_ id: UploadID) throws(StoreError) -> File {
        // It may be evicted again before it is opened.
        for _ in 0..<Self.tries {
            if let file = try uploads.find(id) { return file }
            guard let mark = try EvictionMark.read(paths.evictionMark(id)) else {
                return try uploads.open(id)
            }
            try bringBack(id, mark)
        }
        throw .unavailable("the payload file \(id) left the disk while it was opened; try again")
    }

    /// Fetches a file if it is not there; of several callers one does.
    func bringBack(_ id: UploadID, _ mark: EvictionMark) throws(StoreError) {
        let isFirst = arriving.withLock { $0.insert(id).inserted }
        guard isFirst else {
            arriving.withLock(when: { !$0.contains(id) }, on: arrived) { _ in }
            return
        }
        defer {
            arriving.withLock { _ = $0.remove(id) }
            arrived.broadcast()
        }
        let path = paths.fetched(id)
        do throws(StoreError) {
            try fetch(mark, to: path)
        } catch {
            try onDisk { () throws(SystemError) in try FileSystem.unlinkIfPresent(path) }
            throw error
        }
        try uploads.settle(path, as: id)
    }

    private func fetch(_ mark: EvictionMark, to path: String) throws(StoreError) {
        guard let source = source.withLock({ $0 }) else {
            throw .unavailable(
                "the payload of record \(mark.index) stands in a target only, and the targets have "
                    + "not begun yet; try again"
            )
        }
        try onDisk { () throws(SystemError) in try FileSystem.unlinkIfPresent(path) }
        try source(mark, path)
        let size = try onDisk { () throws(SystemError) in
            let file = try File(path, .readWrite)
            try file.setPermissions(0o440)
            try file.sync()
            return try file.sizeBytes()
        }
        guard size == mark.sizeBytes, try SegmentDigests.digest(ofFileAt: path) == mark.digest
        else {
            throw .damaged(
                path: paths.payloads,
                detail: "the target gave other bytes for the payload of record \(mark.index) than "
                    + "were stored there"
            )
        }
    }
}

extension UploadDirectory {
    /// Puts a file that was fetched in its place, unless its record was erased meanwhile.
    func settle(_ path: String, as id: UploadID) throws(StoreError) {
        try moving.withLock { _ throws(StoreError) in
            try onDisk { () throws(SystemError) in
                guard try FileSystem.exists(paths.evictionMark(id)) else {
                    try File(path, .readWrite).truncate(toSizeBytes: 0)
                    return try FileSystem.unlink(path)
                }
                let final = paths.payloadFile(id)
                try FileSystem.rename(path, to: final)
                try FileSystem.syncDirectory(FileSystem.parent(of: final))
                try FileSystem.unlink(paths.evictionMark(id))
                try FileSystem.syncDirectory(FileSystem.parent(of: final))
            }
        }
    }

    /// Leaves a mark in the place of a file.
    ///
    /// - Returns: Whether there was a file.
    func evict(_ id: UploadID, leaving mark: EvictionMark) throws(StoreError) -> Bool {
        try moving.withLock { _ throws(StoreError) in
            try onDisk { () throws(SystemError) in
                let final = paths.payloadFile(id)
                guard try FileSystem.exists(final) else { return false }
                try FileSystem.writeDurably(
                    Array(mark.text.utf8).span,
                    to: paths.evictionMark(id),
                    permissions: 0o440
                )
                try FileSystem.unlink(final)
                try FileSystem.syncDirectory(FileSystem.parent(of: final))
                return true
            }
        }
    }

    /// The payloads that have only a mark.
    func evicted() throws(StoreError) -> [(id: UploadID, mark: EvictionMark)] {
        var found: [(UploadID, EvictionMark)] = []
        let paths = paths
        let directories = try onDisk { () throws(SystemError) in
            try FileSystem.list(paths.payloads)
        }
        for directory in directories.sorted() {
            let names = try onDisk { () throws(SystemError) in
                try FileSystem.list("\(paths.payloads)/\(directory)")
            }
            for name in names.sorted() where name.hasSuffix(StorePaths.evictionSuffix) {
                let text = name.dropLast(StorePaths.evictionSuffix.count)
                guard let id = UploadID(name: text),
                    let mark = try EvictionMark.read("\(paths.payloads)/\(directory)/\(name)")
                else { continue }
                found.append((id, mark))
            }
        }
        return found
    }
}

// What `s3-primary` allows: payloads over 1 MiB of sealed segments leave the disk.
extension EvidenceStore {
    /// Says where evicted payloads are fetched from; nil: nowhere.
    package func fetchEvicted(from source: PayloadSource?) { evicted.fetch(from: source) }

    /// Removes a record's payload file from the disk, if its segment is sealed and the file is
    /// older than a moment; a copy that was fetched is as old as that.
    ///
    /// `isThere`: asked last, and only of a file that may go: whether a target has the same bytes.
    /// - Returns: The bytes that left; 0 if the file stays, or is gone already.
    package func evict(
        _ index: RecordIndex,
        digest: SHA256Digest,
        olderThan age: Timestamp,
        if isThere: () -> Bool
    ) throws(StoreError) -> UInt64 {
        let stored = try record(at: index)
        guard view.unsealedSegment(view.geometry.segment(of: index)) == nil,
            withState({ $0.erasure(of: index) }) == nil,
            case .file(let id, let checksum) = stored.frame.payload, digest.word0 == checksum
        else { return 0 }
        let path = paths.payloadFile(id)
        let found = try onDisk { () throws(SystemError) in try FileSystem.information(path) }
        guard let found, found.modifiedNanoseconds / 1_000_000 < age.milliseconds, isThere()
        else { return 0 }
        let mark = EvictionMark(index: index, digest: digest, sizeBytes: found.sizeBytes)
        return try uploads.evict(id, leaving: mark) ? found.sizeBytes : 0
    }

    /// Fetches all payloads that were evicted.
    ///
    /// - Returns: How many came back.
    package func fetchAllEvicted() throws(StoreError) -> Int {
        let marks = try uploads.evicted()
        for (id, mark) in marks { try evicted.bringBack(id, mark) }
        return marks.count
    }
}
