internal import Cryptography
internal import EvidenceStore
internal import Platform
internal import TransparencyLog

/// Files that hold a log's signing keys: one until it is rotated.
///
/// A key a line, `PRIVATE+KEY+<name>+<hash>+<base64>`, the newest last.
enum SigningKey {
    /// The largest key file: some hundreds of keys, which nobody needs; they are taken out before.
    static let sizeLimitBytes = 64 * 1024

    /// A new key under a name; `strongroom.local/<8 hex>` unless one is given.
    static func make(origin: String?) throws(CommandFailure) -> NoteSigner {
        let name = origin ?? "strongroom.local/\(TemporaryName.make().prefix(8))"
        do throws(NoteError) {
            return try NoteSigner(name: name, privateKey: Ed25519PrivateKey.generate())
        } catch {
            throw .usage("--origin '\(name)' cannot name a log: \(error)")
        }
    }

    /// Reads a file with one key.
    ///
    /// - Throws: `notFound`, or `usage` if it holds no key or several; no key is in a message.
    static func read(_ path: String) throws(CommandFailure) -> NoteSigner {
        let signers = try readAll(path)
        guard signers.count == 1 else {
            throw .usage("\(path) holds \(signers.count) keys, and one is needed here")
        }
        return signers[0]
    }

    /// Reads a key file: at least one key.
    ///
    /// - Throws: As `read`.
    static func readAll(_ path: String) throws(CommandFailure) -> [NoteSigner] {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try FileSystem.contents(path, limitBytes: sizeLimitBytes)
        } catch {
            throw CommandFailure(error)
        }
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
        var signers: [NoteSigner] = []
        do throws(NoteError) {
            for line in lines { signers.append(try NoteSigner(parsingSecret: line)) }
        } catch { signers = [] }
        guard !signers.isEmpty else {
            throw .usage("\(path) holds no signing key as 'strongroom keygen' makes them")
        }
        return signers
    }

    /// The keys of the log in a directory; `file` nil: they lie there too.
    static func ofLog(in directory: String, file: String?) throws(CommandFailure) -> SigningKeys {
        do throws(StoreError) {
            // First: "this is no log" says more than "its key is missing".
            _ = try LogDescription.read(StorePaths(directory))
        } catch {
            throw CommandFailure(error)
        }
        do throws(CommandFailure) {
            let path = file ?? StorePaths(directory).signingKey
            return SigningKeys(try readAll(path)) { (all) throws(StoreError) in
                try keep(all, in: path)
            }
        } catch {
            let advice = "name the log's signing key with --key or signingKey"
            throw CommandFailure(error.code, error.message, advice: advice)
        }
    }

    /// Puts a new key into the file of those before it, durably.
    ///
    /// - Throws: `unavailable` if it cannot be written, would be too large to be read again, or
    ///   somebody has changed it since it was read.
    private static func keep(_ all: [NoteSigner], in path: String) throws(StoreError) {
        let there: [NoteSigner]
        do throws(CommandFailure) {
            there = try readAll(path)
        } catch {
            throw .unavailable("the new key cannot be kept in the key file (\(error.message))")
        }
        guard there.map(\.secretText) == all.dropLast().map(\.secretText) else {
            throw .unavailable(
                "the key file was changed since the server read it; start the server again, and "
                    + "rotate then"
            )
        }
        let text = text(all)
        guard text.count <= sizeLimitBytes else {
            throw .unavailable(
                "the key file has no room for another key (\(all.count - 1) in it, and at most "
                    + "\(sizeLimitBytes) bytes); take out lines of keys that sign no longer, see "
                    + "'strongroom key list', start the server again, and rotate then"
            )
        }
        do throws(SystemError) {
            try FileSystem.writeDurably(text.span, to: path, permissions: 0o600)
        } catch {
            throw .unavailable(
                "the new key cannot be kept in the key file (\(error)); add one there as a line "
                    + "at its end, start the server again, and rotate then"
            )
        }
    }

    private static func text(_ signers: [NoteSigner]) -> [UInt8] {
        Array(signers.map { $0.secretText + "\n" }.joined().utf8)
    }

    /// The keys with which a log is opened; `nil` for one that was restored and must not use it, or
    /// does not have it.
    static func ofOpenedLog(
        in directory: String,
        file: String?
    ) throws(CommandFailure) -> SigningKeys? {
        let mark: RestoreMark?
        do throws(StoreError) {
            mark = try RestoreMark.read(StorePaths(directory))
        } catch {
            throw CommandFailure(error)
        }
        guard let mark else { return try ofLog(in: directory, file: file) }
        if mark.readOnly != nil { return nil }
        let path = file ?? StorePaths(directory).signingKey
        let isThere: Bool
        do throws(SystemError) {
            isThere = try FileSystem.exists(path)
        } catch { throw CommandFailure(error) }
        return file == nil && !isThere ? nil : try ofLog(in: directory, file: file)
    }

    /// Writes keys to a new file that only its owner can read.
    static func write(_ signers: [NoteSigner], to path: String) throws(CommandFailure) {
        do throws(SystemError) {
            // Made exclusively first: a key that is there is never replaced.
            let file = try File(path, .create(permissions: 0o600))
            try file.write(text(signers).span)
            try file.sync()
            try FileSystem.syncDirectory(FileSystem.parent(of: path))
        } catch {
            throw CommandFailure(error, advice: "name a file that does not exist yet")
        }
    }

    /// The key in a file, or a new one written there.
    ///
    /// - Returns: The key, and whether it was made.
    static func readOrMake(
        _ path: String,
        origin: String?
    ) throws(CommandFailure) -> (signer: NoteSigner, isNew: Bool) {
        let isThere: Bool
        do throws(SystemError) {
            isThere = try FileSystem.exists(path)
        } catch {
            throw CommandFailure(error)
        }
        guard isThere else {
            let signer = try make(origin: origin)
            try write([signer], to: path)
            return (signer, true)
        }
        let signer = try read(path)
        if let origin, origin != signer.name {
            throw .usage("the key in \(path) is for the log \(signer.name), not for \(origin)")
        }
        return (signer, false)
    }
}
