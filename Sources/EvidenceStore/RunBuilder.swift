import EvidenceModel
import Platform
import TransparencyLog

/// Makes runs: from the indexes of sealed segments, or out of sixteen runs.
struct RunBuilder {
    let paths: StorePaths
    let geometry: SegmentGeometry
    /// Throws when it is time to stop.
    let goesOn: () throws(StoreError) -> Void

    /// A table of a segment, and the tag of the terms that are made from its keys.
    static let tables: [(name: String, tag: UInt8)] = [
        (TableName.bySequence, RunKey.collectionTag),
        (TableName.byDigest, RunKey.digestTag),
        (TableName.byLabel, RunKey.labelTag),
        (TableName.byName, RunKey.nameTag),
    ]

    /// Makes a run of the lowest level.
    ///
    /// - Throws: `damaged` if an index of a segment is, `storageFull`, `system`.
    func build(_ place: RunPlace, subtree: MerkleHash) throws(StoreError) {
        var logs: [SealedFile] = []
        for value in place.segments(geometry) {
            logs.append(try SealedFile(path: paths.log(SegmentNumber(value))))
        }
        var terms: UInt64 = 0
        for log in logs {
            terms += try log.entryCount(of: TableName.byDigest)
            terms += try log.entryCount(of: TableName.byLabel)
        }
        try write(place, subtree, expectedTerms: terms) { writer throws(StoreError) in
            for (table, tag) in Self.tables {
                if logs.count == 1 {
                    try copy(table, tag, of: logs[0], place, to: writer)
                } else {
                    try sort(table, tag, of: logs, place, to: writer)
                }
            }
        }
    }

    /// Merges sixteen runs, in order, into one.
    ///
    /// - Throws: `damaged` if one of them is, `storageFull`, `system`.
    func merge(
        _ runs: [IndexRun],
        into place: RunPlace,
        subtree: MerkleHash
    ) throws(StoreError) {
        let terms = runs.reduce(0) { $0 + $1.footer.termCount }
        try write(place, subtree, expectedTerms: terms) { writer throws(StoreError) in
            var merge = try RunMerge(runs)
            while var key = try merge.next() {
                Self.rebase(&key, by: UInt32(runs[merge.current].place.first - place.first))
                try writer.append(key.span)
            }
        }
    }

    private func write(
        _ place: RunPlace,
        _ subtree: MerkleHash,
        expectedTerms: UInt64,
        _ body: (RunWriter) throws(StoreError) -> Void
    ) throws(StoreError) {
        let writer = try RunWriter(
            place,
            subtree: subtree,
            in: paths.runs,
            expectedTerms: expectedTerms,
            goesOn: goesOn
        )
        do throws(StoreError) {
            try body(writer)
            try writer.finish()
        } catch {
            writer.abandon()
            throw error
        }
    }

    /// Adds to the offset at the end of a key.
    private static func rebase(_ key: inout [UInt8], by base: UInt32) {
        let start = key.count - RunKey.offsetBytes
        var offset = base
        for place in start..<key.count {
            offset &+= UInt32(key[place]) << UInt32(24 - 8 * (place - start))
        }
        for place in start..<key.count {
            key[place] = UInt8(truncatingIfNeeded: offset >> UInt32(24 - 8 * (place - start)))
        }
    }

    /// The key of a run that stands for an entry of a segment's table; empty if it is of no record
    /// of the run.
    static func key(
        _ tag: UInt8,
        _ key: Span<UInt8>,
        _ value: Span<UInt8>,
        _ place: RunPlace
    ) -> [UInt8] {
        let index =
            tag == RunKey.collectionTag
            ? BigEndian.read(UInt64.self, from: value, at: 0).map { RecordIndex($0) }
            : IndexEntries.index(endOf: key)
        guard let index, index.value >= place.first, index.value < place.end else { return [] }
        var bytes = [tag]
        bytes.reserveCapacity(key.count)
        for position in 0..<key.count - 8 { bytes.append(key[position]) }
        BigEndian.append(UInt32(index.value - place.first), to: &bytes)
        return bytes
    }

    private func copy(
        _ table: String,
        _ tag: UInt8,
        of log: SealedFile,
        _ place: RunPlace,
        to writer: RunWriter
    ) throws(StoreError) {
        var failure: StoreError?
        try log.scan(table, prefix: []) { key, value in
            do throws(StoreError) {
                try writer.append(Self.key(tag, key, value, place).span)
                return true
            } catch {
                failure = error
                return false
            }
        }
        if let failure { throw failure }
    }

    private func sort(
        _ table: String,
        _ tag: UInt8,
        of logs: [SealedFile],
        _ place: RunPlace,
        to writer: RunWriter
    ) throws(StoreError) {
        var keys: [[UInt8]] = []
        for log in logs {
            try goesOn()
            try log.scan(table, prefix: []) { key, value in
                keys.append(Self.key(tag, key, value, place))
                return true
            }
        }
        keys.sort { RunKey.precedes($0.span, $1.span) }
        for key in keys { try writer.append(key.span) }
    }
}

/// Goes through all entries of a run once, in order.
struct RunScanner {
    let run: IndexRun
    private var bytes: [UInt8] = []
    private var decoder: RunEntryDecoder
    private var next: UInt64 = 0

    init(_ run: IndexRun) {
        self.run = run
        decoder = RunEntryDecoder([UInt8]().span)
    }

    /// The entry at the current place: term and offset.
    var key: [UInt8] { decoder.key }

    /// Whether that is the first entry of its block.
    var isAtStart: Bool { decoder.read == 1 }

    /// Moves to the next entry; false behind the last.
    mutating func advance() throws(StoreError) -> Bool {
        if decoder.read == decoder.count {
            guard next < run.footer.entryCount else { return false }
            let (block, first) = try run.block(holding: next, keeping: false)
            guard first == next else { throw run.damaged("its blocks do not fit each other") }
            bytes = block
            decoder = RunEntryDecoder(bytes.span)
        }
        let block = bytes
        guard decoder.next(block.span) else { throw run.damaged("a block makes no sense") }
        next += 1
        return true
    }
}

/// The entries of neighbouring runs as one ordered sequence.
///
/// Equal terms stand in the order of the runs, hence of the records.
struct RunMerge {
    private var scanners: [RunScanner] = []
    /// Scanners that have an entry, the least first: a binary heap.
    private var heap: [Int] = []
    private var term: [UInt8] = []

    /// The run that the last entry is of.
    private(set) var current = -1

    init(_ runs: [IndexRun]) throws(StoreError) {
        scanners = runs.map { RunScanner($0) }
        for place in scanners.indices where try scanners[place].advance() {
            heap.append(place)
            siftUp(heap.count - 1)
        }
    }

    /// The next entry, or nil at the end.
    mutating func next() throws(StoreError) -> [UInt8]? {
        if current >= 0 {
            if try scanners[current].advance() {
                // While the term stays the same it stays the least.
                if !isSameTerm() { siftDown(0) }
            } else {
                let last = heap.removeLast()
                if !heap.isEmpty {
                    heap[0] = last
                    siftDown(0)
                }
            }
        }
        guard let least = heap.first else { return nil }
        if least != current || !isSameTerm() {
            term = Array(scanners[least].key.dropLast(RunKey.offsetBytes))
        }
        current = least
        return scanners[least].key
    }

    private func isSameTerm() -> Bool {
        let key = scanners[current].key
        let count = key.count - RunKey.offsetBytes
        return count == term.count
            && RunKey.order(key.span, term.span, leftCount: count, rightCount: count) == 0
    }

    private func isLess(_ left: Int, _ right: Int) -> Bool {
        let (one, other) = (scanners[left].key, scanners[right].key)
        let order = RunKey.order(
            one.span,
            other.span,
            leftCount: one.count - RunKey.offsetBytes,
            rightCount: other.count - RunKey.offsetBytes
        )
        return order == 0 ? left < right : order < 0
    }

    private mutating func siftUp(_ start: Int) {
        var place = start
        while place > 0 {
            let above = (place - 1) / 2
            guard isLess(heap[place], heap[above]) else { return }
            heap.swapAt(place, above)
            place = above
        }
    }

    private mutating func siftDown(_ start: Int) {
        var place = start
        while true {
            var least = place
            for child in 2 * place + 1...2 * place + 2 where child < heap.count {
                if isLess(heap[child], heap[least]) { least = child }
            }
            guard least != place else { return }
            heap.swapAt(place, least)
            place = least
        }
    }
}
