import Cryptography
import EvidenceModel
import Platform
import TransparencyLog

/// Checks everything that a log's directory holds, from the records' bytes alone; changes nothing.
///
/// Every record, payload, tile, index entry, manifest, signature, the catalog and the state are
/// worked out anew and compared. The log must not be in use.
package struct Fsck {
    private let paths: StorePaths
    let description: LogDescription
    private let lock: LockFile?
    private let progress: (_ segment: UInt64, _ of: UInt64) -> Void

    private var report = FsckReport()
    private let upper: UpperTree
    var tree = CompactRange()
    private var catalog = CatalogContents()
    private var runs: FsckRuns?
    /// The acts of the segment at hand, and what all acts so far amount to.
    private var acts: [StoredAct] = []
    private var state = LogState()
    /// The heads of the access log's chain that the acts hold.
    private var digests: [AccessLog.Digest] = []
    /// The comparisons with targets that the acts tell of, and where they stand.
    private var comparisons: [(index: RecordIndex, change: TargetPhaseChange, path: String)] = []
    /// What the acts of the whole log amount to, from a first pass over them: what was erased is
    /// told only behind it.
    var final = LogState()
    private var order = RecordOrder()
    private var uploads: Set<UploadID> = []
    /// What the log says of erasures, to be known before the records are read; tests add others.
    var erasures = SegmentCheck.Erasures()
    /// The checkpoints of larger trees that were found, with where; checked when these are known.
    private var signedRoots: [(size: TreeSize, root: MerkleHash, path: String)] = []
    /// The sizes that something beside the log speaks of, and the roots that the records give.
    var sizes: Set<TreeSize> = []
    var roots: [TreeSize: MerkleHash] = [:]
    /// Whether every record was read.
    package private(set) var isComplete = false

    /// `progress`: called before each segment.
    /// - Throws: `notALog`, `busy`, `newerFormat`, `system`; `damaged` if `log.json` is.
    package init(
        path: String,
        progress: @escaping (_ segment: UInt64, _ of: UInt64) -> Void = { _, _ in }
    ) throws(StoreError) {
        paths = StorePaths(path)
        description = try LogDescription.read(paths)
        lock = try LockFile(existingIn: paths)
        upper = UpperTree(geometry: description.geometry)
        self.progress = progress
    }

    /// Checks everything.
    ///
    /// - Throws: `system` if the machine does not let us read.
    package mutating func run() throws(StoreError) -> FsckReport {
        let paths = paths
        guard let survey = try report.check({ _ throws(StoreError) in try SegmentSurvey(paths) })
        else { return report }
        let total = survey.sealedCount + UInt64(survey.unsealed.count)
        do throws(StoreError) {
            final = try LogState(ofLogAt: paths, description.geometry, survey)
            let erased = final.erased(in: 0...TreeSize.maximum.value)
            let waiting = final.unpurged.values.reduce(IndexRanges.none) { $0.union($1) }
            erasures = SegmentCheck.Erasures(
                erased: erasures.erased.union(erased),
                purged: erasures.purged.union(erased.subtracting(waiting))
            )
        } catch {
            // The pass over all records names it; so does the comparison at the end.
            guard case .damaged = error else { throw error }
        }
        report.sealedSegments = survey.sealedCount
        runs = try FsckRuns(paths, description.geometry)
        for value in 0..<total {
            progress(value, total)
            let number = SegmentNumber(value)
            do throws(StoreError) {
                try checkSegment(number, isSealed: value < survey.sealedCount)
            } catch {
                guard case .damaged(let path, let detail) = error else { throw error }
                report.damage(path, detail)
                // Without this segment's records nothing behind it can be worked out.
                return report
            }
        }
        isComplete = true
        report.root = tree.root.hex
        try checkFold()
        try checkComparisons()
        let mark = try report.check { _ throws(StoreError) in try RestoreMark.read(paths) } ?? nil
        report.findings += try AccessLog.verify(
            directory: paths.access,
            digests: digests,
            from: mark?.access ?? .start
        )
        try checkLaterSignatures()
        try checkState()
        try checkCredentials()
        try checkCatalog(survey)
        try runs?.check(upper, &report)
        try checkUploads()
        return report
    }

    // MARK: Segments

    private mutating func checkSegment(
        _ number: SegmentNumber,
        isSealed: Bool
    ) throws(StoreError) {
        let geometry = description.geometry
        let path = isSealed ? paths.log(number) : paths.active(number)
        if !isSealed { try SegmentFilesCheck.noteLeftovers(in: paths.segment(number), &report) }
        let isThere = try onDisk { () throws(SystemError) in try FileSystem.exists(path) }
        // A crash can leave the directory of the next segment without its file.
        guard isThere else { return }
        let file = try SealedFile(path: path)
        // A crash can leave the next segment's file without its tables, but not with some of them.
        guard isSealed || [[], UnsealedSegment.tables].contains(file.tableNames) else {
            throw .damaged(path: path, detail: "its tables are \(file.tableNames)")
        }
        let reader = try file.beginRead()
        let first = geometry.firstIndex(of: number).value
        let count = try reader.recordCount()
        guard isSealed ? count == geometry.capacity : count <= geometry.capacity else {
            throw .damaged(path: path, detail: "it holds \(count) records")
        }
        // The next segment is made ahead, and empty.
        if count > 0 { report.segments += 1 }
        guard count == 0 || first == tree.size.value else {
            throw .damaged(path: path, detail: "it has records, but the one before is not full")
        }
        acts = []
        var segment = try SegmentCheck(
            number: number,
            isSealed: isSealed,
            paths: paths,
            geometry: geometry,
            file: file,
            erasures: erasures
        )
        for value in first..<first + count {
            let (frame, bytes) = try reader.record(at: RecordIndex(value))
            try checkRecord(RecordIndex(value), frame, bytes, &segment)
        }
        if segment.tree.isFull {
            upper.append(segmentRoot: segment.tree.node(level: segment.tree.height, 0))
        }
        try segment.checkTiles(
            from: TreeSize(first),
            to: tree.size,
            upper: upper,
            reader,
            &report
        )
        if isSealed { try checkSealed(&segment) }
    }

    private mutating func checkRecord(
        _ index: RecordIndex,
        _ frame: RecordFrame,
        _ bytes: [UInt8],
        _ segment: inout SegmentCheck
    ) throws(StoreError) {
        let path = segment.file.path
        let record = try Record.stored(bytes.span, at: index, in: path)
        let leaf = MerkleTree.leafHash(bytes.span)
        tree.append(leaf)
        segment.tree.append(leaf)
        if sizes.contains(tree.size) { roots[tree.size] = tree.root }
        report.records += 1
        for fault in order.take(record, at: index) { report.damage(path, fault.detail) }
        if case .logCreated(let creation) = record { report.predecessor = creation.predecessor }
        if case .logCreated(let creation) = record,
            creation.origin != description.origin
                || !creation.verifierKeys.contains(description.verifierKey)
        {
            report.damage(paths.description, "it does not fit record 0")
        }
        try checkAct(record, StoredAct(index: index, bytes: bytes), path)
        let opening = try segment.checkPayload(record, at: index, frame, &report)
        if case .file(let id, _) = frame.payload { uploads.insert(id) }
        segment.contents.append(
            record,
            bytes: bytes.span,
            frame: frame,
            opening: opening,
            at: index
        )
    }

    /// Takes an act into the state; one that no Strongroom would have written is damage.
    private mutating func checkAct(
        _ record: Record,
        _ stored: StoredAct,
        _ path: String
    ) throws(StoreError) {
        guard record.collection == nil else { return }
        acts.append(stored)
        report.acts += 1
        if case .act(let act) = record {
            switch act.act {
            case .accessDigest(let count, let head, let day):
                digests.append(AccessLog.Digest(day: day, count: count, head: head))
            case .targetPhase(let change): comparisons.append((stored.index, change, path))
            default: break
            }
        }
        do throws(StoreError) {
            try state.take(stored, in: path)
        } catch {
            guard case .damaged(_, let detail) = error else { throw error }
            report.damage(path, detail)
        }
    }

    /// The state from every record must be the one from the tables of acts, byte by byte.
    private mutating func checkFold() throws(StoreError) {
        let exported = state.exported
        report.stateDigest = SHA256.hash(exported.span).hex
        if exported != final.exported {
            report.damage(paths.segments, "the tables of acts do not give the state of the log")
        }
    }

    /// What was compared with a target is what the records give at that size.
    private mutating func checkComparisons() throws(StoreError) {
        guard !comparisons.isEmpty else { return }
        let nodes = try FsckNodes(paths: paths, geometry: description.geometry, upper: upper)
        for (index, change, path) in comparisons {
            guard change.size <= tree.size,
                try RootComputation.root(change.size, from: nodes) == change.localRoot
            else {
                report.damage(
                    path,
                    "record \(index) compares a root at size \(change.size) that the records do "
                        + "not give"
                )
                continue
            }
        }
    }

    private mutating func checkSealed(_ segment: inout SegmentCheck) throws(StoreError) {
        try segment.checkIndexes(&report)
        let number = segment.number
        runs?.add(number, segment.contents.logEntries)
        guard let summary = segment.contents.summary(of: number) else { return }
        let sealed = try SealedSegment(number, paths: paths)
        let path = sealed.log.path
        if try sealed.summary() != summary {
            report.damage(path, "its manifest does not fit its records")
        }
        let filter = try sealed.filter()
        if !segment.contents.mayHave(filter) {
            report.damage(path, "its key filter does not fit its records")
        }
        catalog.fold(CatalogEntry(summary: summary, filter: filter, acts: acts))
        checkSignature(try sealed.checkpoint(), path: path, isEnd: true)
        try segment.checkFiles(&report)
    }

    /// A signed checkpoint must be the log's and give the root that the records give.
    private mutating func checkSignature(_ note: [UInt8], path: String, isEnd: Bool) {
        let signed = try? SignedCheckpoint.open(
            String(decoding: note, as: UTF8.self),
            origin: description.origin,
            keys: final.verifierKeys
        )
        guard let checkpoint = signed?.checkpoint else {
            return report.damage(path, "its checkpoint is not signed by the log")
        }
        report.signatures += 1
        guard isEnd else { return }
        if checkpoint.size > tree.size {
            // A restored segment has the checkpoint that it was restored with.
            let isKnown = signedRoots.contains {
                $0.size == checkpoint.size && $0.root == checkpoint.root
            }
            if !isKnown { signedRoots.append((checkpoint.size, checkpoint.root, path)) }
        } else if checkpoint.size != tree.size || checkpoint.root != tree.root {
            report.damage(path, "its checkpoint is not that of the tree that ends with it")
        }
    }

    /// The checkpoints of larger trees that segments hold must be those of this one.
    private mutating func checkLaterSignatures() throws(StoreError) {
        let nodes = try FsckNodes(paths: paths, geometry: description.geometry, upper: upper)
        for signed in signedRoots {
            let root =
                signed.size <= tree.size
                ? try RootComputation.root(signed.size, from: nodes) : nil
            if root != signed.root {
                report.damage(signed.path, "its checkpoint is not that of the log's tree")
            }
        }
    }

    // MARK: Beside the log

    private mutating func checkState() throws(StoreError) {
        let path = paths.stateFile
        let isThere = try onDisk { () throws(SystemError) in try FileSystem.exists(path) }
        guard isThere else { return report.note(path, "it is missing; the next start makes it") }
        let note = try report.check { _ throws(StoreError) in
            try StateStore.contents(ofFileAt: path).checkpoint
        }
        guard let note = note ?? nil else { return }
        let before = report.findings.count
        checkSignature(note, path: path, isEnd: false)
        guard report.findings.count == before,
            let text = try? SignedNote(parsing: String(decoding: note, as: UTF8.self)).text,
            let checkpoint = try? Checkpoint(parsing: text)
        else { return }
        guard checkpoint.size <= tree.size else {
            return report.damage(
                paths.segments,
                "the log has \(tree.size) records, but a checkpoint of \(checkpoint.size) was "
                    + "signed: it was cut or set back to an older copy"
            )
        }
        let nodes = try FsckNodes(paths: paths, geometry: description.geometry, upper: upper)
        if try RootComputation.root(checkpoint.size, from: nodes) != checkpoint.root {
            report.damage(
                paths.segments,
                "its root at size \(checkpoint.size) is not the one that was signed"
            )
        }
    }

    /// The log knows every token, but not its secret.
    private mutating func checkCredentials() throws(StoreError) {
        let path = paths.credentialsFile
        let isThere = try onDisk { () throws(SystemError) in try FileSystem.exists(path) }
        let names =
            isThere
            ? try report.check { _ throws(StoreError) in
                Set(try CredentialStore.names(inFileAt: path))
            }
            : []
        guard let names else { return }
        let live = Set(state.tokens.filter { $0.revoked == nil }.map(\.name))
        for name in live.subtracting(names).sorted() {
            report.note(path, "the token of \(name) is not in it, and does not work")
        }
        for name in names.subtracting(live).sorted() {
            report.note(path, "the log knows no token of \(name); the next start removes it")
        }
    }

    private mutating func checkCatalog(_ survey: SegmentSurvey) throws(StoreError) {
        let path = paths.catalogFile
        let isThere = try onDisk { () throws(SystemError) in try FileSystem.exists(path) }
        guard isThere else { return report.note(path, "it is missing; the next start makes it") }
        let stored = try report.check { _ throws(StoreError) in
            try Catalog.contents(ofFileAt: path)
        }
        guard let stored else { return }
        if stored != catalog.prefix(through: stored.watermark, description.geometry) {
            report.damage(path, "it is not what the log gives; remove it, and the start makes it")
        }
    }

    private mutating func checkUploads() throws(StoreError) {
        let paths = paths
        let directories = try onDisk { () throws(SystemError) in
            try FileSystem.list(paths.payloads)
        }
        for directory in directories {
            let names = try onDisk { () throws(SystemError) in
                try FileSystem.list("\(paths.payloads)/\(directory)")
            }
            for name in names {
                let suffix = [".zst", StorePaths.evictionSuffix].first { name.hasSuffix($0) }
                let id = suffix.flatMap { UploadID(name: name.dropLast($0.count)) }
                if let id, uploads.contains(id) { continue }
                report.note(
                    "\(paths.payloads)/\(directory)/\(name)",
                    "no record names it: what an interrupted upload left"
                )
            }
        }
    }
}
