internal import EvidenceModel
internal import TransparencyLog

extension LogState {
    /// Whether a hold may cover a record of which only the description would tell, and is not
    /// known.
    func mayBeHeldUnseen(_ facts: RecordFacts) -> Bool {
        guard facts.description == nil, hasSelectionHolds else { return false }
        return matters.values.contains { matter in
            matter.selections.contains { hold in
                hold.selection.needsDescription && hold.selection.collection == facts.collection
                    && hold.reaches(facts.index)
            }
        }
    }
}
