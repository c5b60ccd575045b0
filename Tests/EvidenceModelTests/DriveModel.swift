/// Locks and holds of a few records, as plainly as they can be told: numbers, texts and sets.
///
/// It shares no code with the product and knows nothing of acts. Times are milliseconds.
struct DriveModel {
    struct Item {
        let collection: String
        let name: String
        /// The event that it awaits, or awaited, and the days from there.
        let awaited: (event: String, days: Int64)?
        var isFirm: Bool
        /// `nil`: the event has not happened.
        var until: Int64?
        var isErased = false
    }

    struct Choice: Equatable {
        let collection: String
        let prefix: String
        let before: UInt64
        let matched: Set<UInt64>
        let isStanding: Bool
        var spared: Set<UInt64> = []
    }

    struct Case {
        var named: Set<UInt64> = []
        var chosen: [Choice] = []
        var isOver = false
    }

    /// What comes of a request: refused as a whole, or for some records.
    enum Outcome: Equatable {
        case no
        case yes(refused: Set<UInt64>)
    }

    var items: [UInt64: Item] = [:]
    var cases: [String: Case] = [:]
    /// The longest lock in days, where one is set.
    var longest: [String: Int64] = [:]
    var late: Int64 = 0
    var early: Int64 = 0

    var isSettled: Bool { late - early <= 86_400_000 }

    func isHeld(_ index: UInt64, by matter: String) -> Bool {
        guard let file = cases[matter], !file.isOver, let item = items[index] else { return false }
        return file.named.contains(index)
            || file.chosen.contains { choice in
                choice.collection == item.collection && item.name.hasPrefix(choice.prefix)
                    && (choice.isStanding || index < choice.before)
                    && !choice.spared.contains(index)
            }
    }

    func holders(_ index: UInt64) -> [String] {
        cases.keys.filter { isHeld(index, by: $0) }.sorted()
    }

    mutating func extend(_ index: UInt64, to date: Int64?, firm: Bool?) -> Outcome {
        guard isSettled, var item = items[index], !item.isErased else { return .no }
        if firm == false, item.isFirm { return .no }
        guard let until = item.until else {
            if date != nil { return .no }
            items[index]?.isFirm = item.isFirm || firm == true
            return .yes(refused: [])
        }
        if let date, date <= late { return .no }
        let wanted = ((date ?? until) + 999) / 1_000 * 1_000
        guard wanted >= until else { return .no }
        let isFirmer = firm == true && !item.isFirm
        if wanted == until, !isFirmer { return .yes(refused: []) }
        guard wanted > late else { return .no }
        if wanted > until, let days = longest[item.collection], let date,
            date > late + days * 86_400_000
        {
            return .no
        }
        item.until = wanted
        item.isFirm = item.isFirm || firm == true
        items[index] = item
        return .yes(refused: [])
    }

    mutating func happen(_ event: String, at time: Int64?, _ indexes: Set<UInt64>) -> Outcome {
        guard isSettled, !indexes.isEmpty else { return .no }
        var refused: Set<UInt64> = []
        let start = max(time ?? late, late)
        for index in indexes {
            guard let item = items[index], !item.isErased, let awaited = item.awaited,
                awaited.event == event
            else {
                refused.insert(index)
                continue
            }
            let day: Int64 = 86_400_000
            let end = (start + awaited.days * day + day - 1) / day * day
            if start > late, let days = longest[item.collection], end > late + days * day {
                refused.insert(index)
                continue
            }
            items[index]?.until = max(end, item.until ?? end)
        }
        return .yes(refused: refused)
    }

    mutating func hold(_ matter: String, _ indexes: Set<UInt64>) -> Outcome {
        guard !indexes.isEmpty else { return .no }
        let refused = indexes.filter { items[$0]?.isErased != false }
        let wanted = indexes.subtracting(refused).subtracting(cases[matter]?.named ?? [])
        if !wanted.isEmpty {
            cases[matter, default: Case()].named.formUnion(wanted)
            cases[matter]?.isOver = false
        }
        return .yes(refused: refused)
    }

    mutating func hold(_ matter: String, _ choice: Choice) -> Outcome {
        guard choice.isStanding || !choice.matched.isEmpty else { return .no }
        let isKnown = cases[matter]?.chosen.contains { known in
            known.collection == choice.collection && known.prefix == choice.prefix
                && known.spared.isEmpty
                && (known.isStanding || !choice.isStanding && known.matched == choice.matched)
        }
        if isKnown != true {
            cases[matter, default: Case()].chosen.append(choice)
            cases[matter]?.isOver = false
        }
        return .yes(refused: [])
    }

    mutating func release(_ matter: String, _ indexes: Set<UInt64>?) -> Outcome {
        guard let file = cases[matter], !file.isOver else { return .no }
        guard let indexes else {
            cases[matter] = Case(isOver: true)
            return .yes(refused: [])
        }
        guard !indexes.isEmpty else { return .no }
        let refused = indexes.filter { !isHeld($0, by: matter) }
        let freed = indexes.subtracting(refused)
        cases[matter]?.named.subtract(freed)
        for place in file.chosen.indices { cases[matter]?.chosen[place].spared.formUnion(freed) }
        return .yes(refused: refused)
    }

    mutating func erase(_ indexes: Set<UInt64>, isBypass: Bool) -> Outcome {
        guard isSettled, !isBypass || !indexes.isEmpty else { return .no }
        var refused: Set<UInt64> = []
        for index in indexes {
            guard let item = items[index], !item.isErased, holders(index).isEmpty else {
                refused.insert(index)
                continue
            }
            let isOver = item.until.map { early > $0 } ?? false
            if isBypass ? !isOver && !item.isFirm : isOver {
                items[index]?.isErased = true
            } else {
                refused.insert(index)
            }
        }
        return .yes(refused: refused)
    }
}
