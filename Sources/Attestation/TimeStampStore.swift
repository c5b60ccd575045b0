import Cryptography
import EvidenceModel
import EvidenceStore
import LMDBKit
import Platform
import TransparencyLog

/// The time-stamps of a log (`state/timestamps.mdb`).
///
/// Not derived and not in the log. May be lost: then nobody can show any more when the checkpoints
/// that it held existed, unless bundles or auditors have their tokens; new ones are made for what
/// the log is now. Trusted only as far as each token verifies.
final class TimeStampStore: Sendable {
    private let environment: LMDBKit.Environment
    private let table: Database
    private let path: String

    private static let name = "timestamps"

    /// Opens the file, or makes an empty one, durably.
    init(_ paths: StorePaths) throws(StoreError) {
        path = paths.timestampsFile
        do throws(LMDBError) {
            environment = try LMDBKit.Environment(
                path: paths.timestampsFile,
                access: .readWrite(mapSizeBytes: 1 << 34),
                maxDatabases: 2
            )
            let transaction = try environment.beginWrite()
            table = try transaction.createDatabase(Self.name)
            try transaction.commit()
        } catch { throw StoreError(error, path: paths.timestampsFile) }
        do throws(SystemError) {
            try FileSystem.syncDirectory(paths.state)
        } catch { throw .system(error) }
    }

    /// Opens the file of a log that nobody has open; changes nothing.
    init(existing paths: StorePaths) throws(StoreError) {
        path = paths.timestampsFile
        do throws(LMDBError) {
            environment = try LMDBKit.Environment(
                path: paths.timestampsFile,
                access: .readOnlySealed,
                maxDatabases: 2
            )
            guard let table = try environment.beginRead().openDatabase(Self.name) else {
                throw LMDBError.damaged(detail: "its table is missing")
            }
            self.table = table
        } catch { throw StoreError(error, path: paths.timestampsFile) }
    }

    func close() { environment.close() }

    /// Keeps entries, all or none, durably; each replaces what has its key.
    func put(_ entries: [TimeStampEntry]) throws(StoreError) {
        do throws(LMDBError) {
            let transaction = try environment.beginWrite()
            for entry in entries {
                try transaction.put(
                    Self.key(entry.key).span,
                    Self.value(entry).span,
                    in: table,
                    mode: .replace
                )
            }
            try transaction.commit()
        } catch { throw StoreError(error, path: path) }
    }

    /// The entry of a key; nil if there is none.
    func entry(_ key: TimeStampKey) throws(StoreError) -> TimeStampEntry? {
        let found: [UInt8]?
        do throws(LMDBError) {
            let transaction = try environment.beginRead()
            found = try transaction.get(Self.key(key).span, in: table) { $0.array }
        } catch { throw StoreError(error, path: path) }
        return try found.map { (value) throws(StoreError) in try parsed(value) }
    }

    /// Goes through all entries, in the order of their keys.
    func readAll(_ body: (TimeStampEntry) -> Void) throws(StoreError) {
        try readValues { _, value throws(StoreError) in body(try parsed(value)) }
    }

    /// Goes through all entries as they stand in the file.
    func readValues(
        _ body: (_ key: [UInt8], _ value: [UInt8]) throws(StoreError) -> Void
    ) throws(StoreError) {
        var after: [UInt8]?
        // A batch a transaction: none is held open for long.
        while true {
            let values = try batch(after: after)
            guard !values.isEmpty else { return }
            for (key, value) in values { try body(key, value) }
            after = values[values.count - 1].key
        }
    }

    private func batch(
        after: [UInt8]?
    ) throws(StoreError) -> [(key: [UInt8], value: [UInt8])] {
        var values: [(key: [UInt8], value: [UInt8])] = []
        do throws(LMDBError) {
            let transaction = try environment.beginRead()
            var cursor = try transaction.cursor(in: table)
            var isThere: Bool
            if let after {
                isThere = try cursor.seek(atOrAfter: (after + [0]).span)
            } else {
                isThere = try cursor.first()
            }
            while isThere, values.count < 256 {
                values.append(try cursor.withCurrent { ($0.array, $1.array) })
                isThere = try cursor.next()
            }
        } catch { throw StoreError(error, path: path) }
        return values
    }

    // MARK: Bytes

    static func key(_ key: TimeStampKey) -> [UInt8] {
        BigEndian.bytes(of: key.size.value) + Array(key.authority.utf8)
    }

    private static func value(_ entry: TimeStampEntry) -> [UInt8] {
        let object: JSONObject = [
            "authority": .string(entry.key.authority), "ends": .integer(entry.ends),
            "note": .string(entry.note),
            "record": .string(Base64.encode(entry.record.encoded.span)),
            "size": .integer(Int64(entry.key.size.value)), "subject": .string(entry.subject),
            "v": .integer(1),
        ]
        return RecordFrame.withChecksum(CanonicalJSON.encode(.object(object)))
    }

    func parsed(_ value: [UInt8]) throws(StoreError) -> TimeStampEntry {
        guard let bytes = RecordFrame.checked(value.span),
            let object = try? JSONValue(parsing: bytes.span, form: .canonical).object
        else { throw .damaged(path: path, detail: "an entry has changed bytes") }
        guard let version = object["v"]?.unsigned, version <= 1 else {
            throw .newerFormat(path: path, version: object["v"]?.unsigned ?? 0)
        }
        guard let size = object["size"]?.unsigned, let authority = object["authority"]?.string,
            let note = object["note"]?.string, let ends = object["ends"]?.unsigned,
            let subject = object["subject"]?.string,
            let encoded = object["record"]?.string.flatMap({ Base64.decode($0) }),
            let record = try? TimeStampRecord(parsing: encoded)
        else { throw .damaged(path: path, detail: "an entry cannot be read") }
        return TimeStampEntry(
            key: TimeStampKey(size: TreeSize(size), authority: authority),
            note: note,
            record: record,
            ends: Int64(ends),
            subject: subject
        )
    }
}
