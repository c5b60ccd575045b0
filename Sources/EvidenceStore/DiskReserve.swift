import Platform
import Synchronization

/// The room on the disk that is kept free, so that what was begun can always be finished.
///
/// Free space is asked for at most every 50 ms, and after each MiB that the store writes.
final class DiskReserve: Sendable {
    private let path: String
    let reserveBytes: UInt64
    private let free: Atomic<UInt64>
    private let askedNanoseconds: Atomic<UInt64>

    init(path: String, reserveBytes: UInt64?) throws(StoreError) {
        self.path = path
        let (free, total) = try onDisk { () throws(SystemError) in
            (try FileSystem.freeBytes(at: path), try FileSystem.totalBytes(at: path))
        }
        self.reserveBytes = reserveBytes ?? min(max(total / 32, 8 << 20), 512 << 20)
        self.free = Atomic(free)
        askedNanoseconds = Atomic(Clock.monotonicNanoseconds())
    }

    /// Free bytes as last seen.
    var freeBytes: UInt64 { free.load(ordering: .relaxed) }

    /// - Throws: `storageFull` if `bytes` more would take from the reserve.
    func check(adding bytes: UInt64) throws(StoreError) {
        let asked = askedNanoseconds.load(ordering: .relaxed)
        if bytes >= 1 << 20 || Clock.monotonicNanoseconds() &- asked > 50_000_000 {
            try refresh()
        }
        guard freeBytes >= bytes, freeBytes - bytes >= reserveBytes else {
            throw .storageFull(freeBytes: freeBytes, reserveBytes: reserveBytes)
        }
    }

    /// Asks the system anew.
    func refresh() throws(StoreError) {
        let now = Clock.monotonicNanoseconds()
        let seen = try onDisk { () throws(SystemError) in try FileSystem.freeBytes(at: path) }
        free.store(seen, ordering: .relaxed)
        askedNanoseconds.store(now, ordering: .relaxed)
    }
}
