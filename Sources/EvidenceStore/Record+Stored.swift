import EvidenceModel

extension Record {
    /// Whether the leaf holds a commitment only.
    var isSealed: Bool {
        if case .sealedEvidence = self { true } else { false }
    }

    /// Takes a stored record apart.
    ///
    /// - Throws: `damaged`: these bytes were a record when they were written.
    static func stored(
        _ bytes: Span<UInt8>,
        at index: RecordIndex,
        in path: String
    ) throws(StoreError) -> Record {
        do throws(RecordError) {
            return try Record(parsing: bytes)
        } catch {
            throw .damaged(path: path, detail: "record \(index) cannot be read: \(error)")
        }
    }
}
