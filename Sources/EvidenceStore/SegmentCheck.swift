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
    private let erasures: Erasures
    /// The files that the segment's list names.
    private let names: [PayloadGroup: PayloadFileName]
    private var groups: [PayloadGroup: SealedFile] = [:]
    /// What was found of the groups' records.
    private var held: [PayloadGroup: SegmentSummary.PayloadPart] = [:]
    /// The groups of which something must be there.
    private var standing: Set<PayloadGroup> = []

    /// Which records the log says are erased.
    struct Erasures {
        /// Their payloads and openings may be there or not.
        var erased = IndexRanges.none
        /// Of these, those whose bytes the log says are gone from here.
        var purged = IndexRanges.none
    }

    init(
        number: SegmentNumber,
        isSealed: Bool,
        paths: StorePaths,
        geometry: SegmentGeometry,
        file: SealedFile,
        erasures: Erasures
    ) throws(StoreError) {
        self.number = number
        self.isSealed = isSealed
        self.paths = paths
        self.geometry = geometry
        self.file = file
        self.erasures = erasures
        names = isSealed ? try SegmentDigests.files(of: number, paths) : [:]
        tree = SegmentTree(geometry: geometry)
    }

    /// Reads a record's opening and its whole payload, and compares both with the record.
    ///
    /// - Returns: The opening, if there is one.
    mutating func checkPayload(
        _ record: Record,
        at index: RecordIndex,
        _ frame: RecordFrame,
        _ report: inout FsckReport
    ) throws(StoreError) -> SealedOpening? {
        guard let lock = record.lock else { return nil }
        let group = PayloadGroup(lock)
        let hasChunk: Bool = if case .table = frame.payload { true } else { false }
        let isErased = erasures.erased.contains(index)
        var place: SealedFile?
        if !isSealed {
            place = file
        } else if hasChunk || record.isSealed {
            place =
                try report.check { _ throws(StoreError) in
                    try payloadFile(group, isNeeded: !isErased)
                } ?? nil
            if !isErased { standing.insert(group) }
        }
        let opening =
            try report.check { _ throws(StoreError) in
                try place?.beginRead().opening(of: index)
            } ?? nil
        let isHeld = try place?.beginRead().hasChunk(of: index) ?? false
        count(payload: isHeld, opening: opening != nil, in: group)
        if isErased {
            try checkGone(index, frame, place, isHeld || opening != nil, &report)
            return opening
        }
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
        if case .file(let id, let checksum) = frame.payload, try isEvicted(id, index, checksum) {
            report.evictedPayloads += 1
            return opening
        }
        _ = try report.check { report throws(StoreError) in
            try readPayload(index, frame, description, place)
            report.payloads += 1
            report.payloadBytes += description.payloadSize
        }
        return opening
    }

    /// Whether a payload file's bytes stand in a target only, as its mark says.
    private func isEvicted(
        _ id: UploadID,
        _ index: RecordIndex,
        _ checksum: UInt64
    ) throws(StoreError) -> Bool {
        let isThere = try onDisk { () throws(SystemError) in
            try FileSystem.exists(paths.payloadFile(id))
        }
        guard isSealed, !isThere,
            let mark = try? EvictionMark.read(paths.evictionMark(id))
        else { return false }
        return mark.index == index && mark.digest.word0 == checksum
    }

    /// Of an erased record nothing is read; what was purged must not be there.
    private func checkGone(
        _ index: RecordIndex,
        _ frame: RecordFrame,
        _ place: SealedFile?,
        _ isInPlace: Bool,
        _ report: inout FsckReport
    ) throws(StoreError) {
        report.erasedPayloads += 1
        guard erasures.purged.contains(index) else { return }
        if isInPlace {
            report.damage(
                place?.path ?? file.path,
                "what was erased of record \(index) is still there, but the log says it is gone"
            )
        }
        guard case .file(let id, _) = frame.payload else { return }
        for path in [paths.payloadFile(id), paths.incoming(id), paths.evictionMark(id)] {
            let isThere = try onDisk { () throws(SystemError) in try FileSystem.exists(path) }
            if isThere {
                report.damage(
                    path,
                    "the payload of record \(index) is still there, but the log says it is gone"
                )
            }
        }
    }

    private mutating func count(payload: Bool, opening: Bool, in group: PayloadGroup) {
        var part =
            held.removeValue(forKey: group)
            ?? SegmentSummary.PayloadPart(payloads: 0, openings: 0)
        part.payloads += payload ? 1 : 0
        part.openings += opening ? 1 : 0
        held[group] = part
    }

    private mutating func payloadFile(
        _ group: PayloadGroup,
        isNeeded: Bool
    ) throws(StoreError) -> SealedFile? {
        if let open = groups[group] { return open }
        let path = paths.payloads(number, names[group] ?? PayloadFileName(group))
        let isThere = try onDisk { () throws(SystemError) in try FileSystem.exists(path) }
        guard names[group] != nil, isThere else {
            if isNeeded { throw .damaged(path: path, detail: "the file is missing") }
            return nil
        }
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
            let expected = contents.logEntries.sorted(table)
            if table == TableName.acts, file.table(table) == nil, expected.count == 1,
                number.value == 0
            {
                // Written before there were other acts than the first record.
                continue
            }
            try Self.compare(file, table, expected, &report)
        }
        for (group, expected) in contents.groups {
            guard let place = groups[group] else { continue }
            for table in IndexEntries.descriptionTables {
                try Self.compare(place, table, expected.entries.sorted(table), &report)
            }
            try checkCounts(place, held[group], &report)
        }
        for path in [file.path] + groups.values.map(\.path) {
            let found = try onDisk { () throws(SystemError) in try FileSystem.information(path) }
            if let found, found.permissions & 0o222 != 0 {
                report.note(path, "it is writable; a sealed file should have mode 0440")
            }
        }
    }

    /// Compares the files of the sealed segment's directory with its list.
    func checkFiles(_ report: inout FsckReport) throws(StoreError) {
        try SegmentFilesCheck(
            number: number,
            paths: paths,
            groups: Set(contents.groups.keys),
            standing: standing
        ).run(&report)
    }

    private func checkCounts(
        _ place: SealedFile,
        _ found: SegmentSummary.PayloadPart?,
        _ report: inout FsckReport
    ) throws(StoreError) {
        let payloads = try place.entryCount(of: TableName.payloads)
        let openings = try place.entryCount(of: TableName.openings)
        if payloads != found?.payloads ?? 0 || openings != found?.openings ?? 0 {
            report.damage(place.path, "it holds entries that belong to no record")
        }
    }

    private static func compare(
        _ file: SealedFile,
        _ table: String,
        _ expected: [IndexEntries.Entry],
        _ report: inout FsckReport
    ) throws(StoreError) {
        let (isEqual, count) = try file.holds(expected, in: table)
        report.indexEntries += UInt64(count)
        if !isEqual { report.damage(file.path, "the index \(table) does not fit the records") }
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
