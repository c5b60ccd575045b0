import Cryptography
import EvidenceModel
import LMDBKit
import Platform
import TransparencyLog

/// Turns a full segment into its final, read-only files.
///
/// What was erased until then is left out. The manifest says what the leaves say, so the files may
/// hold less than it by what was erased.
///
/// Order, so that a crash at any point leaves either the open form or the sealed one whole:
/// 1. everything is written under temporary names, with synced commits;
/// 2. it is read back by another path: every leaf is hashed again up to the segment's root, and
///    every payload chunk against its checksum;
/// 3. the digests and the payload files get their names, the directory is synced, then `log.mdb`
///    gets its own: that rename is the seal;
/// 4. the directory is synced; only then does the open form go.
struct SegmentSealer {
    let paths: StorePaths
    let geometry: SegmentGeometry

    static let manifestKey = Array("manifest".utf8)
    static let filterKey = Array("filter".utf8)
    static let checkpointKey = Array("checkpoint".utf8)

    /// Seals a full segment.
    ///
    /// `checkpoint`: the signed checkpoint of the tree that ends with this segment.
    /// `erased`: the records of which only the leaf is taken over. What is erased while the seal
    /// runs is for `SegmentEraser`, once it is done.
    /// - Returns: The manifest and the key filter, durable with the rest.
    func seal(
        _ segment: UnsealedSegment,
        checkpoint: [UInt8],
        without erased: IndexRanges = .none
    ) throws(StoreError) -> (SegmentSummary, KeyFilter?) {
        let number = segment.number
        let reader = try segment.beginRead()
        let contents = try contents(of: number, reader, without: erased)
        guard contents.tree.root == segment.tree.node(level: segment.tree.height, 0),
            let summary = contents.summary(of: number)
        else { throw .damaged(path: segment.path, detail: "its records do not give its root") }
        let groups = contents.groups.compactMapValues { $0.standing(without: erased) }
        try removeInterruptedSeal(number)
        for (group, content) in groups {
            try writePayloads(content, reader, to: temporary(paths.payloads(number, group)))
        }
        try writeLog(contents, summary, checkpoint, reader, to: temporary(paths.log(number)))
        try verify(groups, summary)
        try publish(groups, number)
        return (summary, contents.filter)
    }

    /// Removes what an interrupted seal wrote, under temporary and final names: it may hold what
    /// was erased since.
    private func removeInterruptedSeal(_ number: SegmentNumber) throws(StoreError) {
        try removeTemporaryFiles(number)
        try onDisk { () throws(SystemError) in
            guard try !FileSystem.exists(paths.log(number)) else { return }
            for name in try FileSystem.list(paths.segment(number))
            where PayloadFileName(name) != nil || name == SegmentDigests.fileName {
                try FileSystem.unlink("\(paths.segment(number))/\(name)")
            }
        }
    }

    /// Removes what an interrupted seal or rewrite left, or the open form of a sealed segment.
    ///
    /// What an interrupted erasure left in a sealed segment is for `SegmentEraser`, which may be at
    /// work in it.
    func removeLeftovers(_ number: SegmentNumber) throws(StoreError) {
        let isSealed = try onDisk { () throws(SystemError) in
            try FileSystem.exists(paths.log(number))
        }
        guard isSealed else { return try removeTemporaryFiles(number) }
        try onDisk { () throws(SystemError) in
            let active = paths.active(number)
            guard try FileSystem.exists(active) else { return }
            // At a start nobody knows whether the rename that sealed it was synced.
            try FileSystem.syncDirectory(paths.segment(number))
            try FileSystem.unlinkIfPresent(active)
            try FileSystem.unlinkIfPresent(UnsealedSegment.lockPath(of: active))
        }
    }

    private func contents(
        of number: SegmentNumber,
        _ reader: borrowing SegmentReader,
        without erased: IndexRanges
    ) throws(StoreError) -> SegmentContents {
        var contents = SegmentContents()
        let first = geometry.firstIndex(of: number).value
        for value in first..<first + geometry.capacity {
            let index = RecordIndex(value)
            let (frame, bytes) = try reader.record(at: index)
            let record = try Record.stored(bytes.span, at: index, in: reader.path)
            contents.append(
                record,
                bytes: bytes.span,
                frame: frame,
                opening: erased.contains(index) ? nil : try reader.opening(of: index),
                at: index
            )
        }
        return contents
    }

    private func writePayloads(
        _ group: SegmentContents.Group,
        _ reader: borrowing SegmentReader,
        to path: String
    ) throws(StoreError) {
        let writer = try SealedFileWriter(path: path)
        for index in group.payloads {
            let (frame, _) = try reader.record(at: index)
            guard case .table(_, let checksum) = frame.payload,
                let chunk = try reader.chunk(of: index, checksum: checksum)
            else { throw .damaged(path: reader.path, detail: "payload \(index) is missing") }
            try TableKey.chunk(index, 0).withSpan { key throws(StoreError) in
                try writer.append(key, chunk.span, to: TableName.payloads)
            }
        }
        for index in group.openings {
            guard let opening = try reader.opening(of: index) else { continue }
            try TableKey.record(index).withSpan { key throws(StoreError) in
                try writer.append(
                    key,
                    (opening.salt + opening.description).span,
                    to: TableName.openings
                )
            }
        }
        for table in IndexEntries.descriptionTables {
            try writer.append(group.entries.sorted(table), to: table)
        }
        try writer.finish()
    }

    private func writeLog(
        _ contents: SegmentContents,
        _ summary: SegmentSummary,
        _ checkpoint: [UInt8],
        _ reader: borrowing SegmentReader,
        to path: String
    ) throws(StoreError) {
        let writer = try SealedFileWriter(path: path)
        let first = geometry.firstIndex(of: summary.segment).value
        for value in first..<first + summary.recordCount {
            let index = RecordIndex(value)
            let frame = try reader.frameBytes(at: index)
            try TableKey.record(index).withSpan { key throws(StoreError) in
                try writer.append(key, frame.span, to: TableName.records)
            }
        }
        for tile in TileCoordinate.completed(
            from: TreeSize(first),
            to: TreeSize(first + summary.recordCount)
        ) {
            guard let hashes = try reader.tile(tile) else {
                throw .damaged(path: reader.path, detail: "\(tile) is missing")
            }
            try TableKey.tile(tile).withSpan { key throws(StoreError) in
                try writer.append(key, TileHashes.encode(hashes).span, to: TableName.tiles)
            }
        }
        for table in IndexEntries.logTables {
            try writer.append(contents.logEntries.sorted(table), to: table)
        }
        try writer.append(Self.checkpointKey.span, checkpoint.span, to: TableName.manifest)
        if let filter = contents.filter {
            try writer.append(Self.filterKey.span, filter.encoded.span, to: TableName.manifest)
        }
        try writer.append(Self.manifestKey.span, summary.encoded.span, to: TableName.manifest)
        try writer.finish()
    }

    /// Reads the temporary files as a reader of the sealed segment will.
    private func verify(
        _ groups: [PayloadGroup: SegmentContents.Group],
        _ summary: SegmentSummary
    ) throws(StoreError) {
        let number = summary.segment
        let log = try SealedFile(path: temporary(paths.log(number)))
        let reader = try log.beginRead()
        var tree = CompactRange()
        let first = geometry.firstIndex(of: number).value
        for value in first..<first + geometry.capacity {
            let leaf = try reader.withRecord(at: RecordIndex(value)) { MerkleTree.leafHash($1) }
            tree.append(leaf)
        }
        guard tree.root == summary.root else {
            throw .damaged(path: log.path, detail: "it was not written as its records are")
        }
        for (group, content) in groups {
            let file = try SealedFile(path: temporary(paths.payloads(number, group)))
            let payloads = try file.beginRead()
            for index in content.payloads {
                let frame = try reader.withRecord(at: index) { frame, _ in frame }
                guard case .table(_, let checksum) = frame.payload else { continue }
                try payloads.checkChunk(of: index, checksum: checksum)
            }
        }
    }

    private func publish(
        _ groups: [PayloadGroup: SegmentContents.Group],
        _ number: SegmentNumber
    ) throws(StoreError) {
        let held = groups.keys.sorted().map { paths.payloads(number, $0) } + [paths.log(number)]
        var list = SegmentDigests()
        for path in held {
            try list.add(
                String(path.dropFirst(paths.segment(number).count + 1)),
                ofFileAt: temporary(path)
            )
        }
        let digests = list.encoded
        let files = [paths.digests(number)] + held
        try onDisk { () throws(SystemError) in
            let file = try File(
                temporary(paths.digests(number)),
                .createOrTruncate(permissions: 0o440)
            )
            try file.write(digests.span)
            for path in files {
                try FileSystem.setPermissions(temporary(path), 0o440)
                let file = try File(temporary(path), .read)
                try file.sync()
            }
            for path in files.dropLast() { try FileSystem.rename(temporary(path), to: path) }
            try FileSystem.syncDirectory(paths.segment(number))
            try FileSystem.rename(temporary(paths.log(number)), to: paths.log(number))
            try FileSystem.syncDirectory(paths.segment(number))
        }
    }

    private func removeTemporaryFiles(_ number: SegmentNumber) throws(StoreError) {
        let directory = paths.segment(number)
        try onDisk { () throws(SystemError) in
            for name in try FileSystem.list(directory) where Self.isTemporary(name) {
                try FileSystem.unlink(directory + "/" + name)
            }
        }
    }

    static let temporarySuffix = ".tmp"
    private func temporary(_ path: String) -> String { path + Self.temporarySuffix }

    /// Whether a file of a segment is one that nobody needs after a crash.
    static func isTemporary(_ name: String) -> Bool {
        [temporarySuffix, SegmentRewrite.suffix].contains { suffix in
            name.hasSuffix(suffix) || name.hasSuffix(UnsealedSegment.lockPath(of: suffix))
        }
    }
}
