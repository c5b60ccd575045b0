import EvidenceModel

/// Writes what stands in a file of payloads into a new one, which never sees the rest.
struct PayloadCopy {
    let source: SealedFile
    let log: SealedFile
    let standing: SegmentContents.Group

    /// Writes the copy, synced.
    ///
    /// What is damaged is carried over as it is: the record's checksum and commitment go on
    /// telling. The entries made from descriptions are made anew.
    func write(to path: String) throws(StoreError) {
        let reader = try source.beginRead()
        let writer = try SealedFileWriter(path: path, commitBytes: 1 << 20)
        for index in standing.payloads {
            guard let chunk = try reader.chunkBytes(of: index) else { continue }
            try TableKey.chunk(index, 0).withSpan { key throws(StoreError) in
                try writer.append(key, chunk.span, to: TableName.payloads)
            }
        }
        for index in standing.openings {
            guard let opening = try reader.openingBytes(of: index) else { continue }
            try TableKey.record(index).withSpan { key throws(StoreError) in
                try writer.append(key, opening.span, to: TableName.openings)
            }
        }
        let entries = try entries(reader)
        for table in IndexEntries.descriptionTables {
            try writer.append(entries.sorted(table), to: table)
        }
        try writer.finish()
    }

    /// Reads a copy back: it holds what stands, as the source does, and nothing else.
    func verify(_ path: String) throws(StoreError) {
        let copy = try SealedFile(path: path)
        let reader = try source.beginRead()
        let written = try copy.beginRead()
        let records = try log.beginRead()
        var (payloads, openings): (UInt64, UInt64) = (0, 0)
        for index in standing.payloads {
            guard let chunk = try reader.chunkBytes(of: index) else { continue }
            payloads += 1
            let frame = try records.withRecord(at: index) { frame, _ in frame }
            if case .table(_, let checksum) = frame.payload,
                RecordFrame.shortChecksum(chunk.span) == checksum
            {
                try written.checkChunk(of: index, checksum: checksum)
            }
            guard try written.chunkBytes(of: index) == chunk else { throw changed(path) }
        }
        for index in standing.openings {
            guard let opening = try reader.openingBytes(of: index) else { continue }
            openings += 1
            guard try written.openingBytes(of: index) == opening else { throw changed(path) }
        }
        guard try copy.entryCount(of: TableName.payloads) == payloads,
            try copy.entryCount(of: TableName.openings) == openings
        else { throw changed(path) }
        let entries = try entries(reader)
        for table in IndexEntries.descriptionTables {
            guard try copy.holds(entries.sorted(table), in: table).isEqual else {
                throw changed(path)
            }
        }
    }

    private func entries(
        _ reader: borrowing SegmentReader
    ) throws(StoreError) -> IndexEntries {
        let records = try log.beginRead()
        var entries = IndexEntries()
        for index in standing.openings {
            // A damaged opening tells nothing.
            guard let opening = try? reader.opening(of: index) else { continue }
            let (frame, bytes) = try records.record(at: index)
            let record = try Record.stored(bytes.span, at: index, in: log.path)
            if let facts = EvidenceFacts(record, at: index, frame: frame, opening: opening) {
                entries.appendDescription(facts)
            }
        }
        return entries
    }

    private func changed(_ path: String) -> StoreError {
        .damaged(path: path, detail: "it was not written as what stands is")
    }
}
