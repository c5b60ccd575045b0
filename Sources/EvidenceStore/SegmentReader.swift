import Cryptography
import EvidenceModel
import LMDBKit
import TransparencyLog

/// A consistent view of the tables of one segment file, as long as it lives.
///
/// What it returns was checked: frames against their checksum, payload chunks against the frame's.
struct SegmentReader: ~Copyable {
    private let transaction: ReadTransaction
    private let records: Database?
    private let payloads: Database?
    private let openings: Database?
    private let tiles: Database?
    let path: String

    init(
        transaction: consuming ReadTransaction,
        records: Database? = nil,
        payloads: Database? = nil,
        openings: Database? = nil,
        tiles: Database? = nil,
        path: String
    ) {
        self.transaction = transaction
        self.records = records
        self.payloads = payloads
        self.openings = openings
        self.tiles = tiles
        self.path = path
    }

    /// Lends a record's frame and bytes.
    ///
    /// - Throws: `damaged` if the record is not there or its frame does not check.
    func withRecord<Result>(
        at index: RecordIndex,
        _ body: (RecordFrame, Span<UInt8>) -> Result
    ) throws(StoreError) -> Result {
        let found: Result?? = try value(.record(index), in: records) { bytes in
            RecordFrame(parsing: bytes).map {
                body($0, bytes.extracting(RecordFrame.headerSizeBytes...))
            }
        }
        guard let found else { throw damaged("record \(index) is missing") }
        guard let found else { throw damaged("the frame of record \(index) does not check") }
        return found
    }

    /// A record's frame and bytes.
    func record(at index: RecordIndex) throws(StoreError) -> (RecordFrame, [UInt8]) {
        try withRecord(at: index) { ($0, $1.array) }
    }

    /// A record's frame as it is stored, unchecked: for copies that are verified later.
    func frameBytes(at index: RecordIndex) throws(StoreError) -> [UInt8] {
        guard let bytes = try value(.record(index), in: records, { $0.array }) else {
            throw damaged("record \(index) is missing")
        }
        return bytes
    }

    /// A payload chunk as it is stored, unchecked: for copies; nil if it is not there.
    func chunkBytes(of index: RecordIndex) throws(StoreError) -> [UInt8]? {
        try value(.chunk(index, 0), in: payloads) { $0.array }
    }

    /// Whether a payload chunk is there, whatever its bytes are.
    func hasChunk(of index: RecordIndex) throws(StoreError) -> Bool {
        try value(.chunk(index, 0), in: payloads) { _ in true } ?? false
    }

    /// An opening as it is stored, unchecked: for copies; nil if it is not there.
    func openingBytes(of index: RecordIndex) throws(StoreError) -> [UInt8]? {
        try value(.record(index), in: openings) { $0.array }
    }

    /// A tile as it is stored, unchecked: for copies; nil if it is not there.
    func tileBytes(_ tile: TileCoordinate) throws(StoreError) -> [UInt8]? {
        try value(.tile(tile), in: tiles) { $0.array }
    }

    /// How many records the file holds.
    func recordCount() throws(StoreError) -> UInt64 {
        guard let records else { return 0 }
        do throws(LMDBError) {
            return try transaction.entryCount(in: records)
        } catch {
            throw StoreError(error, path: path)
        }
    }

    /// The opening of a sealed record, or nil if there is none.
    func opening(of index: RecordIndex) throws(StoreError) -> SealedOpening? {
        let found: SealedOpening?? = try value(.record(index), in: openings) { bytes in
            guard bytes.count > SealedOpening.saltSizeBytes else { return nil }
            return try? SealedOpening(
                salt: bytes.extracting(first: SealedOpening.saltSizeBytes).array,
                description: bytes.extracting(droppingFirst: SealedOpening.saltSizeBytes).array
            )
        }
        guard let found else { return nil }
        guard let found else { throw damaged("the opening of record \(index) cannot be read") }
        return found
    }

    /// A stored payload chunk, checked against the frame's checksum; nil if it is not there.
    func chunk(of index: RecordIndex, checksum: UInt64) throws(StoreError) -> [UInt8]? {
        let found: [UInt8]?? = try value(.chunk(index, 0), in: payloads) { bytes in
            RecordFrame.shortChecksum(bytes) == checksum ? bytes.array : nil
        }
        guard let found else { return nil }
        guard let found else { throw damaged("the payload of record \(index) was changed") }
        return found
    }

    /// Checks a stored payload chunk without copying it.
    func checkChunk(of index: RecordIndex, checksum: UInt64) throws(StoreError) {
        let isEqual = try value(.chunk(index, 0), in: payloads) { bytes in
            RecordFrame.shortChecksum(bytes) == checksum
        }
        guard isEqual == true else { throw damaged("the payload of record \(index) was changed") }
    }

    /// The hashes of a full tile, or nil if it is not in this file.
    func tile(_ tile: TileCoordinate) throws(StoreError) -> [MerkleHash]? {
        let found: [MerkleHash]?? = try value(.tile(tile), in: tiles) { bytes in
            try? TileHashes.decode(bytes, width: TileCoordinate.fullWidth)
        }
        guard let found else { return nil }
        guard let found else { throw damaged("\(tile) has not 256 hashes") }
        return found
    }

    private func value<Result>(
        _ key: TableKey,
        in table: Database?,
        _ body: (Span<UInt8>) -> Result
    ) throws(StoreError) -> Result? {
        guard let table else { return nil }
        do throws(LMDBError) {
            return try key.withSpan { key throws(LMDBError) in
                try transaction.get(key, in: table, body)
            }
        } catch {
            throw StoreError(error, path: path)
        }
    }

    private func damaged(_ detail: String) -> StoreError { .damaged(path: path, detail: detail) }
}
