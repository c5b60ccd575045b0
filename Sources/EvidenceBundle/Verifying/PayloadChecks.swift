import Cryptography
import EvidenceModel
import Platform
import TarArchive
import TransparencyLog

/// Checks payloads in an archive, on several threads, while records are still being read.
final class PayloadChecks: Sendable {
    /// A payload: where its header must stand, and what it must be.
    struct Expected: Sendable {
        let offset: UInt64
        let path: String
        let sizeBytes: UInt64
        let digest: SHA256Digest
    }

    private struct State {
        var waiting: [[Expected]] = []
        var isEnded = false
        var faults: [(offset: UInt64, fault: BundleFault)] = []
    }

    private let archive: BundleArchive
    private let done: @Sendable (UInt64) -> Void
    private let state = Mutex(State())
    private let changed = Condition()

    private static let waitingLimit = 64
    /// Faults that are told.
    private static let faultLimit = 20

    /// `done`: told how many more bytes were checked.
    init(_ archive: BundleArchive, done: @escaping @Sendable (UInt64) -> Void) {
        self.archive = archive
        self.done = done
    }

    /// Hands payloads in; waits while many are waiting.
    func add(_ batch: [Expected]) {
        state.withLock(when: { $0.waiting.count < Self.waitingLimit }, on: changed) {
            $0.waiting.append(batch)
        }
        changed.broadcast()
    }

    /// Starts as many threads as there are processors.
    func start() -> [Thread] {
        (0..<Environment.processorCount()).map { number in
            Thread(name: "verify-\(number)") { self.run() }
        }
    }

    /// Waits until all are checked.
    ///
    /// - Returns: What is wrong, in the order of the archive.
    func end(_ threads: [Thread]) -> [BundleFault] {
        state.withLock { $0.isEnded = true }
        changed.broadcast()
        for thread in threads { thread.join() }
        return state.withLock { state in
            state.faults.sorted { $0.offset < $1.offset }.map(\.fault)
        }
    }

    private func run() {
        var header = TarHeaderWriter()
        while true {
            let batch = state.withLock(
                when: { !$0.waiting.isEmpty || $0.isEnded },
                on: changed
            ) { state in state.waiting.isEmpty ? nil : state.waiting.removeFirst() }
            guard let batch else { return }
            changed.broadcast()
            for expected in batch {
                do throws(BundleFault) {
                    try check(expected, &header)
                } catch {
                    state.withLock { state in
                        guard state.faults.count < Self.faultLimit else { return }
                        state.faults.append((expected.offset, error))
                    }
                }
            }
        }
    }

    private func check(
        _ expected: Expected,
        _ header: inout TarHeaderWriter
    ) throws(BundleFault) {
        let path = expected.path
        header.set(
            name: Array((BundleLayout.directory(of: archive.index) + path).utf8).span,
            sizeBytes: expected.sizeBytes,
            modifiedSeconds: archive.modifiedSeconds
        )
        let size = TarHeader.blockSizeBytes
        let found = try archive.read(size, at: expected.offset, of: path)
        guard found == header.block else {
            throw BundleFault(
                path,
                "it does not stand where its record says, with \(expected.sizeBytes) bytes"
            )
        }
        let start = expected.offset + UInt64(size)
        let digest = try archive.digest(of: path, at: start, sizeBytes: expected.sizeBytes)
        guard digest == expected.digest else {
            throw BundleFault(
                path,
                "its SHA-256 is \(digest.hex), and its record says \(expected.digest.hex)"
            )
        }
        let padding = TarHeader.paddingBytes(sizeBytes: expected.sizeBytes)
        let zeros = try archive.read(padding, at: start + expected.sizeBytes, of: path)
        guard zeros.allSatisfy({ $0 == 0 }) else {
            throw BundleFault(path, "the archive has bytes behind it that belong to no member")
        }
        done(expected.sizeBytes)
    }
}
