import Cryptography
import Platform

/// Writes the files of the access log; belongs to its thread.
///
/// A piece that failed is written again at the same place: what a first try left there is the
/// beginning of the same bytes.
///
/// `@unchecked Sendable`: made where the log is opened, then used by its one thread alone.
final class AccessFileWriter: @unchecked Sendable {
    /// Lines of one file, with their ends.
    struct Piece {
        let day: Int64
        var bytes: [UInt8] = []
        /// The number of its last line.
        var endCount: UInt64 = 0
    }

    private struct Output: ~Copyable {
        let file: File
        let day: Int64
        var sizeBytes: UInt64
        /// Whether its name is durable.
        var isNamed: Bool
    }

    private let directory: String
    private let newest: AccessFiles.Newest?
    private var output: Output?

    init(directory: String, newest: AccessFiles.Newest?) {
        self.directory = directory
        self.newest = newest
    }

    /// Makes a piece durable.
    func write(_ piece: Piece) throws(SystemError) {
        if output?.day != piece.day { try open(piece.day) }
        try output?.file.write(piece.bytes.span, at: output?.sizeBytes ?? 0)
        try output?.file.syncData()
        if output?.isNamed == false {
            try FileSystem.syncDirectory(directory)
            output?.isNamed = true
        }
        output?.sizeBytes += UInt64(piece.bytes.count)
    }

    private func open(_ day: Int64) throws(SystemError) {
        let path = "\(directory)/\(AccessDay.text(day)).log"
        if let newest, newest.day == day {
            output = Output(
                file: try File(path, .readWrite),
                day: day,
                sizeBytes: newest.sizeBytes,
                isNamed: true
            )
        } else {
            output = Output(
                file: try File(path, .create(permissions: 0o600)),
                day: day,
                sizeBytes: 0,
                isNamed: false
            )
        }
    }
}

/// What the files of the access log hold.
enum AccessFiles {
    struct Newest {
        let day: Int64
        let sizeBytes: UInt64
    }

    /// How much of the newest file is read again at start: more than one write can have been.
    static let tailSizeBytes: UInt64 = 16 << 20

    /// Makes the directory if need be, cuts what a crash left, and finds the end of the chain.
    static func recover(
        _ paths: StorePaths,
        from beginning: AccessLog.Position
    ) throws(StoreError) -> (newest: Newest?, position: AccessLog.Position) {
        try onDisk { () throws(SystemError) in
            try FileSystem.makeDirectoryIfAbsent(paths.state)
            try FileSystem.makeDirectoryIfAbsent(paths.access)
            try FileSystem.syncDirectory(paths.state)
            try FileSystem.syncDirectory(paths.root)
        }
        for file in try days(in: paths.access).reversed() {
            let path = "\(paths.access)/\(file.text).log"
            let end = try end(of: path)
            if let position = end.position {
                if end.isTorn { try cut(path, toSizeBytes: end.sizeBytes) }
                return (Newest(day: file.day, sizeBytes: end.sizeBytes), position)
            }
            // Begun, and not a line of it durable.
            try onDisk { () throws(SystemError) in
                try FileSystem.unlink(path)
                try FileSystem.syncDirectory(paths.access)
            }
        }
        return (nil, beginning)
    }

    private static func cut(_ path: String, toSizeBytes size: UInt64) throws(StoreError) {
        try onDisk { () throws(SystemError) in
            let file = try File(path, .readWrite)
            try file.truncate(toSizeBytes: size)
            try file.sync()
        }
    }

    /// The days that have a file, ascending; other names are left out.
    static func days(in directory: String) throws(StoreError) -> [(day: Int64, text: String)] {
        let names = try onDisk { () throws(SystemError) in try FileSystem.list(directory) }
        return names.compactMap { name in
            guard name.hasSuffix(".log") else { return nil }
            let text = String(name.dropLast(4))
            return AccessDay.number(text).map { ($0, text) }
        }
    }

    /// Reads a file's lines, without their ends.
    static func forEachLine(
        of path: String,
        _ body: ([UInt8]) throws(StoreError) -> Void
    ) throws(StoreError) {
        var reader = try AccessLineReader(path)
        while let line = try reader.next() { try body(line) }
    }

    /// Where the chain stands at the end of a file's last whole line.
    struct End {
        /// Nil: the file has no whole line.
        let position: AccessLog.Position?
        /// The whole lines'.
        let sizeBytes: UInt64
        /// Whether bytes of another line follow.
        let isTorn: Bool
    }

    /// Reads the end of a file, and checks the chain in what it reads.
    ///
    /// - Throws: `damaged`.
    static func end(
        of path: String,
        tailSizeBytes: UInt64 = tailSizeBytes
    ) throws(StoreError) -> End {
        let sizeBytes = try onDisk { () throws(SystemError) in
            try File(path, .read).sizeBytes()
        }
        let start = sizeBytes > tailSizeBytes ? sizeBytes - tailSizeBytes : 0
        var reader = try AccessLineReader(path, from: start)
        if start > 0 { _ = try reader.next() }
        var chain = AccessChain(nil)
        while let line = try reader.next() {
            if let fault = chain.take(line) { throw .damaged(path: path, detail: fault) }
        }
        // A file that is long has lines: nothing may take it for one that was just begun.
        guard start == 0 || chain.position != nil else {
            throw .damaged(path: path, detail: "its end holds no line")
        }
        return End(
            position: chain.position,
            sizeBytes: reader.lineEndOffset,
            isTorn: reader.lineEndOffset < sizeBytes
        )
    }
}

/// Reads a file of the access log line by line.
struct AccessLineReader: ~Copyable {
    private let file: File
    private var buffer: [UInt8] = []
    private var start = 0
    private var readOffset: UInt64

    private static let readSizeBytes = 1 << 20

    init(_ path: String, from offset: UInt64 = 0) throws(StoreError) {
        do throws(SystemError) {
            file = try File(path, .read)
        } catch {
            throw .system(error)
        }
        readOffset = offset
    }

    /// Behind the last line that was read, in the file.
    var lineEndOffset: UInt64 { readOffset - UInt64(buffer.count - start) }

    /// The next line without its end; nil when no whole line is left.
    ///
    /// - Throws: `damaged` where something is too long for a line.
    mutating func next() throws(StoreError) -> [UInt8]? {
        var searched = start
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { start = end + 1 }
                return Array(buffer[start..<end])
            }
            buffer.removeFirst(start)
            start = 0
            searched = buffer.count
            try checkRest()
            let read = try onDisk { () throws(SystemError) in
                try file.read(count: Self.readSizeBytes, at: readOffset)
            }
            guard !read.isEmpty else { return nil }
            buffer += read
            readOffset += UInt64(read.count)
        }
    }

    /// What has no end yet is a line that a crash cut, where zeros may stand for what was to come.
    private func checkRest() throws(StoreError) {
        let count = (buffer.lastIndex { $0 != 0 } ?? -1) + 1
        guard count <= AccessLine.limitBytes, buffer.count <= AccessFiles.tailSizeBytes else {
            throw .damaged(path: file.path, detail: "it has a line that is too long")
        }
    }
}
