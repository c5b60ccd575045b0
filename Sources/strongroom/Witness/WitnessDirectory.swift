internal import Cryptography
internal import Platform
internal import TransparencyLog

/// The directory of a witness: its key, and of each log the checkpoint that it cosigned last.
///
/// ```
/// DIR/LOCK                    one process a witness (flock)
/// DIR/witness.key             the secret key, 0600
/// DIR/logs/<origin hash>      the latest checkpoint, with the log's signatures and the cosignature
/// DIR/refused/<origin hash>/  requests with a checkpoint that contradicts, or may contradict, it
/// ```
///
/// The origin hash is SHA-256 over the log's origin, in hexadecimal. What stands in `logs` is what
/// keeps the witness from signing a fork: it is replaced atomically and synced before a cosignature
/// is given away, and believed only with the witness's own signature on it.
final class WitnessDirectory: Sendable {
    /// The witness's key.
    let cosigner: Cosigner

    let path: String
    private let lock: File

    /// Requests that are kept of one log and one kind.
    static let maximumRefused = 100

    /// Makes a witness in an empty or new directory.
    ///
    /// - Throws: `refused` if something is there already: a witness's key is never replaced.
    static func create(at path: String, name: String) throws(CommandFailure) -> CosignatureKey {
        let cosigner: Cosigner
        do throws(NoteError) {
            cosigner = try Cosigner(name: name, privateKey: .generate())
        } catch {
            throw .usage("--name '\(name)' cannot name a witness: \(error)")
        }
        do throws(SystemError) {
            if try !FileSystem.exists(path) {
                try FileSystem.makeDirectory(path)
            } else if try !FileSystem.list(path).isEmpty {
                throw SystemError(
                    operation: "make a witness in",
                    path: path,
                    errno: .directoryNotEmpty
                )
            }
            try FileSystem.makeDirectory(path + "/logs")
            // Last: a directory without a key is no witness yet.
            let file = try File(path + "/witness.key", .create(permissions: 0o600))
            try file.write(Array((cosigner.secretText + "\n").utf8).span)
            try file.sync()
            try FileSystem.syncDirectory(path)
            try FileSystem.syncDirectory(FileSystem.parent(of: path))
        } catch {
            throw CommandFailure(error, advice: "name an empty directory, or a new one")
        }
        return cosigner.cosignatureKey
    }

    /// Opens a witness's directory, for this process alone.
    init(_ path: String) throws(CommandFailure) {
        self.path = path
        cosigner = try Self.readKey(path + "/witness.key")
        do throws(SystemError) {
            guard try FileSystem.information(path + "/logs")?.kind == .directory else {
                throw SystemError(operation: "open", path: path + "/logs", errno: .notFound)
            }
        } catch {
            throw CommandFailure(
                .verificationFailed,
                "\(error): what this witness has cosigned is lost",
                advice: "never go on with this key; make a new witness with --init"
            )
        }
        lock = try Self.takeLock(path)
    }

    /// What was cosigned last of a log; nil if nothing ever was.
    ///
    /// - Throws: `verificationFailed` if the file is not what this witness wrote.
    func latest(ofLogWith keys: [VerifierKey]) throws(CommandFailure) -> CosignedCheckpoint? {
        guard let origin = keys.first?.name else { return nil }
        let file = file(origin)
        let bytes: [UInt8]
        do throws(SystemError) {
            guard try FileSystem.exists(file) else { return nil }
            bytes = try FileSystem.contents(file, limitBytes: SignedNote.maximumBytes)
        } catch {
            throw CommandFailure(error)
        }
        do throws(NoteError) {
            return try CosignedCheckpoint(
                reading: bytes,
                origin: origin,
                key: cosigner.cosignatureKey,
                logKeys: keys
            )
        } catch {
            throw CommandFailure(
                .verificationFailed,
                "\(file) is not what this witness wrote: \(error)",
                advice: "bring this very file back; without it make a new witness with --init"
            )
        }
    }

    /// Makes what was cosigned durable; on return it may be given away.
    func save(_ cosigned: CosignedCheckpoint) throws(SaveFailure) {
        let file = file(cosigned.checkpoint.origin)
        let temporary = file + ".tmp"
        do throws(SystemError) {
            let file = try File(temporary, .createOrTruncate(permissions: 0o640))
            try file.write(Array(cosigned.note.encoded.utf8).span)
            try file.sync()
        } catch {
            // Best effort: it is written from its start the next time.
            try? FileSystem.unlinkIfPresent(temporary)
            let isFull = error.errno == .noSpace || error.errno == .quotaExceeded
            throw isFull ? .full(error) : .broken(error)
        }
        do throws(SystemError) {
            try FileSystem.rename(temporary, to: file)
            try FileSystem.syncDirectory(path + "/logs")
        } catch {
            // Whether the old file or the new one would be there after a power cut is not known.
            throw .broken(error)
        }
    }

    /// Keeps a request whose checkpoint speaks against the log.
    ///
    /// The same checkpoint is kept once, and of each `kind` so many and no more: whoever has
    /// checkpoints of the log can make requests with bad proofs.
    ///
    /// - Returns: the file; nil if it is there already or there are enough.
    func keep(
        _ request: AddCheckpointRequest,
        kind: String
    ) throws(SystemError) -> String? {
        let folder = path + "/refused/" + Self.hash(request.origin)
        try FileSystem.makeDirectoryIfAbsent(path + "/refused")
        try FileSystem.makeDirectoryIfAbsent(folder)
        let names = try FileSystem.list(folder).filter { $0.hasPrefix(kind + "-") }
        let digest = SHA256.hash(Array(request.checkpoint.text.utf8).span)
        let name = "\(kind)-\(digest.hex.prefix(16))"
        guard !names.contains(name), names.count < Self.maximumRefused else { return nil }
        try FileSystem.writeDurably(
            request.encoded.span,
            to: folder + "/" + name,
            permissions: 0o640
        )
        return folder + "/" + name
    }

    /// By what a log is named in file names and in the path of its latest checkpoint.
    static func hash(_ origin: String) -> String { SHA256.hash(Array(origin.utf8).span).hex }

    private func file(_ origin: String) -> String { path + "/logs/" + Self.hash(origin) }

    private static func takeLock(_ path: String) throws(CommandFailure) -> File {
        do throws(SystemError) {
            let file = try File(path + "/LOCK", .createOrTruncate(permissions: 0o600))
            if try file.tryLockExclusively() { return file }
        } catch {
            throw CommandFailure(error)
        }
        throw CommandFailure(
            .tryAgain,
            "another process runs the witness in \(path)",
            advice: "there must be one only"
        )
    }

    private static func readKey(_ path: String) throws(CommandFailure) -> Cosigner {
        let bytes: [UInt8]
        let permissions: UInt32
        do throws(SystemError) {
            bytes = try FileSystem.contents(path, limitBytes: 4096)
            permissions = try FileSystem.information(path)?.permissions ?? 0
        } catch {
            throw CommandFailure(error, advice: "make a witness with --init")
        }
        guard permissions & 0o077 == 0 else {
            throw CommandFailure(
                .refused,
                "\(path) can be read by others than its owner",
                advice: "chmod 600 it if nobody can have read it, else make a new witness"
            )
        }
        var text = Substring(decoding: bytes, as: UTF8.self)
        while text.last?.isNewline == true { text.removeLast() }
        do throws(NoteError) {
            return try Cosigner(parsingSecret: text)
        } catch {
            throw CommandFailure(.verificationFailed, "\(path) holds no key of a witness")
        }
    }
}

/// Why a checkpoint could not be made durable.
enum SaveFailure: Error, Equatable, Sendable {
    /// No space; everything is as it was.
    case full(SystemError)
    /// The disk fails: what is there has to be read again before anything else is signed.
    case broken(SystemError)
}
