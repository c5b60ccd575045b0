package import EvidenceModel

/// A record as it is kept, with what belongs to it.
///
/// Its bytes are checked against its frame's checksum; only a proof shows that they are what was
/// once signed.
package struct StoredRecord: Sendable {
    package let index: RecordIndex
    package let frame: RecordFrame
    /// The record's exact bytes: the leaf.
    package let bytes: [UInt8]
    /// Salt and description of a sealed record, as long as they have not been erased.
    package let opening: SealedOpening?
    /// The bytes, taken apart.
    package let record: Record

    /// What the record says of its evidence: from the record, or from the opening of a sealed one.
    package var description: EvidenceDescription? {
        switch record {
        case .evidence(let evidence): evidence.description
        case .sealedEvidence: opening?.evidence
        case .logCreated, .act: nil
        }
    }
}
