import TransparencyLog

extension LogState {
    // MARK: Placing

    func ruleHold(
        _ matter: Matter,
        on records: IndexRanges,
        _ facts: [RecordFacts]
    ) throws(Refusal) -> Ruling {
        guard !records.isEmpty else { throw .noRecords }
        let known = records.subtracting(records.subtracting(IndexRanges(facts.map(\.index))))
        var refused = records.subtracting(known).indexes.map { index in
            (index, Refusal.notEvidence(index))
        }
        var erased: [RecordIndex] = []
        erasedBy.forEach(in: known) { range, certificate in
            for value in range {
                let index = RecordIndex(value)
                erased.append(index)
                refused.append((index, .erased(certificate: certificate)))
            }
        }
        let held = matters[matter]?.explicit.intersection(known) ?? .none
        let wanted = known.subtracting(IndexRanges(erased)).subtracting(held)
        return Ruling(
            wanted.parts(maximumRangeCount: IndexRanges.maximumRangeCount).map { part in
                .holdPlaced(matter, .records(part))
            },
            refused: refused.sorted { $0.0 < $1.0 }
        )
    }

    func ruleHold(
        _ matter: Matter,
        by scope: HoldScope,
        next index: RecordIndex
    ) throws(Refusal) -> Ruling {
        guard
            case .selection(let selection, let before, let count, let digest, let isStanding) =
                scope
        else { return Ruling([]) }
        guard before <= index else { throw .selectionAhead(before: before, next: index) }
        guard count > 0 || isStanding else { throw .noRecords }
        let isCovered = matters[matter]?.selections.contains { hold in
            hold.selection == selection && hold.exclusions.isEmpty
                && (hold.isStanding
                    || !isStanding && hold.count == count && hold.digest == digest)
        }
        return isCovered == true ? Ruling([]) : Ruling([.holdPlaced(matter, scope)])
    }

    // MARK: Releasing

    func ruleRelease(
        _ matter: Matter,
        _ records: IndexRanges?,
        _ facts: [RecordFacts],
        next index: RecordIndex
    ) throws(Refusal) -> Ruling {
        guard let state = matters[matter] else { throw .matterUnknown(matter) }
        guard !state.isReleased else { throw .matterReleased(matter, by: state.acts.last) }
        guard let records else { return Ruling([.holdReleased(matter, records: nil)]) }
        guard !records.isEmpty else { throw .noRecords }
        let factsByIndex = Dictionary(facts.map { ($0.index, $0) }) { first, _ in first }
        var refused: [(RecordIndex, Refusal)] = []
        var released: [RecordIndex] = []
        for record in records.indexes {
            let isHeld =
                factsByIndex[record].map { state.holds($0) } ?? state.mayHold(record)
            if isHeld, record < index {
                released.append(record)
            } else {
                refused.append((record, .notHeld(matter)))
            }
        }
        let parts = IndexRanges(released).parts(maximumRangeCount: IndexRanges.maximumRangeCount)
        return Ruling(parts.map { .holdReleased(matter, records: $0) }, refused: refused)
    }
}
