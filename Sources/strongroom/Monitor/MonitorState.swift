internal import EvidenceModel
internal import LMDBKit
internal import Platform
internal import TransparencyLog

/// A monitor's memory of one log: one LMDB file.
///
/// ```
/// log        "position" -> MonitorPosition, "violation" -> MonitorViolation
/// acts       index (8 bytes, big-endian) -> record
/// evidence   index -> EvidenceValue
/// ```
///
/// Every value has a checksum (`Checked`), for LMDB's pages have none. A step of the monitor is one
/// transaction: a process that is killed leaves the file as it was before or behind the step. A new
/// file is made under another name and renamed, so that a file that is there always is a state. At
/// the opening all of it is read: what is damaged is never believed, and never begun anew.
///
/// What the acts amount to is not kept but folded from them, as everywhere.
final class MonitorState {
    let path: String
    private let environment: LMDBKit.Environment
    private let log: Database
    private let evidence: Database
    private let acts: Database

    /// How far the monitor has come.
    private(set) var position: MonitorPosition
    /// The judge of what comes next.
    private(set) var audit: LogAudit
    /// What the log was caught at.
    private(set) var violation: MonitorViolation?

    private static let tables = ["acts", "evidence", "log"]
    private static let positionKey = Array("position".utf8)
    private static let violationKey = Array("violation".utf8)
    /// Room for two billion records; a file takes what is in it.
    private static let mapSizeBytes = 1 << 38
    private static let permissions: UInt32 = 0o600

    /// Makes the state of a log of which nothing was seen.
    ///
    /// `note`: a checkpoint that it must come by, if one was seen before.
    static func create(at path: String, origin: String, note: String?) throws(CommandFailure) {
        let temporary = path + ".making"
        do throws(SystemError) {
            try FileSystem.unlinkIfPresent(temporary)
            try FileSystem.unlinkIfPresent(temporary + "-lock")
        } catch { throw CommandFailure(error) }
        var position = MonitorPosition(origin: origin)
        position.note = note
        try Self.onState(temporary) { () throws(LMDBError) in
            let environment = try LMDBKit.Environment(
                path: temporary,
                access: .readWrite(mapSizeBytes: mapSizeBytes),
                maxDatabases: 4,
                permissions: permissions
            )
            defer { environment.close() }
            let transaction = try environment.beginWrite()
            for name in ["acts", "evidence"] { _ = try transaction.createDatabase(name) }
            let log = try transaction.createDatabase("log")
            let value = Checked.wrap(position.encoded, key: positionKey)
            try transaction.put(positionKey.span, value.span, in: log, mode: .insert)
            try transaction.commit()
        }
        do throws(SystemError) {
            try FileSystem.unlinkIfPresent(temporary + "-lock")
            try FileSystem.rename(temporary, to: path)
            try FileSystem.syncDirectory(FileSystem.parent(of: path))
        } catch { throw CommandFailure(error) }
    }

    /// Opens a state and reads all of it.
    ///
    /// - Throws: `verificationFailed` if it is not as it was written; `refused` if it is of another
    ///   log.
    init(_ path: String, origin: String) throws(CommandFailure) {
        self.path = path
        guard
            let found = try Self.onDisk({ () throws(SystemError) in
                try FileSystem.information(path)
            })
        else {
            throw CommandFailure(.notFound, "there is no file \(path)")
        }
        // LMDB would begin an empty file anew.
        guard found.kind == .file, found.sizeBytes > 0 else { throw Self.damaged(path, "empty") }
        environment = try Self.onState(path) { () throws(LMDBError) in
            try LMDBKit.Environment(
                path: path,
                access: .readWrite(mapSizeBytes: Self.mapSizeBytes),
                maxDatabases: 4,
                permissions: Self.permissions
            )
        }
        guard environment.databaseNames == Self.tables else {
            throw Self.damaged(path, "its tables are \(environment.databaseNames)")
        }
        let environment = environment
        let tables = try Self.onState(path) { () throws(LMDBError) -> [Database] in
            let transaction = try environment.beginRead()
            var tables: [Database] = []
            for name in Self.tables {
                guard let table = try transaction.openDatabase(name) else {
                    throw .damaged(detail: "no table \(name)")
                }
                tables.append(table)
            }
            return tables
        }
        (acts, evidence, log) = (tables[0], tables[1], tables[2])
        let loader = StateLoader(
            path: path,
            environment: environment,
            acts: acts,
            evidence: evidence,
            log: log
        )
        let (state, actCount) = try loader.fold()
        position = try loader.value(Self.positionKey) { bytes in
            MonitorPosition(bytes, closed: state.closed)
        }
        guard position.origin == origin else {
            throw CommandFailure(
                .refused,
                "\(path) is the state of the log \(position.origin), not of \(origin)",
                advice: "give the key of that log, or another --state"
            )
        }
        let evidenceCount = try loader.checkEvidence(position.collections)
        guard actCount == position.actCount, evidenceCount == position.evidenceCount,
            actCount + evidenceCount == position.edge.size.value
        else { throw Self.damaged(path, "records are missing in it") }
        violation = try loader.optionalValue(Self.violationKey) { MonitorViolation($0) }
        audit = LogAudit(
            origin: origin,
            state: state,
            order: position.order,
            unjudged: position.unjudged
        )
    }

    /// The root that the records gave that were judged, at a size up to where the monitor is.
    func root(at size: TreeSize) throws(CommandFailure) -> MerkleHash {
        let loader = StateLoader(
            path: path,
            environment: environment,
            acts: acts,
            evidence: evidence,
            log: log
        )
        return try loader.root(at: size)
    }

    /// Begins a step; it belongs to the calling thread.
    func beginStep() throws(CommandFailure) -> MonitorStep {
        let environment = environment
        let transaction = try Self.onState(path) { () throws(LMDBError) in
            try environment.beginWrite()
        }
        return MonitorStep(
            transaction,
            path: path,
            evidence: evidence,
            acts: acts,
            position: position
        )
    }

    /// Ends a step: durable on return, or as if it had never been.
    func commit(
        _ step: consuming MonitorStep,
        _ audit: LogAudit,
        _ edge: TileEdge,
        note: String?
    ) throws(CommandFailure) {
        var position = step.position
        position.edge = edge
        position.order = audit.order
        position.unjudged = audit.unjudged
        position.note = note
        try step.commit(
            key: Self.positionKey,
            value: Checked.wrap(position.encoded, key: Self.positionKey),
            in: log
        )
        self.position = position
        self.audit = audit
    }

    /// Notes that a pass has ended well, and the checkpoint that it has come to.
    func keep(pass time: Timestamp?, note: String) throws(CommandFailure) {
        var position = position
        position.lastPass = time
        position.note = note
        let value = Checked.wrap(position.encoded, key: Self.positionKey)
        try put(Self.positionKey, value)
        self.position = position
    }

    /// Notes what the log was caught at; it stays.
    func keep(_ violation: MonitorViolation) throws(CommandFailure) {
        try put(Self.violationKey, Checked.wrap(violation.encoded, key: Self.violationKey))
        self.violation = violation
    }

    private func put(_ key: [UInt8], _ value: [UInt8]) throws(CommandFailure) {
        let (environment, log) = (environment, log)
        try Self.onState(path) { () throws(LMDBError) in
            let transaction = try environment.beginWrite()
            try transaction.put(key.span, value.span, in: log, mode: .replace)
            try transaction.commit()
        }
    }

    /// Closes the file, which may then be renamed.
    func close() { environment.close() }

    // MARK: Failures

    static func damaged(_ path: String, _ detail: String) -> CommandFailure {
        CommandFailure(
            .verificationFailed,
            "the state \(path) is damaged: \(detail)",
            advice: "bring back a copy of it; without one move it away and begin a new one, which "
                + "does not know what the log has shown before"
        )
    }

    static func onState<Result: ~Copyable>(
        _ path: String,
        _ body: () throws(LMDBError) -> Result
    ) throws(CommandFailure) -> Result {
        do throws(LMDBError) {
            return try body()
        } catch {
            switch error {
            case .damaged, .truncated, .versionMismatch, .io: throw damaged(path, "\(error)")
            case .storageFull, .mapFull:
                throw CommandFailure(.storageFull, "\(path): \(error)", advice: "make room")
            default: throw CommandFailure(.refused, "\(path): \(error)", advice: "see --state")
            }
        }
    }

    private static func onDisk<Result>(
        _ body: () throws(SystemError) -> Result
    ) throws(CommandFailure) -> Result {
        do throws(SystemError) { return try body() } catch { throw CommandFailure(error) }
    }
}
