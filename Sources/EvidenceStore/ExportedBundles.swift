import EvidenceModel
import Platform
import TransparencyLog

/// Bundles that were put together, in `exports/`, as far as an erasure must know them.
///
/// A bundle repeats what sealed records hide, so an erasure removes those that hold one of its
/// records; none of these could be fetched whole any more.
///
/// Reference: `Schemas/state.md` section 7.
package enum ExportedBundles {
    /// The file that lists a bundle's payloads: 16 bytes each, of which the first 8 are the
    /// record's index, big-endian.
    package static let payloads = "payloads"
    package static let rowSizeBytes = 16
    /// How the name ends of one that is being put together.
    package static let unfinished = ".part"

    /// Removes the bundles that hold one of the records, and what is being put together.
    static func remove(
        holding records: IndexRanges,
        in paths: StorePaths
    ) throws(StoreError) {
        let directory = paths.exports
        let names = try onDisk { () throws(SystemError) in
            try FileSystem.exists(directory) ? try FileSystem.list(directory) : []
        }
        var isChanged = false
        for name in names {
            let path = "\(directory)/\(name)"
            let kind = try onDisk { () throws(SystemError) in
                try FileSystem.information(path)?.kind
            }
            // A file was put there by somebody else.
            guard kind == .directory else { continue }
            var isConcerned = name.hasSuffix(unfinished)
            if !isConcerned { isConcerned = try holds(records, path) }
            guard isConcerned else { continue }
            try onDisk { () throws(SystemError) in try FileSystem.removeTree(path) }
            isChanged = true
        }
        guard isChanged else { return }
        try onDisk { () throws(SystemError) in try FileSystem.syncDirectory(directory) }
    }

    private static func holds(
        _ records: IndexRanges,
        _ bundle: String
    ) throws(StoreError) -> Bool {
        let path = "\(bundle)/\(payloads)"
        let isThere = try onDisk { () throws(SystemError) in try FileSystem.exists(path) }
        // Whatever else lies there is no bundle that can be fetched; it is removed with the old.
        guard isThere else { return true }
        var offset: UInt64 = 0
        while true {
            let rows = try onDisk { () throws(SystemError) in
                try File(path, .read).read(count: 4096 * rowSizeBytes, at: offset)
            }
            guard !rows.isEmpty else { return false }
            for start in stride(from: 0, to: rows.count, by: rowSizeBytes) {
                let index = BigEndian.read(UInt64.self, from: rows.span, at: start)
                if let index, records.contains(RecordIndex(index)) { return true }
            }
            offset += UInt64(rows.count)
        }
    }
}
