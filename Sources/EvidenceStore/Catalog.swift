import EvidenceModel
import LMDBKit
import Platform

/// What can be worked out from the log and is kept so that start-up need not: derived, safe to
/// delete.
///
/// A fold over the sealed segments' manifests with a watermark: how many of them it has taken in.
/// It is written after each seal, never in the path of an acknowledgement.
struct CatalogContents: Equatable, Sendable {
    /// One per folded segment, in order.
    private(set) var segments: [SegmentSummary] = []
    private(set) var filters: [KeyFilter?] = []
    /// Per collection: how many records, and the last of them.
    private(set) var collections: [String: SegmentSummary.CollectionPart] = [:]

    /// The next segment to fold.
    var watermark: SegmentNumber { SegmentNumber(UInt64(segments.count)) }

    /// Takes in the next segment's manifest.
    mutating func fold(_ summary: SegmentSummary, _ filter: KeyFilter?) {
        precondition(summary.segment == watermark, "segments are folded in order")
        segments.append(summary)
        filters.append(filter)
        for (name, part) in summary.collections {
            let before = collections[name]?.count ?? 0
            collections[name] = SegmentSummary.CollectionPart(
                count: before + part.count,
                lastSequence: part.lastSequence,
                lastIndex: part.lastIndex
            )
        }
    }

    init() {}
}

/// The catalog's file.
final class Catalog {
    private let environment: LMDBKit.Environment
    private let segments: Database
    private let filters: Database
    private let meta: Database
    private let path: String

    private static let versionKey = Array("version".utf8)
    private static let version: UInt64 = 1

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
                let filters = try transaction.openDatabase("filters")
            else { throw LMDBError.damaged(detail: "a table is missing") }
            for number in 0..<(try transaction.entryCount(in: segments)) {
                let key = BigEndian.bytes(of: number)
                let summary: SegmentSummary?? = try transaction.get(key.span, in: segments) {
                    checked($0).flatMap { SegmentSummary(parsing: $0.span) }
                }
                guard let summary = summary ?? nil, summary.segment.value == number else {
                    throw LMDBError.damaged(detail: "the entry of segment \(number)")
                }
                let filter: KeyFilter?? = try transaction.get(key.span, in: filters) {
                    checked($0).flatMap { KeyFilter(parsing: $0.span) }
                }
                if let filter, filter == nil {
                    throw LMDBError.damaged(detail: "the key filter of segment \(number)")
                }
                contents.fold(summary, filter ?? nil)
            }
        } catch {
            throw StoreError(error, path: path)
        }
        return contents
    }

    /// Adds segments' manifests in one commit.
    func append(_ entries: [(SegmentSummary, KeyFilter?)]) throws(StoreError) {
        do throws(LMDBError) {
            let transaction = try environment.beginWrite()
            for (summary, filter) in entries {
                let key = BigEndian.bytes(of: summary.segment.value)
                let value = Self.withChecksum(summary.encoded)
                try transaction.put(key.span, value.span, in: segments, mode: .insert)
                if let filter {
                    let value = Self.withChecksum(filter.encoded)
                    try transaction.put(key.span, value.span, in: filters, mode: .insert)
                }
            }
            try transaction.commit()
        } catch {
            throw StoreError(error, path: path)
        }
    }

    func close() { environment.close() }

    /// LMDB would not notice a changed byte, and sequence numbers are counted from these.
    private static func withChecksum(_ bytes: [UInt8]) -> [UInt8] {
        BigEndian.bytes(of: RecordFrame.shortChecksum(bytes.span)) + bytes
    }

    /// What `withChecksum` was given; nil if a byte was changed.
    private static func checked(_ value: Span<UInt8>) -> [UInt8]? {
        guard let checksum = BigEndian.read(UInt64.self, from: value, at: 0) else { return nil }
        let bytes = value.extracting(8...)
        guard RecordFrame.shortChecksum(bytes) == checksum else { return nil }
        return unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) }
    }
}
