internal import Platform

/// A file that is written piece by piece, and has its name only when it is whole.
final class ReportFile {
    let path: String
    private let temporary: String
    private let file: File
    private var pending: [UInt8] = []
    private var isFinished = false

    private static let pieceBytes = 1 << 18

    init(_ path: String) throws(CommandFailure) {
        self.path = path
        temporary = "\(FileSystem.parent(of: path))/.strongroom-\(TemporaryName.make()).part"
        do throws(SystemError) {
            file = try File(temporary, .create(permissions: 0o640))
        } catch { throw CommandFailure(error) }
    }

    deinit {
        if !isFinished { try? FileSystem.unlinkIfPresent(temporary) }
    }

    func write(_ text: String) throws(CommandFailure) {
        pending += text.utf8
        if pending.count >= Self.pieceBytes { try writePending() }
    }

    /// Makes it durable under its name.
    func finish() throws(CommandFailure) {
        try writePending()
        do throws(SystemError) {
            try file.sync()
            try FileSystem.rename(temporary, to: path)
            isFinished = true
            try FileSystem.syncDirectory(FileSystem.parent(of: path))
        } catch { throw CommandFailure(error) }
    }

    private func writePending() throws(CommandFailure) {
        do throws(SystemError) {
            let bytes = pending
            try file.write(bytes.span)
        } catch { throw CommandFailure(error) }
        pending.removeAll(keepingCapacity: true)
    }
}
