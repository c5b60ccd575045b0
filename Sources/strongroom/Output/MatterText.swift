internal import EvidenceModel

/// A matter and what it holds, as lines.
///
///     case-7  holding
///             records 3, 5-9
///             collection ci, prefix reports/, below record 120 and what arrives later
///             placed and changed by records 40, 52
enum MatterText {
    static func lines(_ matter: JSONObject) -> [String] {
        let name = matter.text("matter") ?? "?"
        let state = matter.flag("released") == true ? "released" : "holding"
        let indent = String(repeating: " ", count: name.count + 2)
        var lines = ["\(name)  \(state)"]
        if let ranges = ranges(matter.values("records")) {
            lines.append(indent + "records \(ranges)")
        }
        for selection in matter.objects("selections") ?? [] {
            lines.append(indent + text(selection))
        }
        if let acts = matter.numbers("acts"), !acts.isEmpty {
            lines.append(indent + "placed and changed" + ActText.by(acts).dropFirst())
        }
        return lines
    }

    /// How many ranges a line shows; `--json` has all.
    private static let shownRanges = 12

    /// `3, 5-9`; nil for none.
    static func ranges(_ values: [JSONValue]?) -> String? {
        guard let values, !values.isEmpty else { return nil }
        var parts: [String] = []
        for value in values.prefix(shownRanges) {
            guard case .array(let ends) = value, ends.count == 2,
                case .integer(let first) = ends[0], case .integer(let last) = ends[1]
            else { return nil }
            parts.append(first == last ? "\(first)" : "\(first)-\(last)")
        }
        let rest = values.count - parts.count
        return parts.joined(separator: ", ") + (rest > 0 ? " and \(rest) more ranges" : "")
    }

    private static func text(_ held: JSONObject) -> String {
        let selection = held.object("selection") ?? JSONObject()
        var parts = ["collection \(selection.text("collection") ?? "?")"]
        if let prefix = selection.text("prefix") { parts.append("prefix \(prefix)") }
        for label in selection.object("labels")?.members ?? [] {
            if case .string(let value) = label.value {
                parts.append("label \(label.name)=\(value)")
            }
        }
        if let before = held.number("before") { parts.append("below record \(before)") }
        let later = held.flag("standing") == true ? " and what arrives later" : ""
        return parts.joined(separator: ", ") + later
    }
}
