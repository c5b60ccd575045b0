import EvidenceModel
package import EvidenceStore
import Platform
package import TransparencyLog

/// Checks what others have said of a log that nobody has open: `state/timestamps.mdb` and
/// `state/cosignatures.mdb`; changes nothing.
///
/// Each note must be a checkpoint of the log, with the root that its records give; each time-stamp
/// must cover its note. Whether an authority or a witness is to be trusted is not asked.
package struct AttestationCheck {
    private let paths: StorePaths
    /// The trees that are spoken of: ``Fsck`` has to be told of them before it reads the records.
    package let sizes: Set<TreeSize>

    /// Looks which trees there is something of; what cannot be read is found by ``judge(_:_:)``.
    ///
    /// - Throws: `newerFormat`, `system`.
    package init(path: String) throws(StoreError) {
        let paths = StorePaths(path)
        var sizes: Set<TreeSize> = []
        func add(_ note: String) {
            guard let text = try? SignedNote(parsing: note).text,
                let checkpoint = try? Checkpoint(parsing: text)
            else { return }
            sizes.insert(checkpoint.size)
        }
        try Self.skippingDamage { () throws(StoreError) in
            try Self.timestamps(paths) { entry, _ in
                if case .success(let entry) = entry { add(entry.note) }
            }
        }
        try Self.skippingDamage { () throws(StoreError) in
            try Self.notes(paths) { _, note in add(String(decoding: note, as: UTF8.self)) }
        }
        self.paths = paths
        self.sizes = sizes
    }

    /// Compares everything with the log, behind ``Fsck/run()``.
    package func judge(_ fsck: Fsck, _ report: inout FsckReport) throws(StoreError) {
        var findings: [FsckReport.Finding] = []
        func damage(_ path: String, _ detail: String) {
            findings.append(FsckReport.Finding(severity: .damage, path: path, detail: detail))
        }
        func finding(_ body: () throws(StoreError) -> Void) throws(StoreError) {
            do throws(StoreError) { try body() } catch {
                guard case .damaged(let path, let detail) = error else { throw error }
                damage(path, detail)
            }
        }
        guard fsck.isComplete else {
            return try noteUnread(&report)
        }
        var (stamps, notes): (UInt64, UInt64) = (0, 0)
        try finding { () throws(StoreError) in
            try Self.timestamps(paths) { entry, key in
                stamps += 1
                if let fault = Self.fault(entry, key, fsck) { damage(paths.timestampsFile, fault) }
            }
        }
        try finding { () throws(StoreError) in
            let malformed = try Self.notes(paths) { what, note in
                notes += 1
                let text = String(decoding: note, as: UTF8.self)
                if let fault = fsck.fault(ofCheckpoint: text) {
                    damage(paths.cosignaturesFile, "\(what): \(fault)")
                }
            }
            if malformed > 0 {
                damage(paths.cosignaturesFile, "\(malformed) entries of witnesses cannot be read")
            }
        }
        report.findings += findings
        report.timestamps = stamps
        report.cosignedCheckpoints = notes
    }

    private func noteUnread(_ report: inout FsckReport) throws(StoreError) {
        for path in [paths.timestampsFile, paths.cosignaturesFile] where try Self.exists(path) {
            report.findings.append(
                FsckReport.Finding(
                    severity: .note,
                    path: path,
                    detail: "not compared: the records that it speaks of were not all read"
                )
            )
        }
    }

    // MARK: Time-stamps

    private static func fault(
        _ entry: Result<TimeStampEntry, StoreError>,
        _ key: [UInt8],
        _ fsck: Fsck
    ) -> String? {
        let size = BigEndian.read(UInt64.self, from: key.span, at: 0)
        let name = String(decoding: key.dropFirst(8), as: UTF8.self)
        let what = "the time-stamp of \(size.map { "\($0)" } ?? "?") records by \(name)"
        switch entry {
        case .failure(let error):
            guard case .damaged(_, let detail) = error else { return "\(what): \(error)" }
            return "\(what): \(detail)"
        case .success(let entry):
            return fault(entry, key, fsck).map { "\(what): \($0)" }
        }
    }

    private static func fault(_ entry: TimeStampEntry, _ key: [UInt8], _ fsck: Fsck) -> String? {
        guard TimeStampStore.key(entry.key) == key else {
            return "it stands under another key than its own"
        }
        guard TimeStampAuthority.isName(entry.key.authority) else {
            return "no authority can have that name"
        }
        if let fault = fsck.fault(ofCheckpoint: entry.note) { return fault }
        do throws(NoteError) {
            let text = try TimeStampEntry.text(of: entry.note)
            let checkpoint = try Checkpoint(parsing: String(decoding: text, as: UTF8.self))
            guard checkpoint.size == entry.key.size else {
                return "its checkpoint is of \(checkpoint.size) records"
            }
            do throws(TimeStampRecord.Fault) { try entry.record.check(text) } catch {
                return "\(error)"
            }
        } catch { return "\(error)" }
        return nil
    }

    // MARK: Files

    /// Goes through all entries; of a file that is not there there are none.
    private static func timestamps(
        _ paths: StorePaths,
        _ body: (_ entry: Result<TimeStampEntry, StoreError>, _ key: [UInt8]) -> Void
    ) throws(StoreError) {
        guard try exists(paths.timestampsFile) else { return }
        let store = try TimeStampStore(existing: paths)
        defer { store.close() }
        try store.readValues { key, value throws(StoreError) in
            do throws(StoreError) {
                body(.success(try store.parsed(value)), key)
            } catch {
                guard case .damaged = error else { throw error }
                body(.failure(error), key)
            }
        }
    }

    /// The same of notes that were cosigned; returns how much else cannot be read.
    @discardableResult private static func notes(
        _ paths: StorePaths,
        _ body: (_ what: String, _ note: [UInt8]) -> Void
    ) throws(StoreError) -> Int {
        guard try exists(paths.cosignaturesFile) else { return 0 }
        let store = try CosignatureStore(existing: paths)
        defer { store.close() }
        try store.forEachNote(body)
        return try store.malformedStandings()
    }

    private static func exists(_ path: String) throws(StoreError) -> Bool {
        do throws(SystemError) { return try FileSystem.exists(path) } catch { throw .system(error) }
    }

    private static func skippingDamage(
        _ body: () throws(StoreError) -> Void
    ) throws(StoreError) {
        do throws(StoreError) { try body() } catch {
            guard case .damaged = error else { throw error }
        }
    }
}
