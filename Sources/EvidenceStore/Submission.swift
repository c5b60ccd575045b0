package import EvidenceModel
import Platform

/// One piece of evidence that is to be appended.
package struct Submission: Sendable {
    package let draft: EvidenceDraft
    package let payload: StagedPayload

    package init(draft: EvidenceDraft, payload: StagedPayload) {
        self.draft = draft
        self.payload = payload
    }

    /// Bytes in memory that wait with it.
    var sizeBytes: Int {
        switch payload.content {
        case .chunk(let bytes, _, _): 1024 + bytes.count
        case .file: 1024
        }
    }
}

extension Submission {
    /// The frame of its record, and the chunk that goes into the segment's table.
    func frame() -> (RecordFrame, chunk: [UInt8]?) {
        let fingerprint = draft.keyHash == nil ? nil : draft.fingerprint
        let size = payload.sizeBytes
        switch payload.content {
        case .chunk(let bytes, let codec, let checksum):
            return (
                RecordFrame(
                    payload: .table(codec: codec, checksum: checksum),
                    payloadSizeBytes: size,
                    storedPayloadSizeBytes: UInt64(bytes.count),
                    fingerprint: fingerprint
                ), bytes
            )
        case .file(let file, let storedSize, let checksum):
            return (
                RecordFrame(
                    payload: .file(file.id, checksum: checksum),
                    payloadSizeBytes: size,
                    storedPayloadSizeBytes: storedSize,
                    fingerprint: fingerprint
                ), nil
            )
        }
    }
}

/// What became of a submission.
package enum AppendOutcome: Sendable {
    /// A new record; its bytes and index, and the checkpoint that covers it.
    case appended(RecordIndex, record: [UInt8], PublishedCheckpoint)
    /// An equal request had made this record before.
    case existing(RecordIndex, PublishedCheckpoint)

    package var index: RecordIndex {
        switch self {
        case .appended(let index, _, _), .existing(let index, _): index
        }
    }
}
