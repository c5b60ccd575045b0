public import TransparencyLog

extension LogState {
    /// The most targets at a time.
    public static let maximumTargetCount = 8

    /// Erasures whose bytes may still stand in a target, and their records: those since the target
    /// was added that lack the `payload.purged` of its copy.
    ///
    /// Empty for a target that there is not. A target that was added after an erasure never held
    /// what was erased, and owes nothing; one that was removed is not looked after any more.
    public func unpurged(in target: TargetName) -> [RecordIndex: IndexRanges] {
        owed[target] ?? [:]
    }

    /// The same for any copy, the disk's own too.
    func unpurged(inCopy copy: String) -> [RecordIndex: IndexRanges] {
        guard copy != Self.localCopy else { return unpurged }
        return owed.first { $0.key.text == copy }?.value ?? [:]
    }

    // MARK: Deciding

    func ruleTarget(_ description: TargetDescription) throws(Refusal) -> Ruling {
        let name = description.name
        guard targets[name] == nil, removedTargets[name] == nil else { throw .targetExists(name) }
        let neighbour = neighbour(of: description)
        if let neighbour { throw .targetPlaceTaken(by: neighbour) }
        guard targets.count < Self.maximumTargetCount else {
            throw .tooManyTargets(maximum: Self.maximumTargetCount)
        }
        return Ruling([.targetAdded(description)])
    }

    func ruleProbe(_ name: TargetName, _ report: ProbeReport) throws(Refusal) -> Ruling {
        guard targets[name] != nil else { throw .targetUnknown(name) }
        return Ruling([.targetProbed(name, report)])
    }

    func rulePhase(
        _ change: TargetPhaseChange,
        next index: RecordIndex
    ) throws(Refusal) -> Ruling {
        guard let target = targets[change.target] else { throw .targetUnknown(change.target) }
        guard target.phase != change.to else { return Ruling([]) }
        guard target.phase == change.from else { throw .targetInPhase(target.name, target.phase) }
        guard change.from.neighbours.contains(change.to) else {
            throw .phaseNotNext(from: change.from, to: change.to)
        }
        guard change.size.value <= index.value else {
            throw .comparisonAhead(size: change.size, next: index)
        }
        return Ruling([.targetPhase(change)])
    }

    func ruleRemoval(_ name: TargetName) throws(Refusal) -> Ruling {
        guard let target = targets[name] else { throw .targetUnknown(name) }
        guard target.phase.keepsPayloadsOnDisk else { throw .targetHoldsPayloads(name) }
        return Ruling([.targetRemoved(name)])
    }

    /// A target among whose objects those of another would stand.
    private func neighbour(of description: TargetDescription) -> TargetName? {
        targets.values.filter { $0.description.sharesPlace(with: description) }.map(\.name).min()
    }

    // MARK: Faults

    func faultOfTarget(_ name: TargetName) -> String? {
        targets[name] == nil ? "there is no target \(name)" : nil
    }

    func fault(of description: TargetDescription) -> String? {
        let name = description.name
        if targets[name] != nil || removedTargets[name] != nil {
            return "there was a target \(name) before"
        }
        if let neighbour = neighbour(of: description) {
            return "its objects would stand among those of the target \(neighbour)"
        }
        return targets.count < Self.maximumTargetCount
            ? nil : "there are \(Self.maximumTargetCount) targets already"
    }

    func fault(of change: TargetPhaseChange, below index: RecordIndex) -> String? {
        guard let target = targets[change.target] else {
            return "there is no target \(change.target)"
        }
        guard target.phase == change.from else {
            return "the target \(change.target) was in the phase \(target.phase)"
        }
        return change.size.value <= index.value
            ? nil : "it compares records that do not exist yet"
    }

    func faultOfRemoval(_ name: TargetName) -> String? {
        targets[name]?.phase.keepsPayloadsOnDisk == false
            ? "payloads may stand in the target \(name) only" : nil
    }
}
