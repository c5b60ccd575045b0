import EvidenceModel
import LMDBKit
import Platform
import TransparencyLog

/// What can be worked out from the log and is kept so that start-up need not: derived, safe to
/// delete.
///
/// A fold over the sealed segments with a watermark: how many of them it has taken in. It is
/// written after each seal, never in the path of an acknowledgement.
struct CatalogContents: Equatable, Sendable {
    /// One per folded segment, in order.
    private(set) var segments: [SegmentSummary] = []
    private(set) var filters: [KeyFilter?] = []
    /// The records of all acts in the folded segments, in order: `LogState` is their fold.
    private(set) var acts: [StoredAct] = []
    /// Per collection: how many records, and the last of them.
    private(set) var collections: [String: SegmentSummary.CollectionPart] = [:]

    /// The next segment to fold.
    var watermark: SegmentNumber { SegmentNumber(UInt64(segments.count)) }

    /// Takes in the next segment.
    mutating func fold(_ entry: CatalogEntry) {
        let summary = entry.summary
        precondition(summary.segment == watermark, "segments are folded in order")
        segments.append(summary)
        filters.append(entry.filter)
        acts.append(contentsOf: entry.acts)
        for (name, part) in summary.collections {
            let before = collections[name]?.count ?? 0
            collections[name] = SegmentSummary.CollectionPart(
                count: before + part.count,
                lastSequence: part.lastSequence,
                lastIndex: part.lastIndex
            )
        }
    }

    /// The fold of the segments before `watermark` only.
    func prefix(
        through watermark: SegmentNumber,
        _ geometry: SegmentGeometry
    ) -> CatalogContents {
        var contents = CatalogContents()
        let acts = Dictionary(grouping: acts) { geometry.segment(of: $0.index) }
        for (summary, filter) in zip(segments, filters) where summary.segment < watermark {
            contents.fold(
                CatalogEntry(
                    summary: summary,
                    filter: filter,
                    acts: acts[summary.segment] ?? []
                )
            )
        }
        return contents
    }

    init() {}
}

/// What the catalog keeps of one sealed segment.
struct CatalogEntry: Equatable, Sendable {
    let summary: SegmentSummary
    let filter: KeyFilter?
    let acts: [StoredAct]
}

/// An act as it stands in the log.
struct StoredAct: Equatable, Sendable {
    let index: RecordIndex
    let bytes: [UInt8]
}

extension SealedSegment {
    /// What the catalog keeps of this segment.
    func catalogEntry() throws(StoreError) -> CatalogEntry {
        let reader = try log.beginRead()
        var stored: [StoredAct] = []
        for index in try acts() {
            stored.append(StoredAct(index: index, bytes: try reader.record(at: index).1))
        }
        return CatalogEntry(summary: try summary(), filter: try filter(), acts: stored)
    }
}

extension LogState {
    /// The fold of all acts of a log that nobody has open.
    init(
        ofLogAt paths: StorePaths,
        _ geometry: SegmentGeometry,
        _ survey: SegmentSurvey
    ) throws(StoreError) {
        self.init()
        for value in 0..<survey.sealedCount {
            let segment = try SealedSegment(SegmentNumber(value), paths: paths)
            for act in try segment.catalogEntry().acts { try take(act, in: segment.log.path) }
        }
        for number in survey.unsealed {
            let path = paths.active(number)
            let isThere = try onDisk { () throws(SystemError) in try FileSystem.exists(path) }
            guard isThere else { continue }
            let reader = try SealedFile(path: path).beginRead()
            let first = geometry.firstIndex(of: number).value
            for value in first..<first + (try reader.recordCount()) {
                let index = RecordIndex(value)
                try take(StoredAct(index: index, bytes: try reader.record(at: index).1), in: path)
            }
        }
    }

    /// Takes in a record that is no evidence, from its bytes.
    ///
    /// - Throws: `damaged` if no log can hold it at this place.
    mutating func take(_ stored: StoredAct, in path: String) throws(StoreError) {
        let record = try Record.stored(stored.bytes.span, at: stored.index, in: path)
        if case .logCreated(let creation) = record { self = LogState(creation) }
        guard case .act(let act) = record else { return }
        do throws(ActFault) {
            try apply(act, at: stored.index)
        } catch {
            throw .damaged(path: path, detail: "record \(stored.index): \(error)")
        }
    }
}

/// The catalog's file.
final class Catalog {
    private let environment: LMDBKit.Environment
    private let segments: Database
    private let filters: Database
    private let acts: Database
    private let meta: Database
    private let path: String

    private static let versionKey = Array("version".utf8)
    private static let version: UInt64 = 2

    /// Opens the catalog, or makes an empty one.
    ///
    /// - Throws: `damaged` if the file cannot be used: remove it and open again.
    init(_ paths: StorePaths) throws(StoreError) {
        path = paths.catalogFile
        try onDisk { () throws(SystemError) in
            try FileSystem.makeDirectoryIfAbsent(paths.catalog)
        }
        do throws(LMDBError) {
            environment = try LMDBKit.Environment(
                path: path,
                access: .readWrite(mapSizeBytes: 1 << 36),
                maxDatabases: 4
            )
            let transaction = try environment.beginWrite()
            segments = try transaction.createDatabase("segments")
            filters = try transaction.createDatabase("filters")
            acts = try transaction.createDatabase("acts")
            meta = try transaction.createDatabase("meta")
            let version = try transaction.get(Self.versionKey.span, in: meta) { bytes in
                BigEndian.read(UInt64.self, from: bytes, at: 0)
            }
            // Nothing is written to a catalog that is there: a start must work on a full disk.
            if version == nil {
                try transaction.put(
                    Self.versionKey.span,
                    BigEndian.bytes(of: Self.version).span,
                    in: meta,
                    mode: .insert
                )
            } else if version != Self.version {
                throw LMDBError.damaged(detail: "it has another version")
            }
            try transaction.commit()
        } catch {
            throw StoreError(error, path: path)
        }
    }

    /// Removes the catalog's files: what they hold is worked out again.
    static func remove(_ paths: StorePaths) throws(StoreError) {
        try onDisk { () throws(SystemError) in
            try FileSystem.unlinkIfPresent(paths.catalogFile)
            try FileSystem.unlinkIfPresent(UnsealedSegment.lockPath(of: paths.catalogFile))
        }
    }

    /// Reads everything.
    ///
    /// - Throws: `damaged` if an entry is missing or cannot be read.
    func contents() throws(StoreError) -> CatalogContents {
        try Self.contents(of: environment, path)
    }

    /// Reads the catalog of a log that nobody has open, and changes nothing.
    static func contents(ofFileAt path: String) throws(StoreError) -> CatalogContents {
        let environment: LMDBKit.Environment
        do throws(LMDBError) {
            environment = try LMDBKit.Environment(
                path: path,
                access: .readOnlySealed,
                maxDatabases: 4
            )
        } catch {
            throw StoreError(error, path: path)
        }
        return try contents(of: environment, path)
    }

    private static func contents(
        of environment: LMDBKit.Environment,
        _ path: String
    ) throws(StoreError) -> CatalogContents {
        var contents = CatalogContents()
        do throws(LMDBError) {
            let transaction = try environment.beginRead()
            guard let segments = try transaction.openDatabase("segments"),
                let filters = try transaction.openDatabase("filters"),
                let acts = try transaction.openDatabase("acts")
            else { throw LMDBError.damaged(detail: "a table is missing") }
            var actsBySegment = try Self.acts(in: acts, transaction)
            for number in 0..<(try transaction.entryCount(in: segments)) {
                let key = BigEndian.bytes(of: number)
                let summary: SegmentSummary?? = try transaction.get(key.span, in: segments) {
                    RecordFrame.checked($0).flatMap { SegmentSummary(parsing: $0.span) }
                }
                guard let summary = summary ?? nil, summary.segment.value == number else {
                    throw LMDBError.damaged(detail: "the entry of segment \(number)")
                }
                let filter: KeyFilter?? = try transaction.get(key.span, in: filters) {
                    RecordFrame.checked($0).flatMap { KeyFilter(parsing: $0.span) }
                }
                if let filter, filter == nil {
                    throw LMDBError.damaged(detail: "the key filter of segment \(number)")
                }
                contents.fold(
                    CatalogEntry(
                        summary: summary,
                        filter: filter ?? nil,
                        acts: actsBySegment.removeValue(forKey: number) ?? []
                    )
                )
            }
        } catch {
            throw StoreError(error, path: path)
        }
        return contents
    }

    /// The acts by the number of their segment; their keys are (segment, index).
    private static func acts(
        in table: Database,
        _ transaction: borrowing ReadTransaction
    ) throws(LMDBError) -> [UInt64: [StoredAct]] {
        var acts: [UInt64: [StoredAct]] = [:]
        var cursor = try transaction.cursor(in: table)
        var isThere = try cursor.first()
        while isThere {
            let entry: (UInt64, StoredAct)? = try cursor.withCurrent { key, value in
                guard key.count == 16,
                    let segment = BigEndian.read(UInt64.self, from: key, at: 0),
                    let index = BigEndian.read(UInt64.self, from: key, at: 8),
                    let bytes = RecordFrame.checked(value)
                else { return nil }
                return (segment, StoredAct(index: RecordIndex(index), bytes: bytes))
            }
            guard let entry else { throw LMDBError.damaged(detail: "the entry of an act") }
            acts[entry.0, default: []].append(entry.1)
            isThere = try cursor.next()
        }
        return acts
    }

    /// Adds segments in one commit.
    func append(_ entries: [CatalogEntry]) throws(StoreError) {
        do throws(LMDBError) {
            let transaction = try environment.beginWrite()
            for entry in entries {
                let key = BigEndian.bytes(of: entry.summary.segment.value)
                let value = RecordFrame.withChecksum(entry.summary.encoded)
                try transaction.put(key.span, value.span, in: segments, mode: .insert)
                for act in entry.acts {
                    try transaction.put(
                        (key + BigEndian.bytes(of: act.index.value)).span,
                        RecordFrame.withChecksum(act.bytes).span,
                        in: acts,
                        mode: .append
                    )
                }
                if let filter = entry.filter {
                    let value = RecordFrame.withChecksum(filter.encoded)
                    try transaction.put(key.span, value.span, in: filters, mode: .insert)
                }
            }
            try transaction.commit()
        } catch {
            throw StoreError(error, path: path)
        }
    }

    func close() { environment.close() }
}
