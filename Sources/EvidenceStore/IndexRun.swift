import EvidenceModel
import Platform
import TransparencyLog

/// An index over many sealed segments in one file, never written again; derived, safe to delete.
///
/// Blocks are read when they are needed and compared with their checks before they are believed.
/// The file stays open as long as the run is used, also after it was merged away.
final class IndexRun: Sendable {
    let path: String
    let footer: RunFooter
    private let file: Source
    private let cache: RunBlockCache
    private let id: UInt64
    private let collectionNames = Mutex<[CollectionName]?>(nil)

    /// Smaller runs are read ahead when they are opened: the first search after a start asks each.
    private static let readAheadLimitBytes: UInt64 = 4 << 20

    /// The noncopyable file, for what is shared.
    private final class Source: Sendable {
        let file: File

        init(_ path: String) throws(SystemError) { file = try File(path, .read) }
    }

    var place: RunPlace { footer.place }

    /// Opens a run and checks that it is whole.
    ///
    /// - Throws: `damaged` if it is not, `system`.
    init(
        _ place: RunPlace,
        in directory: String,
        cache: RunBlockCache
    ) throws(StoreError) {
        path = directory + "/" + place.fileName
        self.cache = cache
        id = cache.newRun()
        let bytes: [UInt8]
        let size: UInt64
        do throws(SystemError) {
            file = try Source(path)
            size = try file.file.sizeBytes()
            let start = size - min(size, UInt64(RunFormat.footerBytes))
            bytes = try file.file.read(count: RunFormat.footerBytes, at: start)
            if size <= Self.readAheadLimitBytes { file.file.readAhead() }
        } catch {
            throw .system(error)
        }
        guard let footer = RunFooter(parsing: bytes), footer.place == place,
            footer.fileBytes == size
        else { throw .damaged(path: path, detail: "it is not a whole index run") }
        self.footer = footer
    }

    // MARK: Blocks

    /// A block's bytes, checked, without the check.
    private func read(_ block: RunBlock) throws(StoreError) -> [UInt8] {
        guard block.length >= RunFormat.checkBytes, block.length <= RunFormat.blockLimitBytes else {
            throw damaged("a block of an impossible size")
        }
        var bytes: [UInt8]
        do throws(SystemError) {
            bytes = try file.file.read(count: Int(block.length), at: block.offset)
        } catch {
            throw .system(error)
        }
        guard bytes.count == Int(block.length) else { throw damaged("it ends too early") }
        let content = bytes.count - RunFormat.checkBytes
        let expected = RunFormat.check(
            footer.subtree,
            block.offset,
            bytes.span.extracting(first: content)
        )
        guard bytes[content...].elementsEqual(expected) else {
            throw damaged("the block at \(block.offset) was changed")
        }
        bytes.removeLast(RunFormat.checkBytes)
        return bytes
    }

    private func key(_ offset: UInt64) -> RunBlockCache.Key {
        RunBlockCache.Key(run: id, offset: offset)
    }

    private func node(_ block: RunBlock) throws(StoreError) -> RunNode {
        if case .node(let node)? = cache.content(key(block.offset)) { return node }
        guard let node = RunNode(parsing: try read(block)) else {
            throw damaged("the block at \(block.offset) makes no sense")
        }
        cache.insert(key(block.offset), .node(node), bytes: Int(block.length))
        return node
    }

    /// A block of entries.
    private func entries(_ block: RunBlock, keeping isKept: Bool) throws(StoreError) -> [UInt8] {
        if case .entries(let bytes)? = cache.content(key(block.offset)) { return bytes }
        let bytes = try read(block)
        if isKept { cache.insert(key(block.offset), .entries(bytes), bytes: bytes.count) }
        return bytes
    }

    /// Ranks of the records of a block of 4,096, in their order.
    func ranks(block number: Int) throws(StoreError) -> [UInt32] {
        let count = RunFormat.ranksPerBlock
        let length = count * 4 + RunFormat.checkBytes
        let block = RunBlock(
            offset: footer.ranksOffset + UInt64(number * length),
            length: UInt32(length)
        )
        if case .ranks(let ranks)? = cache.content(key(block.offset)) { return ranks }
        let bytes = try read(block)
        let ranks = unsafe [UInt32](unsafeUninitializedCapacity: count) { buffer, filled in
            for place in 0..<count {
                let start = place * 4
                let high = UInt32(bytes[start]) << 24 | UInt32(bytes[start + 1]) << 16
                unsafe buffer[place] =
                    high | UInt32(bytes[start + 2]) << 8 | UInt32(bytes[start + 3])
            }
            filled = count
        }
        cache.insert(key(block.offset), .ranks(ranks), bytes: length)
        return ranks
    }

    // MARK: Questions

    /// False: no entry has this term.
    ///
    /// True: look. For digests and labels.
    func mayContain(_ term: TermHash) throws(StoreError) -> Bool {
        let length = RunFilter.blockBytes + RunFormat.checkBytes
        guard footer.filterBlocks > 0 else { throw damaged("it has no filter") }
        let number = RunFilter.block(of: term, in: footer.filterBlocks)
        let block = RunBlock(
            offset: footer.filterOffset + UInt64(number * length),
            length: UInt32(length)
        )
        if case .filter(let bytes)? = cache.content(key(block.offset)) {
            return RunFilter.mayContain(term, in: bytes)
        }
        let bytes = try read(block)
        cache.insert(key(block.offset), .filter(bytes), bytes: length)
        return RunFilter.mayContain(term, in: bytes)
    }

    /// How many entries are less than `key`.
    func position(of key: [UInt8]) throws(StoreError) -> UInt64 {
        guard
            let (block, first) = try leaf(where: { (node) in node.child(below: key) })
        else { return 0 }
        let bytes = try entries(block, keeping: true)
        var decoder = RunEntryDecoder(bytes.span)
        while decoder.next(bytes.span) {
            if !RunKey.precedes(decoder.key.span, key.span) {
                return first + UInt64(decoder.read - 1)
            }
        }
        guard decoder.read == decoder.count else {
            throw damaged("the block at \(block.offset) makes no sense")
        }
        return first + UInt64(decoder.count)
    }

    /// The positions of all entries whose keys begin with `prefix`.
    func positions(_ prefix: [UInt8]) throws(StoreError) -> Range<UInt64> {
        let first = try position(of: prefix)
        return first..<max(first, try position(of: RunKey.end(of: prefix)))
    }

    /// The block that holds an entry, and the number of its first.
    ///
    /// `isKept`: not for those who read everything once.
    func block(
        holding entry: UInt64,
        keeping isKept: Bool = true
    ) throws(StoreError) -> (bytes: [UInt8], first: UInt64) {
        guard entry < footer.entryCount,
            let (block, first) = try leaf(where: { $0.child(holding: entry) })
        else { throw damaged("it has no entry \(entry)") }
        return (try entries(block, keeping: isKept), first)
    }

    /// The offsets of the entries in the block that holds an entry, and the number of the first.
    func offsets(
        around entry: UInt64
    ) throws(StoreError) -> (offsets: [UInt32], first: UInt64) {
        let (bytes, first) = try block(holding: entry)
        var decoder = RunEntryDecoder(bytes.span)
        var offsets: [UInt32] = []
        offsets.reserveCapacity(decoder.count)
        while decoder.next(bytes.span) { offsets.append(decoder.offset) }
        guard offsets.count == decoder.count, entry < first + UInt64(offsets.count) else {
            throw damaged("a block of entries makes no sense")
        }
        return (offsets, first)
    }

    /// All collections that have evidence in the run.
    func collections() throws(StoreError) -> [CollectionName] {
        if let known = collectionNames.withLock({ $0 }) { return known }
        var names: [CollectionName] = []
        var next = [RunKey.collectionTag]
        while true {
            let position = try position(of: next)
            guard position < footer.entryCount else { break }
            let (bytes, first) = try block(holding: position)
            var decoder = RunEntryDecoder(bytes.span)
            while UInt64(decoder.read) <= position - first, decoder.next(bytes.span) {}
            guard decoder.key.first == RunKey.collectionTag else { break }
            let term = Array(decoder.key.dropLast(RunKey.offsetBytes))
            guard let text = String(validating: term.dropFirst().dropLast(), as: UTF8.self),
                let name = try? CollectionName(text)
            else { throw damaged("an entry makes no sense") }
            names.append(name)
            next = RunKey.end(of: term)
        }
        collectionNames.withLock { $0 = names }
        return names
    }

    /// Goes down the tree to a block of entries.
    private func leaf(
        where choice: (RunNode) -> RunNode.Child?
    ) throws(StoreError) -> (RunBlock, UInt64)? {
        var block = footer.root
        var first: UInt64 = 0
        for _ in 0..<footer.depth {
            guard let child = choice(try node(block)) else { return nil }
            (block, first) = (child.block, child.firstEntry)
        }
        return (block, first)
    }

    func damaged(_ detail: String) -> StoreError { .damaged(path: path, detail: detail) }
}
