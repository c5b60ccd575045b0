import Cryptography
package import EvidenceStore
import LMDBKit
import Platform
package import TransparencyLog

/// What witnesses have said (`state/cosignatures.mdb`).
///
/// Not in the log. Nothing in it is believed: notes prove themselves with their signatures, and a
/// size only chooses the proof that a witness is sent first. May be lost: then witnesses are asked
/// anew, and checkpoints that were cosigned in the past are gone, which matter after a theft of
/// the log's key. What is written is durable when a call returns. Thread-safe.
///
/// ```
/// witnesses    SHA-256 of the verifier key -> size (8), time of the cosignature in s (8)
/// checkpoints  newest                      -> the newest note that the policy accepted
/// hours        hours since 1970 (8)        -> the last such note of that hour
/// ```
///
/// Reference: `Schemas/state.md` section 8.
package final class CosignatureStore: Sendable {
    /// What a witness has cosigned last.
    package struct Standing: Equatable, Sendable {
        package var size: TreeSize
        /// The time in the cosignature, by the witness's clock.
        package var timestampSeconds: UInt64

        package init(size: TreeSize, timestampSeconds: UInt64) {
            self.size = size
            self.timestampSeconds = timestampSeconds
        }
    }

    private let environment: LMDBKit.Environment
    private let witnesses: Database
    private let checkpoints: Database
    private let hours: Database
    private let path: String

    private static let mapSizeBytes = 1 << 34
    private static let newestKey = Array("newest".utf8)

    /// Opens it, or makes an empty one.
    package init(_ paths: StorePaths) throws(StoreError) {
        path = paths.cosignaturesFile
        do throws(LMDBError) {
            environment = try LMDBKit.Environment(
                path: path,
                access: .readWrite(mapSizeBytes: Self.mapSizeBytes),
                maxDatabases: 4
            )
            let transaction = try environment.beginWrite()
            witnesses = try transaction.createDatabase("witnesses")
            checkpoints = try transaction.createDatabase("checkpoints")
            hours = try transaction.createDatabase("hours")
            try transaction.commit()
        } catch {
            throw StoreError(error, path: path)
        }
    }

    /// Opens the file of a log that nobody has open; changes nothing.
    init(existing paths: StorePaths) throws(StoreError) {
        path = paths.cosignaturesFile
        do throws(LMDBError) {
            environment = try LMDBKit.Environment(
                path: path,
                access: .readOnlySealed,
                maxDatabases: 4
            )
            let transaction = try environment.beginRead()
            guard let witnesses = try transaction.openDatabase("witnesses"),
                let checkpoints = try transaction.openDatabase("checkpoints"),
                let hours = try transaction.openDatabase("hours")
            else { throw LMDBError.damaged(detail: "a table is missing") }
            (self.witnesses, self.checkpoints, self.hours) = (witnesses, checkpoints, hours)
        } catch { throw StoreError(error, path: path) }
    }

    package func close() { environment.close() }

    /// What a witness has cosigned last, as far as is known here.
    package func standing(of key: CosignatureKey) throws(StoreError) -> Standing? {
        let value = try read { (transaction) throws(LMDBError) in
            try transaction.get(Self.name(of: key).span, in: witnesses) { $0.array }
        }
        guard let value, value.count == 16,
            let size = BigEndian.read(UInt64.self, from: value.span, at: 0),
            let seconds = BigEndian.read(UInt64.self, from: value.span, at: 8),
            size <= TreeSize.maximum.value
        else { return nil }
        return Standing(size: TreeSize(size), timestampSeconds: seconds)
    }

    /// The newest note that satisfied the policy.
    package func newest() throws(StoreError) -> [UInt8]? {
        try read { (transaction) throws(LMDBError) in
            try transaction.get(Self.newestKey.span, in: checkpoints) { $0.array }
        }
    }

    /// Notes that satisfied the policy, one an hour, from the hour of a time on backwards.
    ///
    /// `body`: returns false when it has seen enough.
    package func forEachHour(
        endingAt seconds: UInt64,
        _ body: ([UInt8]) -> Bool
    ) throws(StoreError) {
        try read { (transaction) throws(LMDBError) in
            var cursor = try transaction.cursor(in: hours)
            let after = BigEndian.bytes(of: seconds / 3600 + 1)
            // The first key behind the hour, or the end: what comes before it is wanted.
            _ = try cursor.seek(atOrAfter: after.span)
            while try cursor.previous() {
                let note = try cursor.withCurrent { $1.array }
                if !body(note) { return }
            }
        }
    }

    /// Goes through every note that is kept, with what it is kept as.
    func forEachNote(_ body: (_ what: String, _ note: [UInt8]) -> Void) throws(StoreError) {
        if let note = try newest() { body("the newest checkpoint", note) }
        try read { (transaction) throws(LMDBError) in
            var cursor = try transaction.cursor(in: hours)
            var isThere = try cursor.first()
            while isThere {
                let (key, note) = try cursor.withCurrent { ($0.array, $1.array) }
                let hour = BigEndian.read(UInt64.self, from: key.span, at: 0)
                let name = key.count == 8 ? hour.map { "\($0)" } : nil
                body("the checkpoint of hour \(name ?? "?")", note)
                isThere = try cursor.next()
            }
        }
    }

    /// How many entries of witnesses are not of the form that this program writes.
    func malformedStandings() throws(StoreError) -> Int {
        try read { (transaction) throws(LMDBError) in
            var count = 0
            var cursor = try transaction.cursor(in: witnesses)
            var isThere = try cursor.first()
            while isThere {
                let (key, value) = try cursor.withCurrent { ($0.array, $1.array) }
                let size = BigEndian.read(UInt64.self, from: value.span, at: 0)
                if key.count != SHA256Digest.sizeBytes || value.count != 16
                    || (size ?? .max) > TreeSize.maximum.value
                {
                    count += 1
                }
                isThere = try cursor.next()
            }
            return count
        }
    }

    /// Keeps what was learnt: sizes of witnesses, and a note that the policy accepts.
    ///
    /// `nowSeconds`: by this machine's wall clock, since 1970.
    package func keep(
        _ standings: [(key: CosignatureKey, standing: Standing)],
        note: [UInt8]?,
        nowSeconds: UInt64
    ) throws(StoreError) {
        do throws(LMDBError) {
            let transaction = try environment.beginWrite()
            for (key, standing) in standings {
                let value =
                    BigEndian.bytes(of: standing.size.value)
                    + BigEndian.bytes(of: standing.timestampSeconds)
                let name = Self.name(of: key)
                try transaction.put(name.span, value.span, in: witnesses, mode: .replace)
            }
            if let note {
                let hour = BigEndian.bytes(of: nowSeconds / 3600)
                let newest = Self.newestKey
                try transaction.put(newest.span, note.span, in: checkpoints, mode: .replace)
                try transaction.put(hour.span, note.span, in: hours, mode: .replace)
            }
            try transaction.commit()
        } catch {
            throw StoreError(error, path: path)
        }
    }

    /// The verifier key as a key of the table: names can be longer than such keys.
    private static func name(of key: CosignatureKey) -> [UInt8] {
        let text = Array(key.description.utf8)
        return SHA256.hash(text.span).bytes
    }

    private func read<Result>(
        _ body: (borrowing ReadTransaction) throws(LMDBError) -> Result
    ) throws(StoreError) -> Result {
        do throws(LMDBError) {
            let transaction = try environment.beginRead()
            return try body(transaction)
        } catch {
            throw StoreError(error, path: path)
        }
    }
}
