internal import EvidenceModel
internal import Platform
internal import Synchronization

/// Where `put --receipts` keeps what comes back: `DIR/<name>.receipt.json`.
///
/// Evidence names have no empty, `.` or `..` part and no leading `/`, so a path below DIR is all
/// they can make. A symbolic link among the directories would still lead outside, so each part must
/// be a directory itself. Any thread: two threads may make the same directory.
final class ReceiptFolder: Sendable {
    static let suffix = ".receipt.json"

    let path: String
    /// Directories that this process has made or seen; it asks for each once.
    private let known = Mutex<Set<String>>([])
    private let temporaryPrefix = ".receipt-\(TemporaryName.make())-"
    private let temporaryCount = Atomic<Int>(0)

    /// Makes the directory unless it is there.
    init(path: String) throws(CommandFailure) {
        self.path = path
        do throws(SystemError) {
            try FileSystem.makeDirectoryIfAbsent(path)
        } catch {
            throw CommandFailure(error)
        }
    }

    /// Writes a receipt so that it is either whole under its name or not there.
    func write(_ receipt: [UInt8], for name: EvidenceName) throws(CommandFailure) {
        do throws(SystemError) {
            let parts = name.text.split(separator: "/").map(String.init)
            let directory = try makeDirectories(parts.dropLast())
            // A name may fill all of a file name's 255 bytes; the temporary one is always short.
            let number = temporaryCount.wrappingAdd(1, ordering: .relaxed).newValue
            let temporary = "\(directory)/\(temporaryPrefix)\(number).tmp"
            try Self.write(receipt, to: temporary)
            do throws(SystemError) {
                let path = "\(directory)/\(parts.last ?? "")\(Self.suffix)"
                try FileSystem.rename(temporary, to: path)
            } catch {
                try? FileSystem.unlinkIfPresent(temporary)
                throw error
            }
        } catch {
            throw CommandFailure(
                error,
                advice: "the evidence itself is kept; 'strongroom prove' gives another receipt"
            )
        }
    }

    private func makeDirectories(_ parts: ArraySlice<String>) throws(SystemError) -> String {
        var directory = path
        for part in parts {
            directory += "/" + part
            if known.withLock({ $0.contains(directory) }) { continue }
            try FileSystem.makeDirectoryIfAbsent(directory)
            guard try FileSystem.information(directory)?.kind == .directory else {
                throw SystemError(
                    operation: "keep a receipt in",
                    path: directory,
                    errno: .notADirectory
                )
            }
            known.withLock { _ = $0.insert(directory) }
        }
        return directory
    }

    private static func write(_ bytes: [UInt8], to path: String) throws(SystemError) {
        let file = try File(path, .create(permissions: 0o640))
        try file.write(bytes.span)
    }
}
