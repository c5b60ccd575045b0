import EvidenceModel
import LMDBKit
import Platform

/// The little that is neither in the log nor can be derived from it (`state/`).
///
/// - `checkpoint`: the last one that was signed, as of the last heartbeat. May be lost: without it
///   a log that was set back to an older copy is not noticed at start. Trusted only with its
///   signature.
/// - `clock`: the compliance clock as of the last heartbeat, and its budget. May be lost: the clock
///   then goes on from the last record, and its budget begins at nothing.
final class StateStore: Sendable {
    private let environment: LMDBKit.Environment
    private let entries: Database
    private let path: String

    private static let table = "state"
    private static let checkpointKey = Array("checkpoint".utf8)
    private static let clockKey = Array("clock".utf8)

    /// Opens the state, or makes an empty one.
    init(_ paths: StorePaths) throws(StoreError) {
        path = paths.stateFile
        try onDisk { () throws(SystemError) in try FileSystem.makeDirectoryIfAbsent(paths.state) }
        do throws(LMDBError) {
            environment = try LMDBKit.Environment(
                path: path,
                access: .readWrite(mapSizeBytes: 1 << 34),
                maxDatabases: 4
            )
            let transaction = try environment.beginWrite()
            entries = try transaction.createDatabase(Self.table)
            try transaction.commit()
        } catch {
            throw StoreError(error, path: path)
        }
    }

    /// What the state keeps; nil for what it does not have.
    struct Contents {
        /// The last checkpoint that was kept, as a signed note.
        let checkpoint: [UInt8]?
        /// The compliance clock as of the last heartbeat.
        let clock: ComplianceClock.Saved?
    }

    func contents() throws(StoreError) -> Contents { try Self.contents(of: environment, path) }

    /// The same of a log that nobody has open; changes nothing.
    static func contents(ofFileAt path: String) throws(StoreError) -> Contents {
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
    ) throws(StoreError) -> Contents {
        let (checkpoint, clock): ([UInt8]?, [UInt8]?)
        do throws(LMDBError) {
            let transaction = try environment.beginRead()
            guard let entries = try transaction.openDatabase(table) else {
                throw LMDBError.damaged(detail: "its table is missing")
            }
            checkpoint = try value(of: checkpointKey, in: entries, transaction)
            clock = try value(of: clockKey, in: entries, transaction)
        } catch {
            throw StoreError(error, path: path)
        }
        guard let clock else { return Contents(checkpoint: checkpoint, clock: nil) }
        guard let bytes = RecordFrame.checked(clock.span),
            let object = try? JSONValue(parsing: bytes.span, form: .canonical).object,
            let saved = ComplianceClock.Saved(json: object)
        else { throw .damaged(path: path, detail: "its clock cannot be read") }
        return Contents(checkpoint: checkpoint, clock: saved)
    }

    private static func value(
        of key: [UInt8],
        in entries: Database,
        _ transaction: borrowing ReadTransaction
    ) throws(LMDBError) -> [UInt8]? {
        try transaction.get(key.span, in: entries) { $0.array }
    }

    func close() { environment.close() }

    /// Keeps a checkpoint and nothing of a clock: that of a restored log.
    func keep(checkpoint: [UInt8]) throws(StoreError) {
        do throws(LMDBError) {
            let transaction = try environment.beginWrite()
            try transaction.put(
                Self.checkpointKey.span,
                checkpoint.span,
                in: entries,
                mode: .replace
            )
            try transaction.commit()
        } catch {
            throw StoreError(error, path: path)
        }
    }

    /// Keeps the checkpoint and the clock, durably.
    ///
    /// `checkpoint`: nil for a log that has signed none yet.
    func beat(checkpoint: [UInt8]?, clock: ComplianceClock.Saved) throws(StoreError) {
        do throws(LMDBError) {
            let transaction = try environment.beginWrite()
            if let checkpoint {
                try transaction.put(
                    Self.checkpointKey.span,
                    checkpoint.span,
                    in: entries,
                    mode: .replace
                )
            }
            try transaction.put(
                Self.clockKey.span,
                RecordFrame.withChecksum(CanonicalJSON.encode(.object(clock.json))).span,
                in: entries,
                mode: .replace
            )
            try transaction.commit()
        } catch {
            throw StoreError(error, path: path)
        }
    }
}
