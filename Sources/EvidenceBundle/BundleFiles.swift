import Cryptography
import EvidenceModel
import EvidenceStore
import Platform
import TransparencyLog

/// The files in which a bundle is put together.
struct BundleFiles {
    /// All of the archive up to the first payload.
    static let head = "head"
    /// A row for each payload.
    static let payloads = ExportedBundles.payloads

    let entries: SpoolFile
    let openings: SpoolFile
    let locks: SpoolFile
    let accesses: SpoolFile
    let manifest: SpoolFile
    let rows: PayloadRows

    init(_ directory: String, _ store: EvidenceStore) throws(StoreError) {
        entries = try SpoolFile("\(directory)/entries", store)
        openings = try SpoolFile("\(directory)/openings", store)
        locks = try SpoolFile("\(directory)/locks", store)
        accesses = try SpoolFile("\(directory)/accesses", store)
        manifest = try SpoolFile("\(directory)/manifest", store)
        rows = PayloadRows(try SpoolFile("\(directory)/\(Self.payloads)", store))
    }

    /// The file that holds a member of the archive, if one does.
    func spooled(_ name: String) -> SpoolFile? {
        switch name {
        case BundleLayout.entries: entries
        case BundleLayout.openings: openings
        case BundleLayout.locks: locks
        case BundleLayout.accesses: accesses
        case BundleLayout.payloadManifest: manifest
        default: nil
        }
    }

    /// Removes what now stands in the head.
    func remove() throws(StoreError) {
        for file in [entries, openings, locks, accesses, manifest] {
            do throws(SystemError) {
                try FileSystem.unlink(file.path)
            } catch { throw .system(error) }
        }
    }
}

/// Which payloads a bundle has, in a file: 16 bytes each.
final class PayloadRows {
    private let file: SpoolFile

    init(_ file: SpoolFile) { self.file = file }

    func append(index: RecordIndex, sizeBytes: UInt64) throws(StoreError) {
        try file.write(PayloadRow(index: index, sizeBytes: sizeBytes).bytes.span)
    }

    func finish() throws(StoreError) { _ = try file.finish() }
}

/// One payload of a bundle.
struct PayloadRow: Equatable {
    static let rowSizeBytes = ExportedBundles.rowSizeBytes

    let index: RecordIndex
    let sizeBytes: UInt64

    init(index: RecordIndex, sizeBytes: UInt64) {
        self.index = index
        self.sizeBytes = sizeBytes
    }

    /// Reads the first row of `bytes`, which hold one at least.
    init(_ bytes: ArraySlice<UInt8>) {
        let span = bytes.span
        index = RecordIndex(BigEndian.read(UInt64.self, from: span, at: 0) ?? 0)
        sizeBytes = BigEndian.read(UInt64.self, from: span, at: 8) ?? 0
    }

    var bytes: [UInt8] {
        BigEndian.bytes(of: index.value) + BigEndian.bytes(of: sizeBytes)
    }
}

/// What was counted while a bundle was written.
struct BundleCounts {
    var entries: UInt64 = 0
    var evidence: UInt64 = 0
    var payloads: UInt64 = 0
    var payloadBytes: UInt64 = 0
    var collections: [CollectionName: UInt64] = [:]
    /// Records that the selection does not mean.
    var strangers: UInt64 = 0
}

/// The digest over indexes, 8 bytes each, big-endian.
final class IndexDigest {
    private var hasher = SHA256Hasher()

    func add(_ index: RecordIndex) {
        hasher.update(BigEndian.bytes(of: index.value).span)
    }

    func finish() -> SHA256Digest { hasher.finalize() }
}
