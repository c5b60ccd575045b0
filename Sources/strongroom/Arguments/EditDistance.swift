/// Which known word a mistyped one was meant to be.
enum EditDistance {
    /// The least number of letters added, removed, replaced or swapped with their neighbour
    /// (optimal string alignment) that makes one word the other.
    static func between(_ first: String, _ second: String) -> Int {
        let a = Array(first.utf8)
        let b = Array(second.utf8)
        if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
        var beforeLast = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        for i in 1...a.count {
            var row = [i] + [Int](repeating: 0, count: b.count)
            for j in 1...b.count {
                let change = a[i - 1] == b[j - 1] ? 0 : 1
                row[j] = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + change)
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                    row[j] = min(row[j], beforeLast[j - 2] + 1)
                }
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }

    /// The nearest of `words`, unless all are too far off to be what was meant.
    ///
    /// A word that starts with what was typed counts as near: people abbreviate.
    static func nearest(to typed: String, among words: [String]) -> String? {
        if typed.utf8.count >= 2 {
            let longer = words.filter { $0.hasPrefix(typed) }
            if let shortest = longer.min(by: { $0.utf8.count < $1.utf8.count }) { return shortest }
        }
        // Long arguments cannot be near to any option; do not spend time on them.
        guard typed.utf8.count <= 64 else { return nil }
        let measured = words.map { (word: $0, distance: between(typed, $0)) }
        guard let best = measured.min(by: { $0.distance < $1.distance }) else { return nil }
        return best.distance <= max(1, min(typed.utf8.count, best.word.utf8.count) / 3)
            ? best.word : nil
    }
}
