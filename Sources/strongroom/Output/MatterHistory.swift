internal import EvidenceModel

/// Who placed and released the holds of a matter, when and why: the acts' own words.
enum MatterHistory {
    /// How many acts are looked up, the newest; `show` has the others.
    private static let limit = 64

    /// One line an act; fewer where the token may not read records.
    static func lines(of matter: JSONObject, _ connection: APIConnection) -> [String] {
        let acts = matter.numbers("acts") ?? []
        let indent = String(repeating: " ", count: (matter.text("matter") ?? "").count + 2)
        var lines: [String] = []
        for index in acts.suffix(limit) {
            let path = RequestPath("/v1/records/\(index)")
            guard let record = try? connection.getObject(path, what: "record \(index)") else {
                break
            }
            lines.append(indent + text(of: record, index))
        }
        return lines
    }

    /// `2031-03-03T… hold.placed by record 40 of ann: subpoena`.
    static func text(of record: JSONObject, _ index: UInt64) -> String {
        let time = record.text("received") ?? "?"
        let kind = record.text("kind") ?? "?"
        let reason = record.text("reason").map { ": \($0)" } ?? ""
        return "\(time) \(kind) by record \(index) of \(record.text("principal") ?? "?")\(reason)"
    }
}
