internal import Cryptography
internal import Platform

/// A payload's digest and length.
struct PayloadIdentity: Equatable, Sendable {
    let digest: SHA256Digest
    let sizeBytes: UInt64
}

/// Hashes files.
enum PayloadDigest {
    private static let chunkSizeBytes = 1 << 20

    /// What `--digest` names; nil if it is not given.
    static func option(_ arguments: ParsedArguments) throws(CommandFailure) -> SHA256Digest? {
        guard let text = arguments.value("digest") else { return nil }
        guard let digest = SHA256Digest(hex: text.lowercased()) else {
            throw .usage("--digest is '\(text)', not 64 hexadecimal digits")
        }
        return digest
    }

    /// Hashes a file from its first byte to its last; `-` is standard input.
    static func ofFile(_ path: String) throws(CommandFailure) -> PayloadIdentity {
        do throws(SystemError) {
            guard path != "-" else { return try ofStandardInput() }
            let found = try FileSystem.information(path)
            guard found?.kind != .directory else {
                throw SystemError(operation: "read", path: path, errno: .isADirectory)
            }
            return try of(File(path, .read))
        } catch {
            throw CommandFailure(error)
        }
    }

    /// Hashes an open file from its start, whatever its position.
    static func of(_ file: borrowing File) throws(SystemError) -> PayloadIdentity {
        var hasher = SHA256Hasher()
        var offset: UInt64 = 0
        while true {
            let bytes = try file.read(count: chunkSizeBytes, at: offset)
            if bytes.isEmpty { break }
            hasher.update(bytes.span)
            offset += UInt64(bytes.count)
        }
        return PayloadIdentity(digest: hasher.finalize(), sizeBytes: offset)
    }

    private static func ofStandardInput() throws(SystemError) -> PayloadIdentity {
        var hasher = SHA256Hasher()
        var size: UInt64 = 0
        var buffer = [UInt8](repeating: 0, count: chunkSizeBytes)
        while true {
            let count = try StandardStream.readInput(into: &buffer)
            if count == 0 { break }
            hasher.update(buffer.span.extracting(first: count))
            size += UInt64(count)
        }
        return PayloadIdentity(digest: hasher.finalize(), sizeBytes: size)
    }
}
