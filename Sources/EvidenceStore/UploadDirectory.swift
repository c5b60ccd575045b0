import Platform

/// The payload files' directories: `incoming`, and one for each first byte of an upload id.
///
/// A file stays in `incoming` until a record names it durably; then it is settled: renamed to where
/// it stays. A crash between the two is made good at the next start; until then readers look in
/// both places. What no record names is removed at the start.
final class UploadDirectory: Sendable {
    let paths: StorePaths
    private let taken = Mutex<[UploadID]>([])
    /// Files move and go under this lock, so that one that moves is not missed by an erasure.
    let moving = Mutex(())

    init(_ paths: StorePaths) {
        self.paths = paths
    }

    /// Makes the directories of a new log.
    static func create(_ paths: StorePaths) throws(StoreError) {
        try onDisk { () throws(SystemError) in
            try FileSystem.makeDirectory(paths.payloads)
            try FileSystem.makeDirectory(paths.incoming)
            for byte in 0..<256 {
                let name = (byte < 16 ? "0" : "") + String(byte, radix: 16)
                try FileSystem.makeDirectory(paths.payloads + "/" + name)
            }
            try FileSystem.syncDirectory(paths.payloads)
        }
    }

    /// A durable record names this upload.
    func markTaken(_ id: UploadID) { taken.withLock { $0.append(id) } }

    /// Moves taken files to where they stay, durably.
    ///
    /// After a failure all of them are still taken: the next call begins anew, with the syncs too.
    /// A segment must not be sealed before: the start sweeps what only sealed segments name.
    func settle() throws(StoreError) {
        let ids = taken.withLock { $0 }
        guard !ids.isEmpty else { return }
        try moving.withLock { _ throws(StoreError) in try move(ids) }
        taken.withLock { $0.removeFirst(ids.count) }
    }

    private func move(_ ids: [UploadID]) throws(StoreError) {
        try onDisk { () throws(SystemError) in
            var changed: Set<String> = []
            for id in ids {
                let final = paths.payloadFile(id)
                changed.insert(FileSystem.parent(of: final))
                guard try FileSystem.exists(paths.incoming(id)) else { continue }
                try FileSystem.rename(paths.incoming(id), to: final)
            }
            for directory in changed { try FileSystem.syncDirectory(directory) }
            try FileSystem.syncDirectory(paths.incoming)
        }
    }

    /// Removes the files of erased records, durably.
    ///
    /// The content goes at once, also under a reader that has a file open: it reads the end of the
    /// file then. Ids without a file are done already.
    func erase(_ ids: [UploadID]) throws(StoreError) -> ErasedBytes {
        guard !ids.isEmpty else { return ErasedBytes() }
        return try moving.withLock { _ throws(StoreError) in
            try onDisk { () throws(SystemError) in
                var result = ErasedBytes()
                // Those of files that are gone too: a crash may have come before their sync.
                var directories: Set<String> = [paths.incoming]
                for id in ids {
                    let final = paths.payloadFile(id)
                    directories.insert(FileSystem.parent(of: final))
                    for path in [final, paths.incoming(id)] where try FileSystem.exists(path) {
                        result += ErasedBytes(files: 1, bytes: try Self.erase(path))
                    }
                    try FileSystem.unlinkIfPresent(paths.evictionMark(id))
                }
                for directory in directories { try FileSystem.syncDirectory(directory) }
                return result
            }
        }
    }

    /// Empties a file and removes its name.
    ///
    /// - Returns: How many bytes of the disk it took.
    private static func erase(_ path: String) throws(SystemError) -> UInt64 {
        let bytes = try FileSystem.allocatedBytes(path)
        try FileSystem.setPermissions(path, 0o600)
        try File(path, .readWrite).truncate(toSizeBytes: 0)
        try FileSystem.unlink(path)
        return bytes
    }

    /// At the start: keeps what records of unsealed segments name, removes the rest.
    func sweep(keeping named: Set<UploadID>) throws(StoreError) {
        for id in named { markTaken(id) }
        try settle()
        try onDisk { () throws(SystemError) in
            for name in try FileSystem.list(paths.incoming) {
                try FileSystem.unlink(paths.incoming + "/" + name)
            }
        }
    }

    /// Opens an upload's file, wherever it is.
    func open(_ id: UploadID) throws(StoreError) -> File {
        if let file = try find(id) { return file }
        throw .damaged(path: paths.payloadFile(id), detail: "the payload file is missing")
    }

    /// Opens an upload's file, wherever it is; nil if it is nowhere.
    func find(_ id: UploadID) throws(StoreError) -> File? {
        let final = paths.payloadFile(id)
        for path in [final, paths.incoming(id), final] {
            do throws(SystemError) {
                return try File(path, .read)
            } catch {
                guard error.errno == .notFound else { throw .system(error) }
            }
        }
        return nil
    }
}
