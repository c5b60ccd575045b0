import Cryptography
package import EvidenceModel
import Platform
import TransparencyLog

/// What a copy of a record gives back.
package struct SuppliedPayload: Sendable {
    package enum Content: Sendable {
        /// A file with the payload's bytes.
        case bytes(path: String)
        /// A file as payload files are: frames and their seek table. It is moved to its place.
        case payloadFile(path: String)
    }

    package var content: Content?
    package var opening: SealedOpening?

    package init(content: Content? = nil, opening: SealedOpening? = nil) {
        self.content = content
        self.opening = opening
    }
}

extension EvidenceStore {
    /// Puts payloads and openings back that `survey` found damaged.
    ///
    /// Nothing is taken over that does not hash to what the record says. A file of payloads is
    /// written anew as its next generation, as an erasure does it: what is sound in it stays, what
    /// is damaged and not supplied is carried over as it is. A file of which nothing damaged is
    /// supplied is left alone. Durable on return.
    ///
    /// - Returns: The records whose payloads and openings were put back. Of a segment that is full
    ///   and not sealed yet only payload files are.
    /// - Throws: `damaged` if what is supplied does not fit, or a file that cannot be read holds
    ///   what is not supplied: then the file stays as it is. `storageFull`, `system`.
    package func repairPayloads(
        _ survey: PayloadSurvey,
        with supplied: [RecordIndex: SuppliedPayload]
    ) throws(StoreError) -> IndexRanges {
        var repaired = try erasure.repair(survey, with: supplied, reserve: staging.reserve)
        for (index, supply) in supplied.sorted(by: { $0.key < $1.key }) {
            guard case .payloadFile(let path)? = supply.content else { continue }
            let stored = try record(at: index)
            guard case .file(let id, _) = stored.frame.payload,
                let description = stored.description
            else { continue }
            try check(path, index, description)
            let isPutBack = try uploads.restore(id, from: path) {
                view.withState { $0.erasure(of: index) } != nil
            }
            if isPutBack { repaired = repaired.union(IndexRanges(index)) }
        }
        return repaired
    }

    /// Reads a payload file that was supplied from end to end.
    private func check(
        _ path: String,
        _ index: RecordIndex,
        _ description: EvidenceDescription
    ) throws(StoreError) {
        let file: File
        do throws(SystemError) {
            file = try File(path, .read)
        } catch {
            throw .system(error)
        }
        let reader = try PayloadReader(
            index: index,
            digest: description.payloadDigest,
            sizeBytes: description.payloadSize,
            file: file
        )
        var offset: UInt64 = 0
        while offset < reader.sizeBytes {
            offset += UInt64(try reader.read(at: offset, limit: 1 << 20).count)
        }
    }
}

extension UploadDirectory {
    /// Moves a verified file to where an upload's file stays, durably.
    ///
    /// `isErased`: asked when no erasure can come between; then nothing is done.
    /// - Returns: Whether it was moved.
    func restore(
        _ id: UploadID,
        from path: String,
        unless isErased: () -> Bool
    ) throws(StoreError) -> Bool {
        try moving.withLock { _ throws(StoreError) in
            if isErased() { return false }
            try onDisk { () throws(SystemError) in
                let final = paths.payloadFile(id)
                try FileSystem.setPermissions(path, 0o440)
                try File(path, .read).sync()
                try FileSystem.rename(path, to: final)
                // One that was not settled yet would take its place.
                try FileSystem.unlinkIfPresent(paths.incoming(id))
                try FileSystem.syncDirectory(FileSystem.parent(of: final))
                try FileSystem.syncDirectory(paths.incoming)
            }
            return true
        }
    }
}

/// Writes the files of payloads of a sealed segment anew, with what a copy has supplied.
///
/// The order is that of `SegmentEraser`: the next generation under a temporary name, synced, read
/// back, named; then the list; then the old file goes.
struct SegmentRepair {
    let eraser: SegmentEraser
    let survey: PayloadSurvey
    let supplied: [RecordIndex: SuppliedPayload]

    var number: SegmentNumber { survey.segment }

    /// `erased`: all records of the segment that the log says are erased.
    func run(without erased: IndexRanges) throws(StoreError) -> IndexRanges {
        guard !survey.groups.isEmpty else { return .none }
        let segment = try eraser.sealed.segment(number)
        let members = try SegmentMembers(of: segment.log, number, eraser.geometry, without: erased)
        var digests = try SegmentDigests(of: number, eraser.paths)
        var repaired: [RecordIndex] = []
        for group in survey.groups.sorted() {
            guard let part = members.groups[group], !part.standing.isEmpty else { continue }
            // Where nothing can be put back the file stays as it is.
            let lacking = (part.standing.payloads + part.standing.openings)
                .filter { survey.damaged[$0] != nil }
            guard lacking.isEmpty || lacking.contains(where: { supplied[$0] != nil }) else {
                continue
            }
            let old = digests.files[group]
            let name = old?.next ?? PayloadFileName(group)
            let done = try write(name, in: part, replacing: old, segment)
            var next = digests
            if let old { next.remove(old.text) }
            try next.add(name.text, ofFileAt: eraser.paths.payloads(number, name))
            _ = try eraser.publish(next, replacing: old.map { [$0] } ?? [], segment)
            digests = next
            repaired += done
        }
        return IndexRanges(repaired.sorted())
    }

    /// Writes a file's next generation; returns the records that have what they lacked.
    private func write(
        _ name: PayloadFileName,
        in part: SegmentMembers.Part,
        replacing old: PayloadFileName?,
        _ segment: SealedSegment
    ) throws(StoreError) -> [RecordIndex] {
        let final = eraser.paths.payloads(number, name)
        let temporary = final + SegmentSealer.temporarySuffix
        do throws(StoreError) {
            var source: Source?
            if let old { source = try Source(path: eraser.paths.payloads(number, old)) }
            for path in [temporary, UnsealedSegment.lockPath(of: temporary)] {
                try onDisk { () throws(SystemError) in try FileSystem.unlinkIfPresent(path) }
            }
            let done = try copy(part.standing, source, segment.log, to: temporary)
            try onDisk { () throws(SystemError) in
                try FileSystem.setPermissions(temporary, 0o440)
                try File(temporary, .read).sync()
                try FileSystem.rename(temporary, to: final)
            }
            try eraser.syncDirectory(number)
            return done
        } catch {
            for path in [temporary, UnsealedSegment.lockPath(of: temporary)] {
                try? FileSystem.unlinkIfPresent(path)
            }
            throw error
        }
    }

    private func copy(
        _ standing: SegmentContents.Group,
        _ source: Source?,
        _ log: SealedFile,
        to path: String
    ) throws(StoreError) -> [RecordIndex] {
        let records = try log.beginRead()
        let writer = try SealedFileWriter(path: path, commitBytes: 1 << 20)
        var (chunks, openings): ([RecordIndex: UInt64], [RecordIndex: [UInt8]]) = ([:], [:])
        var (repaired, lost): (Set<RecordIndex>, Set<RecordIndex>) = ([], [])
        var entries = IndexEntries()
        // Openings first: they say what the payloads of sealed records hash to.
        for index in standing.openings {
            let record = try read(index, records, log.path).record
            let found = try opening(index, record, source)
            if found.isRepaired { repaired.insert(index) }
            guard let bytes = found.bytes else {
                lost.insert(index)
                continue
            }
            openings[index] = bytes
        }
        for index in standing.payloads {
            let (record, frame) = try read(index, records, log.path)
            guard case .table(let codec, let checksum) = frame.payload else { continue }
            let description = description(of: record, openings[index])
            let form = (codec: codec, checksum: checksum)
            let found = try chunk(index, description, form, source)
            if found.isRepaired { repaired.insert(index) }
            guard let bytes = found.bytes else {
                lost.insert(index)
                continue
            }
            chunks[index] = RecordFrame.shortChecksum(bytes.span)
            try reserve(bytes.count)
            try TableKey.chunk(index, 0).withSpan { key throws(StoreError) in
                try writer.append(key, bytes.span, to: TableName.payloads)
            }
        }
        for (index, bytes) in openings.sorted(by: { $0.key < $1.key }) {
            try TableKey.record(index).withSpan { key throws(StoreError) in
                try writer.append(key, bytes.span, to: TableName.openings)
            }
            let (record, frame) = try read(index, records, log.path)
            guard let opening = parsed(bytes),
                let facts = EvidenceFacts(record, at: index, frame: frame, opening: opening)
            else { continue }
            entries.appendDescription(facts)
        }
        for table in IndexEntries.descriptionTables {
            try writer.append(entries.sorted(table), to: table)
        }
        try writer.finish()
        try verify(path, chunks, openings)
        if let index = lost.first(where: { survey.damaged[$0] == nil }) { throw unreadable(index) }
        return repaired.subtracting(lost).sorted()
    }

    private func reserve(_ count: Int) throws(StoreError) {
        try eraser.reserve?.check(adding: UInt64(count))
    }

    /// Reads back what was written.
    private func verify(
        _ path: String,
        _ chunks: [RecordIndex: UInt64],
        _ openings: [RecordIndex: [UInt8]]
    ) throws(StoreError) {
        let copy = try SealedFile(path: path)
        let written = try copy.beginRead()
        for (index, checksum) in chunks { try written.checkChunk(of: index, checksum: checksum) }
        for (index, bytes) in openings {
            guard try written.openingBytes(of: index) == bytes else {
                throw .damaged(path: path, detail: "it was not written as it should be")
            }
        }
    }
}
