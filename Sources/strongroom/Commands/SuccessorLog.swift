internal import Cryptography
internal import EvidenceBundle
internal import EvidenceModel
internal import EvidenceStore
internal import Observability
internal import Platform
internal import Replication
internal import TransparencyLog

/// A new log that goes on for one that must not sign any more.
///
/// It has an origin and a key of its own, and its record 0 names the last checkpoint of its
/// predecessor, which lies restored in a directory below.
struct SuccessorLog {
    let signer: NoteSigner
    private let directory: String
    private let keyPath: String
    private let madeKey: Bool
    private let madeDirectory: Bool

    var predecessorPath: String { StorePaths(directory).predecessor }

    /// Makes its directory, and its key unless that is there; nothing else yet.
    init(_ arguments: ParsedArguments, of predecessor: [VerifierKey]) throws(CommandFailure) {
        directory = arguments.operands[0]
        keyPath =
            try Self.ownKey(arguments.value("log-key"), predecessor)
            ?? StorePaths(directory).signingKey
        madeDirectory = try Self.makeDirectory(directory)
        do throws(CommandFailure) {
            (signer, madeKey) = try SigningKey.readOrMake(
                keyPath,
                origin: arguments.value("origin")
            )
        } catch {
            if madeDirectory { try? FileSystem.removeTree(directory) }
            throw error
        }
        guard signer.name == predecessor[0].name else { return }
        giveUp()
        throw .usage(
            "\(signer.name) is the predecessor's name: a successor has an origin and a key "
                + "of its own"
        )
    }

    /// The key file that was named, unless it holds the predecessor's key: that signs no more.
    private static func ownKey(
        _ path: String?,
        _ predecessor: [VerifierKey]
    ) throws(CommandFailure) -> String? {
        guard let path else { return nil }
        let isThere: Bool
        do throws(SystemError) {
            isThere = try FileSystem.exists(path)
        } catch {
            throw CommandFailure(error)
        }
        guard isThere else { return path }
        let own = try SigningKey.readAll(path)
        return own.contains { predecessor.contains($0.verifierKey) } ? nil : path
    }

    /// Makes the log, after what was restored.
    func make(after report: RestorationReport) throws(CommandFailure) {
        let predecessor: Predecessor
        do throws(LimitViolation) {
            predecessor = try Predecessor(
                checkpoint: report.checkpoint.encoded,
                keys: report.checkpoint.signers,
                lost: Self.lost(report)
            )
        } catch {
            throw CommandFailure(.refused, "the successor cannot name its predecessor: \(error)")
        }
        do throws(StoreError) {
            _ = try EvidenceStore.create(
                at: directory,
                geometry: report.description.geometry,
                signer: signer,
                founders: [],
                predecessor: predecessor,
                bundleVerifier: BundleVerifier.digest
            )
        } catch {
            throw CommandFailure(error)
        }
    }

    /// Leaves nothing of a log that was not made; what cannot be removed is only in the way.
    func giveUp() {
        if madeKey { try? FileSystem.unlinkIfPresent(keyPath) }
        try? FileSystem.removeTree(madeDirectory ? directory : predecessorPath)
    }

    func tell(_ report: RestorationReport, _ console: Console) {
        let size = report.checkpoint.checkpoint.size
        console.message(
            "made the log \(signer.name) in \(directory); its record 0 names the checkpoint of "
                + "\(size) records of its predecessor, which is read-only in \(predecessorPath)"
        )
        if let lost = Self.lost(report) {
            console.message(
                "lost: records \(lost.lowerBound) to \(lost.upperBound) of the predecessor were "
                    + "signed, and the bucket does not have them"
            )
        }
        console.message("its signing key is in \(keyPath); keep it off this disk")
    }

    /// Records that are known to have been signed and are not there.
    private static func lost(_ report: RestorationReport) -> ClosedRange<UInt64>? {
        let size = report.checkpoint.checkpoint.size
        guard report.newestKnown > size else { return nil }
        return size.value...(report.newestKnown.value - 1)
    }

    /// Makes the directory, unless it is there and empty but for a signing key.
    ///
    /// - Returns: Whether it was made.
    private static func makeDirectory(_ path: String) throws(CommandFailure) -> Bool {
        do throws(SystemError) {
            guard try FileSystem.exists(path) else {
                try FileSystem.makeDirectory(path)
                return true
            }
            let key = StorePaths(path).signingKey
            guard try FileSystem.list(path).allSatisfy({ "\(path)/\($0)" == key }) else {
                throw SystemError(operation: "restore to", path: path, errno: .directoryNotEmpty)
            }
            return false
        } catch {
            throw CommandFailure(error, advice: "name an empty directory, or a new one")
        }
    }
}
