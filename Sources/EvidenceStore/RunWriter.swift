import EvidenceModel
import Platform
import TransparencyLog

/// Writes a run: keys ascending, then the ranks, the filter and the footer.
///
/// The file has a temporary name until it is whole and synced; the rename is what makes it a run.
final class RunWriter {
    private let path: String
    private let temporary: String
    private let goesOn: () throws(StoreError) -> Void
    private var file: Output
    private var footer: RunFooter
    private var block = RunEntryEncoder()
    private var blockFirst: UInt64 = 0
    /// The blocks of the tree that are being filled, from the lowest level up.
    private var nodes: [Node] = []
    private var ranks: [UInt32]
    private var filter: RunFilter
    private var last: [UInt8] = []
    private var separator: [UInt8] = []
    private var filtered: [UInt8] = []

    private struct Node {
        var bytes: [UInt8] = []
        var separator: [UInt8] = []
        var firstEntry: UInt64 = 0
    }

    /// Begins a run in its temporary directory.
    ///
    /// `expectedTerms`: at least how many digests and labels there will be. `goesOn`: throws when
    /// it is time to stop.
    init(
        _ place: RunPlace,
        subtree: MerkleHash,
        in directory: String,
        expectedTerms: UInt64,
        goesOn: @escaping () throws(StoreError) -> Void
    ) throws(StoreError) {
        path = directory + "/" + place.fileName
        temporary = path + SegmentSealer.temporarySuffix
        self.goesOn = goesOn
        file = try Output(temporary)
        footer = RunFooter(place: place, subtree: subtree)
        ranks = [UInt32](repeating: RunFormat.noRank, count: Int(place.count))
        filter = RunFilter(capacity: expectedTerms)
    }

    /// Adds the next key.
    ///
    /// - Throws: `damaged` if it is not greater than the last, or of no record of the run.
    func append(_ key: Span<UInt8>) throws(StoreError) {
        let offset = BigEndian.read(UInt32.self, from: key, at: key.count - RunKey.offsetBytes)
        // Every key is behind the empty one.
        let isBehind = RunKey.precedes(last.span, key)
        guard key.count > RunKey.offsetBytes + 1, key.count <= RunKey.maximumBytes,
            let offset, UInt64(offset) < footer.place.count, isBehind
        else { throw .damaged(path: path, detail: "its entries were not in order") }
        if block.isFull(adding: key.count) {
            try closeBlock()
            separator = separator(before: key)
        }
        let rank = UInt32(truncatingIfNeeded: footer.entryCount)
        switch key[0] {
        case RunKey.nameTag: ranks[Int(offset)] = rank
        case RunKey.collectionTag: ranks[Int(offset)] = RunFormat.sealedRank
        default: filterTerm(of: key)
        }
        block.append(key)
        footer.entryCount += 1
        guard footer.entryCount < UInt64(RunFormat.sealedRank) else {
            throw .damaged(path: path, detail: "it has more entries than a run can hold")
        }
        last = key.array
    }

    private func filterTerm(of key: Span<UInt8>) {
        let count = key.count - RunKey.offsetBytes
        if count == filtered.count,
            RunKey.order(key, filtered.span, leftCount: count, rightCount: count) == 0
        {
            return
        }
        filtered = key.extracting(first: count).array
        filter.insert(TermHash(filtered.span))
        footer.termCount += 1
    }

    /// Writes what is left, gives the file its name, and syncs both.
    func finish() throws(StoreError) {
        if block.count > 0 { try closeBlock() }
        if nodes.isEmpty { nodes.append(Node()) }
        var level = 0
        while level < nodes.count - 1 {
            if !nodes[level].bytes.isEmpty { try closeNode(level) }
            level += 1
        }
        footer.depth = UInt32(nodes.count)
        footer.root = try file.append(nodes[level].bytes, of: footer.subtree)
        footer.ranksOffset = file.offset
        for start in stride(from: 0, to: ranks.count, by: RunFormat.ranksPerBlock) {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(RunFormat.ranksPerBlock * 4)
            for rank in ranks[start..<min(ranks.count, start + RunFormat.ranksPerBlock)] {
                BigEndian.append(rank, to: &bytes)
            }
            _ = try file.append(bytes, of: footer.subtree)
        }
        footer.filterOffset = file.offset
        footer.filterBlocks = UInt64(filter.blocks.count)
        for bytes in filter.blocks { _ = try file.append(bytes, of: footer.subtree) }
        footer.fileBytes = file.offset + UInt64(RunFormat.footerBytes)
        try file.finish(footer.encoded)
        try goesOn()
        try onDisk { () throws(SystemError) in
            try FileSystem.setPermissions(temporary, 0o440)
            try FileSystem.rename(temporary, to: path)
            try FileSystem.syncDirectory(FileSystem.parent(of: path))
        }
    }

    /// Removes what was written; for a run that is not finished.
    func abandon() { try? FileSystem.unlinkIfPresent(temporary) }

    private func closeBlock() throws(StoreError) {
        try goesOn()
        let written = try file.append(block.take(), of: footer.subtree)
        try add(separator, written, firstEntry: blockFirst, level: 0)
        blockFirst = footer.entryCount
    }

    /// As short as tells the block that begins with `key` from those before it.
    private func separator(before key: Span<UInt8>) -> [UInt8] {
        var shared = 0
        while shared < last.count && shared < key.count && last[shared] == key[shared] {
            shared += 1
        }
        return key.extracting(first: min(key.count, shared + 1)).array
    }

    private func add(
        _ separator: [UInt8],
        _ block: RunBlock,
        firstEntry: UInt64,
        level: Int
    ) throws(StoreError) {
        if level == nodes.count { nodes.append(Node()) }
        if nodes[level].bytes.count + separator.count + 22 > RunFormat.nodeBytes {
            try closeNode(level)
        }
        if nodes[level].bytes.isEmpty {
            nodes[level].separator = separator
            nodes[level].firstEntry = firstEntry
        }
        RunNode.append(separator, block, firstEntry: firstEntry, to: &nodes[level].bytes)
    }

    private func closeNode(_ level: Int) throws(StoreError) {
        let node = nodes[level]
        nodes[level] = Node()
        let written = try file.append(node.bytes, of: footer.subtree)
        try add(node.separator, written, firstEntry: node.firstEntry, level: level + 1)
    }
}

extension RunWriter {
    /// A file that grows at its end, in large writes.
    private struct Output: ~Copyable {
        private let file: File
        private var pending: [UInt8] = []
        private(set) var offset: UInt64 = 0

        private static let pieceBytes = 1 << 20

        init(_ path: String) throws(StoreError) {
            do throws(SystemError) {
                file = try File(path, .createOrTruncate(permissions: 0o640))
            } catch {
                throw .system(error)
            }
        }

        /// Adds a block and its check.
        mutating func append(
            _ bytes: [UInt8],
            of subtree: MerkleHash
        ) throws(StoreError) -> RunBlock {
            let block = RunBlock(
                offset: offset,
                length: UInt32(bytes.count + RunFormat.checkBytes)
            )
            pending += bytes
            pending += RunFormat.check(subtree, offset, bytes.span)
            offset += UInt64(block.length)
            if pending.count >= Self.pieceBytes { try flush() }
            return block
        }

        mutating func finish(_ footer: [UInt8]) throws(StoreError) {
            pending += footer
            try flush()
            do throws(SystemError) {
                try file.sync()
            } catch {
                throw .system(error)
            }
        }

        private mutating func flush() throws(StoreError) {
            do throws(SystemError) {
                try file.write(pending.span)
            } catch {
                throw .system(error)
            }
            pending.removeAll(keepingCapacity: true)
        }
    }
}
