internal import Platform

/// What the disk can do by itself, to hold a server's rate against.
struct DiskRates: Equatable, Sendable {
    /// D: appends of 1 KiB, each with fdatasync, a second.
    let appendsPerSecond: Double
    /// L: the two syncs of an LMDB commit, a second: 8 KiB and fdatasync, then 136 bytes written
    /// with `O_DSYNC` over a page that is there.
    let commitsPerSecond: Double

    /// Measures both on files in a directory, which it removes again.
    ///
    /// - Throws: exit code `storageFull` or `tryAgain`: the directory cannot be written.
    static func measure(in directory: String, seconds: Double) throws(CommandFailure) -> DiskRates {
        do throws(SystemError) {
            return DiskRates(
                appendsPerSecond: try measureAppends(in: directory, seconds: seconds),
                commitsPerSecond: try measureCommits(in: directory, seconds: seconds)
            )
        } catch {
            throw CommandFailure(
                error,
                advice: "choose another directory with --directory"
            )
        }
    }

    /// The mean of a measurement before a run and one after it.
    static func mean(_ first: DiskRates, _ second: DiskRates) -> DiskRates {
        DiskRates(
            appendsPerSecond: (first.appendsPerSecond + second.appendsPerSecond) / 2,
            commitsPerSecond: (first.commitsPerSecond + second.commitsPerSecond) / 2
        )
    }

    private static func measureAppends(
        in directory: String,
        seconds: Double
    )
        throws(SystemError) -> Double
    {
        let path = "\(directory)/append-\(TemporaryName.make())"
        let file = try File(path, .create(permissions: 0o600))
        try FileSystem.unlink(path)
        let block = Random.bytes(count: 1024)
        var offset: UInt64 = 0
        return try rate(seconds: seconds) { () throws(SystemError) in
            try file.write(block.span, at: offset)
            try file.syncData()
            offset += UInt64(block.count)
        }
    }

    private static func measureCommits(
        in directory: String,
        seconds: Double
    )
        throws(SystemError) -> Double
    {
        let path = "\(directory)/commit-\(TemporaryName.make())"
        let file = try File(path, .create(permissions: 0o600))
        let meta = try File(path, .readWriteDataSync)
        try FileSystem.unlink(path)
        let pages = Random.bytes(count: 8192)
        let header = Random.bytes(count: 136)
        try file.write(pages.span, at: 0)
        try file.sync()
        var offset = UInt64(pages.count)
        return try rate(seconds: seconds) { () throws(SystemError) in
            try file.write(pages.span, at: offset)
            try file.syncData()
            try meta.write(header.span, at: 16)
            offset += UInt64(pages.count)
        }
    }

    private static func rate(
        seconds: Double,
        _ step: () throws(SystemError) -> Void
    ) throws(SystemError) -> Double {
        let start = Clock.monotonicNanoseconds()
        let end = start + UInt64(seconds * 1e9)
        var count = 0
        var now = start
        repeat {
            try step()
            count += 1
            now = Clock.monotonicNanoseconds()
        } while now < end
        return Double(count) / (Double(now - start) / 1e9)
    }
}
