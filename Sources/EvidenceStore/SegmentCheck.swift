import Cryptography
import EvidenceModel
import Platform
import TransparencyLog

/// What `fsck` works out about one segment while it reads its records.
struct SegmentCheck {
    let number: SegmentNumber
    let isSealed: Bool
    let file: SealedFile
    let tree: SegmentTree
    var contents = SegmentContents()
    private let paths: StorePaths
    private let geometry: SegmentGeometry
    private var groups: [PayloadGroup: SealedFile] = [:]

    init(
        number: SegmentNumber,
        isSealed: Bool,
        paths: StorePaths,
        geometry: SegmentGeometry,
        file: SealedFile
    ) {
        self.number = number
        self.isSealed = isSealed
        self.paths = paths
        self.geometry = geometry
        self.file = file
        tree = SegmentTree(geometry: geometry)
    }

    /// Reads a record's opening and its whole payload, and compares both with the record.
    mutating func checkPayload(
        _ record: Record,
        at index: RecordIndex,
        _ frame: RecordFrame,
        _ report: inout FsckReport
    ) throws(StoreError) -> SealedOpening? {
        guard let lock = record.lock else { return nil }
        var place: SealedFile?
        if isSealed {
            let group = PayloadGroup(lock)
            let needsFile: Bool = if case .table = frame.payload { true } else { record.isSealed }
            if needsFile {
                place = try report.check { _ throws(StoreError) in try payloadFile(group) }
            }
        } else {
            place = file
        }
        let opening =
            try report.check { _ throws(StoreError) in
                try place?.beginRead().opening(of: index)
            } ?? nil
        if case .sealedEvidence(let evidence) = record, opening?.commitment != evidence.commitment {
            report.damage(
                place?.path ?? file.path,
                "the opening of record \(index) is missing or wrong"
            )
        }
        let description: EvidenceDescription? =
            if case .evidence(let evidence) = record { evidence.description } else {
                opening?.evidence
            }
        guard let description else { return opening }
        _ = try report.check { report throws(StoreError) in
            try readPayload(index, frame, description, place)
            report.payloads += 1
            report.payloadBytes += description.payloadSize
        }
        return opening
    }

    private mutating func payloadFile(_ group: PayloadGroup) throws(StoreError) -> SealedFile {
        if let open = groups[group] { return open }
        let path = paths.payloads(number, group)
        let isThere = try onDisk { () throws(SystemError) in try FileSystem.exists(path) }
        guard isThere else { throw .damaged(path: path, detail: "the file is missing") }
        let opened = try SealedFile(path: path)
        groups[group] = opened
        return opened
    }

    private func readPayload(
        _ index: RecordIndex,
        _ frame: RecordFrame,
        _ description: EvidenceDescription,
        _ place: SealedFile?
    ) throws(StoreError) {
        let (digest, size) = (description.payloadDigest, description.payloadSize)
        let reader: PayloadReader
        switch frame.payload {
        case .none: throw .damaged(path: file.path, detail: "record \(index) has no payload")
        case .table(let codec, let checksum):
            guard let place,
                let chunk = try place.beginRead().chunk(of: index, checksum: checksum)
            else {
                throw .damaged(
                    path: place?.path ?? file.path,
                    detail: "the payload of record \(index) is missing"
                )
            }
            reader = try PayloadReader(
                index: index,
                digest: digest,
                sizeBytes: size,
                chunk: chunk,
                codec: codec
            )
        case .file(let id, let checksum):
            let file = try UploadDirectory(paths).open(id)
            let path = file.path
            reader = try PayloadReader(
                index: index,
                digest: digest,
                sizeBytes: size,
                file: file
            )
            guard try SegmentDigests.digest(ofFileAt: path).word0 == checksum else {
                throw .damaged(path: path, detail: "a byte of it was changed")
            }
        }
        var offset: UInt64 = 0
        while offset < size {
            offset += UInt64(try reader.read(at: offset, limit: PayloadFile.chunkSizeBytes).count)
        }
    }

    /// Compares the segment's tiles with the tree of its records.
    func checkTiles(
        from: TreeSize,
        to: TreeSize,
        upper: UpperTree,
        _ reader: borrowing SegmentReader,
        _ report: inout FsckReport
    ) throws(StoreError) {
        guard from < to else { return }
        for tile in TileCoordinate.completed(from: from, to: to) {
            let expected = tile.nodeIDs.map { id in
                id.level >= geometry.height
                    ? upper.node(id)
                    : tree.node(
                        level: Int(id.level),
                        Int(id.index & ((1 << UInt64(geometry.height - id.level)) - 1))
                    )
            }
            guard let stored = try reader.tile(tile), stored == expected.compactMap({ $0 }) else {
                report.damage(file.path, "\(tile) is missing or wrong")
                continue
            }
            report.tiles += 1
        }
    }

    /// Compares every index table, of the log file and of the payload files, with the records.
    mutating func checkIndexes(_ report: inout FsckReport) throws(StoreError) {
        for table in IndexEntries.logTables {
            try Self.compare(file, table, contents.logEntries.sorted(table), &report)
        }
        for (group, expected) in contents.groups {
            guard let place = groups[group] else { continue }
            for table in IndexEntries.descriptionTables {
                try Self.compare(place, table, expected.entries.sorted(table), &report)
            }
            try checkCounts(place, expected, &report)
        }
        for path in [file.path] + groups.values.map(\.path) {
            let found = try onDisk { () throws(SystemError) in try FileSystem.information(path) }
            if let found, found.permissions & 0o222 != 0 {
                report.note(path, "it is writable; a sealed file should have mode 0440")
            }
        }
    }

    private func checkCounts(
        _ place: SealedFile,
        _ expected: SegmentContents.Group,
        _ report: inout FsckReport
    ) throws(StoreError) {
        let payloads = try place.entryCount(of: TableName.payloads)
        let openings = try place.entryCount(of: TableName.openings)
        if payloads != UInt64(expected.payloads.count)
            || openings != UInt64(expected.openings.count)
        {
            report.damage(place.path, "it holds entries that belong to no record")
        }
    }

    private static func compare(
        _ file: SealedFile,
        _ table: String,
        _ expected: [IndexEntries.Entry],
        _ report: inout FsckReport
    ) throws(StoreError) {
        var position = 0
        var isEqual = true
        try file.scan(table, prefix: []) { key, value in
            guard position < expected.count, key.isEqual(to: expected[position].key),
                value.isEqual(to: expected[position].value)
            else {
                isEqual = false
                return false
            }
            position += 1
            return true
        }
        report.indexEntries += UInt64(position)
        if !isEqual || position != expected.count {
            report.damage(file.path, "the index \(table) does not fit the records")
        }
    }
}

extension Span<UInt8> {
    /// Whether these are the same bytes.
    func isEqual(to bytes: [UInt8]) -> Bool {
        guard count == bytes.count else { return false }
        for position in bytes.indices where self[position] != bytes[position] { return false }
        return true
    }
}

/// The nodes of a log that nobody has open, from its tiles and records.
struct FsckNodes: NodeReader {
    private let paths: StorePaths
    private let geometry: SegmentGeometry
    private let upper: UpperTree

    init(paths: StorePaths, geometry: SegmentGeometry, upper: UpperTree) throws(StoreError) {
        self.paths = paths
        self.geometry = geometry
        self.upper = upper
    }

    func nodes(_ ids: [NodeID]) throws(StoreError) -> [MerkleHash] {
        var hashes: [MerkleHash] = []
        for id in ids { hashes.append(try node(id)) }
        return hashes
    }

    /// Below the segments' height a node is hashed from its records: `fsck` needs few of them.
    private func node(_ id: NodeID) throws(StoreError) -> MerkleHash {
        if let hash = upper.node(id) { return hash }
        let number = geometry.segment(of: id.firstLeaf)
        let sealed = paths.log(number)
        let isSealed = try onDisk { () throws(SystemError) in try FileSystem.exists(sealed) }
        let reader = try SealedFile(path: isSealed ? sealed : paths.active(number)).beginRead()
        var tree = CompactRange()
        for value in id.firstLeaf.value...id.lastLeaf.value {
            tree.append(
                try reader.withRecord(at: RecordIndex(value)) { MerkleTree.leafHash($1) }
            )
        }
        return tree.root
    }
}
