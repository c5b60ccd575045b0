import EvidenceModel
import TransparencyLog

/// What the files of payloads of a sealed segment hold by its leaves alone, and which of it stands
/// after an erasure.
struct SegmentMembers {
    /// Whether something of a record must be there.
    enum Fate {
        case standing
        case erased
    }

    /// What belongs into one file.
    struct Part {
        fileprivate(set) var payloads: [RecordIndex: Fate] = [:]
        fileprivate(set) var openings: [RecordIndex: Fate] = [:]
        /// Ascending.
        fileprivate(set) var standing = SegmentContents.Group()
        fileprivate(set) var hasErased = false
    }

    private(set) var groups: [PayloadGroup: Part] = [:]
    /// The payload files of the erased records.
    private(set) var erasedUploads: [UploadID] = []

    /// Reads every record of the segment.
    init(
        of log: SealedFile,
        _ number: SegmentNumber,
        _ geometry: SegmentGeometry,
        without erased: IndexRanges
    ) throws(StoreError) {
        let reader = try log.beginRead()
        let first = geometry.firstIndex(of: number).value
        for value in first..<first + geometry.capacity {
            let index = RecordIndex(value)
            let (frame, bytes) = try reader.record(at: index)
            let record = try Record.stored(bytes.span, at: index, in: log.path)
            guard let lock = record.lock else { continue }
            let isErased = erased.contains(index)
            if isErased, case .file(let id, _) = frame.payload { erasedUploads.append(id) }
            let hasPayload = if case .table = frame.payload { true } else { false }
            guard hasPayload || record.isSealed else { continue }
            let name = PayloadGroup(lock)
            var part = groups.removeValue(forKey: name) ?? Part()
            let fate: Fate = isErased ? .erased : .standing
            if isErased { part.hasErased = true }
            if hasPayload {
                part.payloads[index] = fate
                if !isErased { part.standing.payloads.append(index) }
            }
            if record.isSealed {
                part.openings[index] = fate
                if !isErased { part.standing.openings.append(index) }
            }
            groups[name] = part
        }
    }
}
