import Cryptography
import Platform

/// `SHA256SUMS` of a sealed segment: the digest of each of its files, as `sha256sum -c` reads it.
///
/// LMDB leaves bytes between its entries that belong to nothing; with the digest of the whole file
/// no changed byte goes unnoticed. Lines are sorted by file name.
///
/// It is also the list of the segment's files: one that it does not name is what an interrupted
/// erasure left. Its rename is what makes an erasure take effect.
struct SegmentDigests: Equatable, Sendable {
    static let fileName = "SHA256SUMS"
    private static let logName = "log.mdb"
    private static let pieceBytes = 1 << 20
    private static let digestCharacters = 64

    /// By file name.
    private(set) var digests: [String: SHA256Digest] = [:]

    init() {}

    /// Reads what `encoded` gives; nil for anything else.
    init?(parsing bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        for line in text.split(separator: "\n") {
            guard let digest = SHA256Digest(hex: line.prefix(Self.digestCharacters)) else {
                return nil
            }
            let name = String(line.dropFirst(Self.digestCharacters + 2))
            guard name == Self.logName || PayloadFileName(name) != nil else { return nil }
            digests[name] = digest
        }
        guard digests[Self.logName] != nil, payloadFiles != nil, encoded == bytes else {
            return nil
        }
    }

    /// The list of a sealed segment.
    ///
    /// - Throws: `damaged` if it is missing or cannot be read.
    init(of number: SegmentNumber, _ paths: StorePaths) throws(StoreError) {
        let path = paths.digests(number)
        let bytes = try onDisk { () throws(SystemError) in
            try FileSystem.exists(path) ? try FileSystem.contents(path) : nil
        }
        guard let bytes else { throw .damaged(path: path, detail: "the file is missing") }
        guard let read = SegmentDigests(parsing: bytes) else {
            throw .damaged(path: path, detail: "it is not a list of the segment's files")
        }
        self = read
    }

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        for (name, digest) in digests.sorted(by: { $0.key < $1.key }) {
            bytes.append(contentsOf: "\(digest.hex)  \(name)\n".utf8)
        }
        return bytes
    }

    /// Takes a file in.
    mutating func add(_ name: String, ofFileAt path: String) throws(StoreError) {
        digests[name] = try Self.digest(ofFileAt: path)
    }

    mutating func remove(_ name: String) { digests[name] = nil }

    /// The file of each group; nil if a group has two.
    private var payloadFiles: [PayloadGroup: PayloadFileName]? {
        var files: [PayloadGroup: PayloadFileName] = [:]
        for name in digests.keys {
            guard let name = PayloadFileName(name) else { continue }
            guard files.updateValue(name, forKey: name.group) == nil else { return nil }
        }
        return files
    }

    /// The file of each group.
    var files: [PayloadGroup: PayloadFileName] { payloadFiles ?? [:] }

    /// The file of each group as a reader should take it.
    ///
    /// Without a list that can be read, or with one that names a file which is not there, the
    /// directory tells: a file has its name only once it is whole, and of two generations the later
    /// lacks only what was lawfully erased.
    static func files(
        of number: SegmentNumber,
        _ paths: StorePaths
    ) throws(StoreError) -> [PayloadGroup: PayloadFileName] {
        var listed: [PayloadGroup: PayloadFileName]?
        do throws(StoreError) {
            listed = try SegmentDigests(of: number, paths).files
        } catch {
            guard case .damaged = error else { throw error }
        }
        let names = try onDisk { () throws(SystemError) in
            try FileSystem.list(paths.segment(number))
        }
        let there = Set(names.compactMap { PayloadFileName($0) })
        if let listed, there.isSuperset(of: listed.values) { return listed }
        return Dictionary(there.map { ($0.group, $0) }, uniquingKeysWith: { max($0, $1) })
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
