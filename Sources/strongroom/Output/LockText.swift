internal import EvidenceModel

/// The server's word on a record's lock, holds and erasure, as lines.
enum LockText {
    static func lines(_ state: JSONObject) -> [String] {
        var lines: [String] = []
        if let lock = LockWords.text(state["lock"]) { lines.append(RecordText.row("lock", lock)) }
        let matters = state.texts("holds") ?? []
        lines.append(
            RecordText.row("holds", matters.isEmpty ? "none" : matters.joined(separator: ", "))
        )
        if let act = state.number("erased") {
            lines.append(RecordText.row("payload", "ERASED by record \(act)"))
            let index = state.number("index").map(String.init) ?? "INDEX"
            lines.append(
                RecordText.row("", "'strongroom erase proof \(index)' has the certificate")
            )
        }
        for (place, copy) in (state.objects("copies") ?? []).enumerated() {
            lines.append(RecordText.row(place == 0 ? "copies" : "", copyText(copy)))
        }
        for (place, event) in (state.objects("history") ?? []).enumerated() {
            lines.append(RecordText.row(place == 0 ? "history" : "", eventText(event)))
        }
        return lines
    }

    /// `local: there`, `frankfurt: not yet there`.
    static func copyText(_ copy: JSONObject) -> String {
        let state =
            switch copy.text("state") {
            case "present": "there"
            case "pending": "not yet there"
            case "unknown": "not known, the log is read-only"
            case "erased": "erased, bytes still there"
            case "gone": "no bytes there"
            default: "?"
            }
        return "\(copy.text("copy") ?? "?"): \(state)"
    }

    /// `2026-11-21T01:02:03.456Z lock.extended COMPLIANCE until …, by record 57 of ann: audit`.
    static func eventText(_ event: JSONObject) -> String {
        guard let time = event.text("at"), let name = event.text("event"),
            let index = event.number("index")
        else { return event.line }
        let lock = LockWords.text(event["lock"]).map { " \($0)," } ?? ""
        let principal = event.text("principal").map { " of \($0)" } ?? ""
        let reason = event.text("reason").map { ": \($0)" } ?? ""
        return "\(time) \(name)\(lock) by record \(index)\(principal)\(reason)"
    }
}
