package import EvidenceModel
import Platform
package import TransparencyLog

extension EvidenceStore {
    /// The newest signed checkpoint.
    package var checkpoint: PublishedCheckpoint { view.checkpoint }

    /// A record with what belongs to it.
    ///
    /// - Throws: `notFound`, `damaged`.
    package func record(at index: RecordIndex) throws(StoreError) -> StoredRecord {
        try checkExists(index)
        let number = view.geometry.segment(of: index)
        let reader = try view.beginRead(number)
        let (frame, bytes) = try reader.record(at: index)
        return try stored(index, frame, bytes, in: reader.path)
    }

    /// A record that a search has found.
    ///
    /// As `record(at:)`, but opens no sealed segment: to check a large file's structure takes many
    /// times as long as the search.
    func foundRecord(at index: RecordIndex) throws(StoreError) -> StoredRecord {
        let number = view.geometry.segment(of: index)
        guard view.unsealedSegment(number) == nil else { return try record(at: index) }
        try checkExists(index)
        let (frame, bytes, path) = try view.sealed.record(at: index, in: number)
        return try stored(index, frame, bytes, in: path)
    }

    private func stored(
        _ index: RecordIndex,
        _ frame: RecordFrame,
        _ bytes: [UInt8],
        in path: String
    ) throws(StoreError) -> StoredRecord {
        let record = try Record.stored(bytes.span, at: index, in: path)
        var opening: SealedOpening?
        // What was erased may still be on the disk for a moment.
        if record.isSealed, view.withState({ $0.erasure(of: index) }) == nil {
            opening =
                try withPayloads(of: record, in: view.geometry.segment(of: index)) {
                    reader throws(StoreError) in try reader.opening(of: index)
                } ?? nil
        }
        return StoredRecord(
            index: index,
            frame: frame,
            bytes: bytes,
            opening: opening,
            record: record
        )
    }

    /// A fresh receipt: the record with its proof in the tree of the given size, or the newest.
    ///
    /// It was checked before it is returned: record, leaf, path and root fit each other.
    ///
    /// - Throws: `notFound` if the record is not in a tree of that size, or the size is ahead.
    package func receipt(
        for index: RecordIndex,
        size: TreeSize? = nil
    ) throws(StoreError) -> Receipt {
        let checkpoint = try signedCheckpoint(at: size)
        guard index.value < checkpoint.size.value else {
            throw .notFound("record \(index) is not in the tree of size \(checkpoint.size)")
        }
        let stored = try record(at: index)
        return try receipt(
            index,
            record: stored.bytes,
            opening: stored.opening,
            checkpoint: checkpoint
        )
    }

    /// The receipt of a record whose bytes are at hand.
    package func receipt(
        _ index: RecordIndex,
        record: [UInt8],
        opening: SealedOpening?,
        checkpoint: PublishedCheckpoint
    ) throws(StoreError) -> Receipt {
        let path = try InclusionProof.path(for: index, edge: checkpoint.edge) {
            id throws(StoreError) in try view.node(id)
        }
        let leaf = MerkleTree.leafHash(record.span)
        do throws(ProofError) {
            try InclusionProof.verify(
                leafHash: leaf,
                at: index,
                in: checkpoint.size,
                path: path,
                root: checkpoint.root
            )
        } catch {
            throw .damaged(
                path: view.paths.segment(view.geometry.segment(of: index)),
                detail: "record \(index) does not prove to be in the log"
            )
        }
        return Receipt(
            index: index,
            treeSize: checkpoint.size,
            record: record,
            leafHash: leaf,
            proof: path,
            checkpoint: checkpoint.note,
            opening: opening
        )
    }

    /// The proof that the tree of size `to` extends that of size `from`, and its checkpoint.
    ///
    /// - Throws: `notFound` if a size is ahead of the log, `invalid` if they are not ascending.
    package func consistencyProof(
        from: TreeSize,
        to: TreeSize
    ) throws(StoreError) -> (proof: [MerkleHash], checkpoint: PublishedCheckpoint) {
        guard from <= to else { throw .invalid("'from' must not be larger than 'to'") }
        let checkpoint = try signedCheckpoint(at: to)
        let proof = try ConsistencyProof.path(from: from, to: to) { id throws(StoreError) in
            try view.node(id)
        }
        return (proof, checkpoint)
    }

    /// The checkpoint of an earlier tree, signed anew: the same tree gives the same signature.
    ///
    /// - Throws: `notFound` if the log is not that large yet.
    package func signedCheckpoint(at size: TreeSize?) throws(StoreError) -> PublishedCheckpoint {
        let newest = view.checkpoint
        guard let size, size != newest.size else { return newest }
        guard size > .zero else { throw .invalid("a tree has at least one record, not 0") }
        guard size < newest.size else {
            throw .notFound("the log has \(newest.size) records, not \(size)")
        }
        let tree = try RootComputation.range(size, from: view)
        let keys = withState { $0.keys }
        let signed = source.checkpoint(of: tree, keys: keys, timestamp: newest.timestamp)
        guard let signed else {
            throw .notFound(
                "the log is read-only and has no checkpoint of size \(size), only of "
                    + "\(newest.size)"
            )
        }
        return signed
    }

    /// A tile's hashes, 32 bytes each.
    ///
    /// - Returns: Nil if the log is not large enough for it.
    package func tile(_ tile: TileCoordinate) throws(StoreError) -> [UInt8]? {
        guard tile.isAvailable(in: view.checkpoint.size) else { return nil }
        return TileHashes.encode(
            try tile.nodeIDs.map { id throws(StoreError) in try view.node(id) }
        )
    }

    /// A bundle of entries: the records' bytes, each after its length.
    ///
    /// - Returns: Nil if the log is not large enough for it.
    package func entryBundle(
        _ bundle: EntryBundleCoordinate
    ) throws(StoreError) -> [UInt8]? {
        guard bundle.isAvailable(in: view.checkpoint.size), let first = bundle.leaves.first else {
            return nil
        }
        let reader = try view.beginRead(view.geometry.segment(of: RecordIndex(first)))
        var bytes: [UInt8] = []
        for value in bundle.leaves {
            try reader.withRecord(at: RecordIndex(value)) { _, record in
                EntryBundle.append(record, to: &bytes)
            }
        }
        return bytes
    }

    // MARK: Payloads

    /// Opens a record's payload.
    ///
    /// What is read of it was checked.
    ///
    /// - Throws: `notFound` if the record has none, `erased`, `damaged`.
    package func payload(at index: RecordIndex) throws(StoreError) -> PayloadReader {
        try checkNotErased(index)
        return try payload(of: try record(at: index))
    }

    /// Opens the payload of a record that was read.
    ///
    /// - Throws: As `payload(at:)`.
    func payload(of stored: StoredRecord) throws(StoreError) -> PayloadReader {
        do throws(StoreError) {
            return try standingPayload(of: stored)
        } catch {
            // It may have been erased since the record was read.
            try checkNotErased(stored.index)
            throw error
        }
    }

    private func checkNotErased(_ index: RecordIndex) throws(StoreError) {
        if let certificate = view.withState({ $0.erasure(of: index) }) {
            throw .erased(index, certificate: certificate)
        }
    }

    private func standingPayload(of stored: StoredRecord) throws(StoreError) -> PayloadReader {
        let index = stored.index
        guard let description = stored.description else {
            throw .notFound("record \(index) has no payload")
        }
        let (digest, size) = (description.payloadDigest, description.payloadSize)
        switch stored.frame.payload {
        case .none: throw .notFound("record \(index) has no payload")
        case .file(let id, _):
            return try PayloadReader(
                index: index,
                digest: digest,
                sizeBytes: size,
                file: try evicted.open(id),
                erasure: { [view] in
                    view.withState { $0.erasure(of: index) }
                        .map { .erased(index, certificate: $0) }
                }
            )
        case .table(let codec, let checksum):
            let number = view.geometry.segment(of: index)
            let chunk =
                try withPayloads(of: stored.record, in: number) {
                    reader throws(StoreError) in try reader.chunk(of: index, checksum: checksum)
                } ?? nil
            guard let chunk else {
                throw .damaged(
                    path: view.paths.segment(number),
                    detail: "the payload of record \(index) is missing"
                )
            }
            return try PayloadReader(
                index: index,
                digest: digest,
                sizeBytes: size,
                chunk: chunk,
                codec: codec
            )
        }
    }

    /// Reads in the file that holds a record's payload and opening; nil if there is none.
    private func withPayloads<Result>(
        of record: Record,
        in number: SegmentNumber,
        _ body: (borrowing SegmentReader) throws(StoreError) -> Result
    ) throws(StoreError) -> Result? {
        if let segment = view.unsealedSegment(number) { return try body(try segment.beginRead()) }
        guard let lock = record.lock,
            let file = try view.sealed.segment(number).payloadFile(PayloadGroup(lock))
        else { return nil }
        return try body(try file.beginRead())
    }

    func checkExists(_ index: RecordIndex) throws(StoreError) {
        let size = view.checkpoint.size
        guard index.value < size.value else {
            throw .notFound("there is no record \(index); the log has \(size)")
        }
    }
}
