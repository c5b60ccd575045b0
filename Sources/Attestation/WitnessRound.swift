import TransparencyLog

/// One checkpoint that all witnesses are asked for, and what they have said so far.
struct WitnessRound {
    /// From 1, ascending.
    let number: UInt64
    let size: TreeSize
    /// Whether somebody waits for it: also those that failed just now are asked.
    let isUrgent: Bool
    /// The note that is sent.
    let offered: SignedNote
    /// The note with what came back.
    private(set) var note: SignedNote
    /// Witnesses that have answered, or failed, by their place.
    private(set) var outcomes: [Int: WitnessFailure?] = [:]

    init(number: UInt64, size: TreeSize, isUrgent: Bool, offered: SignedNote) {
        self.number = number
        self.size = size
        self.isUrgent = isUrgent
        self.offered = offered
        note = offered
    }

    /// What became of a witness; nil: its lines are there, and durable.
    mutating func end(_ witness: Int, _ failure: WitnessFailure?) {
        outcomes[witness] = .some(failure)
    }

    /// Adds lines; what does not fit into a note that everybody can read is left out.
    mutating func add(_ answer: WitnessClient.Answer) {
        // They were verified over this text.
        if let added = try? note.adding(answer.cosignatures).note { note = added }
        for line in answer.otherLines
        where note.signatures.count < SignedNote.interoperableSignatures {
            if let added = try? note.adding(line) { note = added }
        }
    }
}
