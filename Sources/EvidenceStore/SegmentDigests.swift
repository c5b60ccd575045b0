import Cryptography
import Platform

/// `SHA256SUMS` of a sealed segment: the digest of each of its files, as `sha256sum -c` reads it.
///
/// LMDB leaves bytes between its entries that belong to nothing; with the digest of the whole file
/// no changed byte goes unnoticed. Lines are sorted by file name.
enum SegmentDigests {
    static let fileName = "SHA256SUMS"
    private static let pieceBytes = 1 << 20

    /// The text for files of one directory.
    static func text(ofFilesAt paths: [String], names: [String]) throws(StoreError) -> [UInt8] {
        var lines: [String] = []
        for (path, name) in zip(paths, names) {
            lines.append("\(try digest(ofFileAt: path).hex)  \(name)\n")
        }
        return Array(lines.sorted { $0.dropFirst(66) < $1.dropFirst(66) }.joined().utf8)
    }

    /// The SHA-256 of a whole file.
    static func digest(ofFileAt path: String) throws(StoreError) -> SHA256Digest {
        do throws(SystemError) {
            let file = try File(path, .read)
            var hasher = SHA256Hasher()
            var offset: UInt64 = 0
            while true {
                let piece = try file.read(count: pieceBytes, at: offset)
                if piece.isEmpty { return hasher.finalize() }
                hasher.update(piece.span)
                offset += UInt64(piece.count)
            }
        } catch {
            throw .system(error)
        }
    }
}
