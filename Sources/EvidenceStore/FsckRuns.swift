import Cryptography
import EvidenceModel
import Platform
import TransparencyLog

/// Compares the index runs of a log with what its records say.
struct FsckRuns {
    private let paths: StorePaths
    private let geometry: SegmentGeometry
    private var runs: [(run: IndexRun, expected: RunEntriesSum)] = []
    private var damage: [(path: String, detail: String)] = []

    /// Finds the runs; what lies beside them is left by an interrupted merge, and no finding.
    init(_ paths: StorePaths, _ geometry: SegmentGeometry) throws(StoreError) {
        (self.paths, self.geometry) = (paths, geometry)
        let names = try onDisk { () throws(SystemError) in
            try FileSystem.exists(paths.runs) ? try FileSystem.list(paths.runs) : []
        }
        let cache = RunBlockCache(limitBytes: 1 << 20)
        for place in names.compactMap({ RunPlace(fileName: $0) }) {
            do throws(StoreError) {
                let run = try IndexRun(place, in: paths.runs, cache: cache)
                runs.append((run, RunEntriesSum()))
            } catch {
                try note(error)
            }
        }
    }

    /// Takes in the indexes of a sealed segment, as its records give them.
    mutating func add(_ number: SegmentNumber, _ entries: IndexEntries) {
        for place in runs.indices {
            let covered = runs[place].run.place
            guard covered.segments(geometry).contains(number.value) else { continue }
            for (table, tag) in RunBuilder.tables {
                for entry in entries.entries(table) {
                    let key = RunBuilder.key(tag, entry.key.span, entry.value.span, covered)
                    runs[place].expected.add(key.span)
                }
            }
        }
    }

    /// Reads every run wholly.
    mutating func check(_ upper: UpperTree, _ report: inout FsckReport) throws(StoreError) {
        for (run, expected) in runs {
            report.indexRuns += 1
            do throws(StoreError) {
                guard upper.node(run.place.node) == run.footer.subtree else {
                    throw run.damaged("it is not of this log's records")
                }
                guard try run.sumOfEntries() == expected else {
                    throw run.damaged("it is not what the segments' records give")
                }
            } catch {
                try note(error)
            }
        }
        for (path, detail) in damage {
            report.damage(path, detail + "; it is derived: remove it, and the server makes it")
        }
    }

    private mutating func note(_ error: StoreError) throws(StoreError) {
        guard case .damaged(let path, let detail) = error else { throw error }
        damage.append((path, detail))
    }
}

/// A sum over the hashes of a run's keys, in which their order does not count.
struct RunEntriesSum: Equatable {
    private var words: [UInt64] = [0, 0, 0, 0]
    private(set) var count: UInt64 = 0

    mutating func add(_ key: Span<UInt8>) {
        let bytes = SHA256.hash(key).bytes
        for place in 0..<4 {
            words[place] &+= BigEndian.read(UInt64.self, from: bytes.span, at: 8 * place) ?? 0
        }
        count += 1
    }
}

extension IndexRun {
    /// Reads every block: the order of the entries, their ranks and the filter must fit.
    ///
    /// - Throws: `damaged`.
    func sumOfEntries() throws(StoreError) -> RunEntriesSum {
        var sum = RunEntriesSum()
        var ranks = [UInt32](repeating: RunFormat.noRank, count: Int(place.count))
        var scanner = RunScanner(self)
        var last: [UInt8] = []
        while try scanner.advance() {
            let key = scanner.key
            guard RunKey.precedes(last.span, key.span) else {
                throw damaged("its entries are not in order")
            }
            let offset = BigEndian.read(UInt32.self, from: key.span, at: key.count - 4)
            guard let offset, UInt64(offset) < place.count else {
                throw damaged("an entry is of no record of it")
            }
            switch key[0] {
            case RunKey.collectionTag: ranks[Int(offset)] = RunFormat.sealedRank
            case RunKey.nameTag: ranks[Int(offset)] = UInt32(sum.count)
            default:
                let term = Array(key.dropLast(RunKey.offsetBytes))
                guard try mayContain(TermHash(term.span)) else {
                    throw damaged("its filter does not know an entry")
                }
            }
            if scanner.isAtStart {
                guard try position(of: key) == sum.count else {
                    throw damaged("its tree does not lead to an entry")
                }
            }
            sum.add(key.span)
            last = key
        }
        for block in 0..<ranks.count / RunFormat.ranksPerBlock {
            let start = block * RunFormat.ranksPerBlock
            guard
                try self.ranks(block: block)[...] == ranks[start..<start + RunFormat.ranksPerBlock]
            else { throw damaged("its ranks are not those of its names") }
        }
        guard sum.count == footer.entryCount else { throw damaged("it lacks entries") }
        return sum
    }
}
