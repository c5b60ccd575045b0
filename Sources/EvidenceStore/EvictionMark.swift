package import Cryptography
package import EvidenceModel
import Platform
import TransparencyLog

/// What stands on the disk for a payload file that was evicted: `payloads/<aa>/<upload>.evicted`.
///
/// Text, a line each: the version, the record's index, the SHA-256 of the file's bytes in
/// hexadecimal, their count. What is fetched must have just these bytes.
package struct EvictionMark: Hashable, Sendable {
    package let index: RecordIndex
    /// Of the file as it stood: compressed.
    package let digest: SHA256Digest
    package let sizeBytes: UInt64

    private static let version = "strongroom-evicted-v1"
    private static let limitBytes = 256

    package init(index: RecordIndex, digest: SHA256Digest, sizeBytes: UInt64) {
        self.index = index
        self.digest = digest
        self.sizeBytes = sizeBytes
    }

    var text: String { "\(Self.version)\n\(index)\n\(digest.hex)\n\(sizeBytes)\n" }

    /// Reads a mark; nil if there is none.
    static func read(_ path: String) throws(StoreError) -> EvictionMark? {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try FileSystem.contents(path, limitBytes: limitBytes)
        } catch {
            guard error.errno == .notFound else { throw .system(error) }
            return nil
        }
        let lines = String(decoding: bytes, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 5, lines[0] == version, lines[4].isEmpty,
            let index = UInt64(lines[1]), index <= TreeSize.maximum.value,
            let digest = SHA256Digest(hex: String(lines[2])), let size = UInt64(lines[3])
        else {
            throw .damaged(path: path, detail: "it does not say what was evicted")
        }
        return EvictionMark(index: RecordIndex(index), digest: digest, sizeBytes: size)
    }
}
