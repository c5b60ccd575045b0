import Cryptography
import Platform

/// Hashes files without holding them.
enum FileDigest {
    private static let pieceBytes = 1 << 20

    /// SHA-256 over a part of a file.
    static func sha256(
        _ path: String,
        _ offset: UInt64,
        _ sizeBytes: UInt64
    ) throws(StoreFailure) -> SHA256Digest {
        var hasher = SHA256Hasher()
        var position: UInt64 = 0
        do throws(SystemError) {
            let file = try File(path, .read)
            while position < sizeBytes {
                let count = Int(min(UInt64(pieceBytes), sizeBytes - position))
                let bytes = try file.read(count: count, at: offset + position)
                guard !bytes.isEmpty else { break }
                hasher.update(bytes.span)
                position += UInt64(bytes.count)
            }
        } catch {
            throw .local(detail: "\(error)")
        }
        guard position == sizeBytes else { throw .local(detail: "\(path) was cut") }
        return hasher.finalize()
    }
}
