import Cryptography
import EvidenceModel
import Platform
import TransparencyLog

// What a record's payload and opening are made from: what stands, or what was supplied.
extension SegmentRepair {
    /// The file as it is; of one that is there and cannot be opened nothing can be read.
    enum Source {
        case sealed(SealedFile?)
        case active(UnsealedSegment)

        /// `nil` if it is not there.
        init?(path: String) throws(StoreError) {
            guard try onDisk({ () throws(SystemError) in try FileSystem.exists(path) }) else {
                return nil
            }
            do throws(StoreError) {
                self = .sealed(try SealedFile(path: path))
            } catch {
                self = .sealed(nil)
            }
        }

        /// What `body` reads; a failure is a damage like any other.
        func read(
            _ body: (borrowing SegmentReader) throws(StoreError) -> [UInt8]?
        ) -> (bytes: [UInt8]?, isReadable: Bool) {
            do throws(StoreError) {
                switch self {
                case .sealed(nil): return (nil, false)
                case .sealed(let file?): return (try body(try file.beginRead()), true)
                case .active(let segment): return (try body(try segment.beginRead()), true)
                }
            } catch {
                return (nil, false)
            }
        }
    }

    /// What goes into the active segment in the place of what is damaged there, each verified.
    func replacements(
        in segment: UnsealedSegment
    ) throws(StoreError) -> [RecordIndex: SegmentRewrite.Replacement] {
        let reader = try segment.beginRead()
        let source = Source.active(segment)
        var replacements: [RecordIndex: SegmentRewrite.Replacement] = [:]
        for index in supplied.keys where survey.damaged[index] != nil {
            let (record, frame) = try read(index, reader, segment.path)
            var replacement = SegmentRewrite.Replacement()
            let opening = try opening(index, record, source)
            if opening.isRepaired { replacement.opening = opening.bytes }
            if case .table(let codec, let checksum) = frame.payload {
                let description = description(of: record, opening.bytes)
                let chunk = try chunk(index, description, (codec, checksum), source)
                if chunk.isRepaired { replacement.chunk = chunk.bytes }
            }
            if replacement.opening != nil || replacement.chunk != nil {
                replacements[index] = replacement
            }
        }
        return replacements
    }

    /// Bytes to be written; `nil` if there are none anywhere.
    typealias Found = (bytes: [UInt8]?, isRepaired: Bool)

    func read(
        _ index: RecordIndex,
        _ reader: borrowing SegmentReader,
        _ path: String
    ) throws(StoreError) -> (record: Record, frame: RecordFrame) {
        let (frame, bytes) = try reader.record(at: index)
        return (try Record.stored(bytes.span, at: index, in: path), frame)
    }

    func description(of record: Record, _ opening: [UInt8]?) -> EvidenceDescription? {
        switch record {
        case .evidence(let evidence): evidence.description
        case .sealedEvidence: opening.flatMap { parsed($0) }?.evidence
        case .logCreated, .act: nil
        }
    }

    func parsed(_ bytes: [UInt8]) -> SealedOpening? {
        guard bytes.count > SealedOpening.saltSizeBytes else { return nil }
        return try? SealedOpening(
            salt: Array(bytes.prefix(SealedOpening.saltSizeBytes)),
            description: Array(bytes.dropFirst(SealedOpening.saltSizeBytes))
        )
    }

    func opening(
        _ index: RecordIndex,
        _ record: Record,
        _ source: Source?
    ) throws(StoreError) -> Found {
        guard case .sealedEvidence(let sealed) = record else { return (nil, false) }
        let (old, isReadable) =
            source?.read { reader throws(StoreError) in
                try reader.openingBytes(of: index)
            } ?? (nil, true)
        if let old, parsed(old)?.commitment == sealed.commitment { return (old, false) }
        guard let opening = supplied[index]?.opening else {
            guard isReadable else { throw unreadable(index) }
            return (old, false)
        }
        guard opening.commitment == sealed.commitment else {
            throw unfit(index, "an opening that is not its own")
        }
        return (opening.salt + opening.description, true)
    }

    func chunk(
        _ index: RecordIndex,
        _ description: EvidenceDescription?,
        _ form: (codec: RecordFrame.PayloadCodec, checksum: UInt64),
        _ source: Source?
    ) throws(StoreError) -> Found {
        let (old, isReadable) =
            source?.read { reader throws(StoreError) in
                try reader.chunkBytes(of: index)
            } ?? (nil, true)
        if let old, RecordFrame.shortChecksum(old.span) == form.checksum { return (old, false) }
        guard case .bytes(let path)? = supplied[index]?.content else {
            guard isReadable else { throw unreadable(index) }
            return (old, false)
        }
        let bytes = try onDisk { () throws(SystemError) in
            try FileSystem.contents(path, limitBytes: PayloadFile.chunkSizeBytes)
        }
        guard let description, SHA256.hash(bytes.span) == description.payloadDigest else {
            throw unfit(index, "bytes with another digest")
        }
        let stored = try Self.stored(bytes, form.codec)
        guard RecordFrame.shortChecksum(stored.span) == form.checksum else {
            throw unfit(index, "bytes that this zstd compresses otherwise than the one before")
        }
        return (stored, true)
    }

    /// As `PayloadStaging` stores a small payload.
    static func stored(
        _ bytes: [UInt8],
        _ codec: RecordFrame.PayloadCodec
    ) throws(StoreError) -> [UInt8] {
        switch codec {
        case .asItIs: return bytes
        case .zstd: return try PayloadStaging.compressed(bytes)
        }
    }

    func unfit(_ index: RecordIndex, _ detail: String) -> StoreError {
        .damaged(path: "the payload of record \(index)", detail: "for it came \(detail)")
    }

    func unreadable(_ index: RecordIndex) -> StoreError {
        .damaged(
            path: eraser.paths.segment(number),
            detail: "the file with the payload of record \(index) cannot be read, and nothing was "
                + "supplied for it"
        )
    }
}
