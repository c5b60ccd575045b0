internal import EvidenceModel

/// A lock of the server's JSON in words.
enum LockWords {
    /// `COMPLIANCE until 2033-11-22T00:00:00Z`, or `COMPLIANCE until EVENT, then 7y`.
    static func text(_ lock: JSONValue?) -> String? {
        guard case .object(let object)? = lock, let mode = object.text("mode"),
            let end = end(object)
        else { return nil }
        return "\(mode) until \(end)"
    }

    /// The date, or what is waited for.
    static func end(_ lock: JSONObject) -> String? {
        if let until = lock.text("until") { return until }
        guard let event = lock.text("event"), let duration = lock.text("duration") else {
            return nil
        }
        return "\(event), then \(duration)"
    }
}

extension LockWords {
    /// The end of a record's own lock, in the same words.
    static func end(_ lock: Lock) -> String {
        switch lock.end {
        case .until(let until): until.rfc3339Seconds
        case .awaiting(let event, let duration): "\(event), then \(duration)"
        }
    }
}
