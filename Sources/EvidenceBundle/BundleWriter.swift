import Cryptography
import EvidenceModel
import EvidenceStore
import Platform
import TarArchive
import TransparencyLog

/// Writes the part of a bundle that comes before its payloads, and where each payload stands.
///
/// The records are read once, in their order; what is written goes to files at once. So memory does
/// not grow with the payloads, and with the records only by the ranges of their indexes.
///
/// Reference: `Schemas/bundle.md`.
struct BundleWriter {
    private let store: EvidenceStore
    private let directory: String
    /// The record `access.exported`.
    private let index: RecordIndex
    private let record: ActRecord
    private let export: EvidenceExport
    private let selected: IndexRanges
    /// The checkpoint, and what others say of it.
    private var attestation: CheckpointAttestation
    private let software: String
    private let attesters: [any CheckpointAttesting]
    private var state = LogState()
    private var counts = BundleCounts()
    private let indexes = IndexDigest()
    private var header = TarHeaderWriter()

    /// `directory`: where the files go; there is nothing in it yet.
    init(
        _ store: EvidenceStore,
        directory: String,
        export index: RecordIndex,
        selected: IndexRanges,
        software: String,
        attesters: [any CheckpointAttesting]
    ) throws(StoreError) {
        self.store = store
        self.directory = directory
        self.index = index
        self.selected = selected
        self.software = software
        self.attesters = attesters
        guard case .act(let act) = try store.record(at: index).record,
            case .accessExported(let export) = act.act
        else { throw .notFound("record \(index) is no export") }
        record = act
        self.export = export
        let size = TreeSize(index.value + 1)
        attestation = CheckpointAttestation(
            size: size,
            note: try store.signedCheckpoint(at: size).note
        )
    }

    /// Writes all of it.
    mutating func write() throws(StoreError) {
        let acts = try acts()
        let files = try BundleFiles(directory, store)
        try writeRecords(acts, files)
        try checkSelection()
        try writeAccesses(files.accesses)
        try writeHead(files)
    }

    // MARK: Records

    /// Folds all acts up to the export, and finds those that concern the selection.
    private mutating func acts() throws(StoreError) -> [RecordIndex] {
        var collections: Set<CollectionName> = []
        if let collection = export.selection.collection {
            collections.insert(collection)
        } else {
            for index in selected.indexes {
                if let found = try store.record(at: index).record.collection {
                    collections.insert(found)
                }
            }
        }
        var found = ConcerningActs(selected: selected, collections: collections)
        var state = LogState()
        try store.forEachAct(below: index) { index, bytes throws(StoreError) in
            let record = try parsed(bytes, index)
            if case .logCreated(let creation) = record {
                state = LogState(creation)
            }
            guard case .act(let act) = record else { return }
            try checkHolds(act.act, index)
            do throws(ActFault) {
                try state.apply(act, at: index)
            } catch {
                throw .damaged(path: store.paths.segments, detail: "record \(index): \(error)")
            }
            found.take(act.act, at: index)
        }
        self.state = state
        return [RecordIndex(0)] + found.indexes
    }

    /// Which records a matter holds must be the same when they are selected and when that is
    /// written down.
    private func checkHolds(_ act: Act, _ index: RecordIndex) throws(StoreError) {
        guard let matter = export.selection.matter, index >= export.before else { return }
        switch act {
        case .holdPlaced(matter, _), .holdReleased(matter, _):
            throw .unavailable("the holds of \(matter) changed meanwhile; export again")
        default: return
        }
    }

    private func parsed(_ bytes: [UInt8], _ index: RecordIndex) throws(StoreError) -> Record {
        do throws(RecordError) {
            return try Record(parsing: bytes.span)
        } catch {
            throw .damaged(path: store.paths.segments, detail: "record \(index): \(error)")
        }
    }

    /// The evidence and the acts, and the hashes of what lies between them.
    private mutating func writeRecords(
        _ acts: [RecordIndex],
        _ files: BundleFiles
    ) throws(StoreError) {
        var next: UInt64 = 0
        var waiting = acts[...]
        for index in selected.indexes {
            while let act = waiting.first, act < index {
                try writeEntry(act, &next, files)
                waiting.removeFirst()
            }
            try writeEntry(index, &next, files)
        }
        for act in waiting { try writeEntry(act, &next, files) }
        try writeEntry(index, &next, files)
        attest()
        try writeNodes(next..<attestation.size.value, files.entries)
    }

    private mutating func writeEntry(
        _ index: RecordIndex,
        _ next: inout UInt64,
        _ files: BundleFiles
    ) throws(StoreError) {
        try writeNodes(next..<index.value, files.entries)
        let stored = try store.record(at: index)
        try files.entries.write("leaf \(index) ")
        try files.entries.write(stored.bytes.span)
        try files.entries.write("\n")
        next = index.value + 1
        counts.entries += 1
        if let facts = RecordFacts(stored) { try writeEvidence(stored, facts, files) }
    }

    private func writeNodes(_ range: Range<UInt64>, _ file: SpoolFile) throws(StoreError) {
        guard !range.isEmpty else { return }
        for subtree in try store.subtrees(covering: range) {
            let node = subtree.node
            try file.write(
                "node \(node.firstLeaf.value) \(node.level) \(subtree.hash.base64)\n"
            )
        }
    }

    private mutating func writeEvidence(
        _ stored: StoredRecord,
        _ facts: RecordFacts,
        _ files: BundleFiles
    ) throws(StoreError) {
        let index = stored.index
        counts.evidence += 1
        counts.collections[facts.collection, default: 0] += 1
        indexes.add(index)
        if !export.selection.matches(facts) || !isHeld(facts) { counts.strangers += 1 }
        let standing = state.lockStanding(of: index, lock: facts.lock)
        let purged = standing.erased.map { state.purgedCopies(of: $0) } ?? []
        try files.locks.write(LockLine.bytes(facts, in: state, purged: purged)[...])
        try files.locks.write("\n")
        guard standing.erased == nil else { return }
        if let opening = stored.opening {
            try files.openings.write("\(index) \(Base64.encode(opening.salt.span)) ")
            try files.openings.write(opening.description.span)
            try files.openings.write("\n")
        }
        guard let description = facts.description else {
            throw .unavailable(
                "the payload of record \(index) was erased meanwhile; export again"
            )
        }
        let path = BundleLayout.payload(of: index, name: description.name)
        let sizeBytes = description.payloadSize
        guard sizeBytes <= TarHeader.maximumSizeBytes else {
            throw .invalid(
                "the payload of record \(index) has \(sizeBytes) bytes, and a bundle holds none "
                    + "above \(TarHeader.maximumSizeBytes): get it by itself, and leave it out"
            )
        }
        try files.manifest.write("\(description.payloadDigest.hex)  \(path)\n")
        try files.rows.append(index: index, sizeBytes: sizeBytes)
        counts.payloads += 1
        counts.payloadBytes += sizeBytes
    }

    private func isHeld(_ facts: RecordFacts) -> Bool {
        guard let matter = export.selection.matter else { return true }
        return state.matters[matter]?.holds(facts) ?? false
    }

    /// What was selected before the export became a record must be what it is at that record.
    private func checkSelection() throws(StoreError) {
        guard counts.strangers == 0, counts.evidence == export.count,
            indexes.finish() == export.digest
        else {
            throw .unavailable(
                "the holds of the matter changed while its evidence was put together; export again"
            )
        }
    }

    // MARK: Reads

    private func writeAccesses(_ file: SpoolFile) throws(StoreError) {
        try store.accessLog.flush()
        try store.forEachAccess(before: record.received) { entry, bytes throws(StoreError) in
            let path = entry.target.utf8
            guard path.starts(with: "/v1/records/".utf8) else { return }
            let rest = path.dropFirst("/v1/records/".utf8.count)
            let number = Array(rest.prefix { $0 != UInt8(ascii: "/") })
            guard let index = BundleEntry.decimal(number[...]),
                selected.contains(RecordIndex(index))
            else { return }
            try file.write(bytes.span)
            try file.write("\n")
        }
    }

    // MARK: The archive

    /// Puts the tag files one after the other, as they stand in the archive.
    private mutating func writeHead(_ files: BundleFiles) throws(StoreError) {
        let root = BundleLayout.directory(of: index)
        let head = try SpoolFile("\(directory)/\(BundleFiles.head)", store)
        let facts = BundleFacts(
            origin: store.description.origin,
            keys: store.verifierKeys,
            index: index,
            record: record,
            export: export,
            counts: counts,
            attestation: attestation,
            software: software
        )
        var tags = ""
        for name in BundleLayout.tagFiles(with: Array(attestation.tokens.keys)) {
            let spooled = files.spooled(name)
            let sizeBytes: UInt64
            let digest: SHA256Digest
            if let spooled {
                digest = try spooled.finish()
                sizeBytes = spooled.sizeBytes
                if sizeBytes == 0, BundleLayout.optional.contains(name) { continue }
                try writeHeader(root + name, sizeBytes, to: head)
                try spooled.forEachPiece { piece throws(StoreError) in try head.write(piece) }
            } else {
                let bytes =
                    name == BundleLayout.tagManifest
                    ? Array(tags.utf8) : facts.content(of: name)
                digest = SHA256.hash(bytes.span)
                sizeBytes = UInt64(bytes.count)
                try writeHeader(root + name, sizeBytes, to: head)
                try head.write(bytes.span)
            }
            tags += "\(digest.hex)  \(name)\n"
            let padding = TarHeader.paddingBytes(sizeBytes: sizeBytes)
            try head.write(TarHeader.endMark[..<padding])
        }
        try writeHeader(root + BundleLayout.payloads, 0, to: head)
        _ = try head.finish()
        try files.rows.finish()
        try files.remove()
    }

    /// Asks others to confirm the checkpoint; from here on it stands.
    private mutating func attest() {
        for attester in attesters {
            let end =
                Clock.monotonicNanoseconds() + ExportService.attestationSeconds * 1_000_000_000
            attester.attest(&attestation, deadlineNanoseconds: end)
        }
    }

    private mutating func writeHeader(
        _ name: String,
        _ sizeBytes: UInt64,
        to file: SpoolFile
    ) throws(StoreError) {
        header.set(
            name: Array(name.utf8).span,
            sizeBytes: sizeBytes,
            modifiedSeconds: UInt64(record.received.milliseconds / 1000)
        )
        try file.write(header.block[...])
    }
}
