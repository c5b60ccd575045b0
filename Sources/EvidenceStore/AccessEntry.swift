import Cryptography
package import EvidenceModel

/// One read of evidence: who read what, when, and how it was answered.
///
/// Text that is too long is cut, with `…` at its end. No secret belongs in here.
package struct AccessEntry: Hashable, Sendable {
    package static let textLimitBytes = 1_024

    /// When it was answered.
    package let time: Timestamp
    package let principal: PrincipalName
    /// What was read, such as `record`, `payload` or `search`.
    package let action: String
    /// Of what, such as the path of the request.
    ///
    /// It stays for ever: what a purge must remove, such as a name or label, does not belong here.
    package let target: String
    /// The status of the answer.
    package let status: Int
    /// What names the request elsewhere, such as its trace.
    package let request: String?

    package init(
        time: Timestamp,
        principal: PrincipalName,
        action: String,
        target: String,
        status: Int,
        request: String?
    ) {
        self.time = time
        self.principal = principal
        self.action = Self.cut(action)
        self.target = Self.cut(target)
        self.status = status
        self.request = request.map { Self.cut($0) }
    }

    /// The number of the day that it belongs to, from 1970-01-01.
    var day: Int64 { time.milliseconds / AccessDay.milliseconds }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > textLimitBytes else { return text }
        var bytes = Array(text.utf8.prefix(textLimitBytes - "…".utf8.count))
        // Not in the middle of a character.
        while let last = bytes.last, last & 0xC0 == 0x80 { bytes.removeLast() }
        if let last = bytes.last, last >= 0xC0 { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self) + "…"
    }
}

/// A line of the access log: an entry, its number, and the head of the chain before it.
///
/// Canonical JSON of `action`, `n`, `previous`, `principal`, `request` (unless there is none),
/// `status`, `target`, `time`.
struct AccessLine {
    /// A longer line is none that was written here.
    static let limitBytes = 1 << 16

    let entry: AccessEntry
    /// Before it.
    let previous: AccessLog.Position

    /// What stands before and behind the number and the head, which are known only at the end of
    /// the chain: the rest is put together without holding it.
    static func parts(of entry: AccessEntry) -> (head: [UInt8], tail: [UInt8]) {
        var head = Array("{\"action\":".utf8)
        CanonicalJSON.append(string: entry.action, to: &head)
        head += ",\"n\":".utf8
        var tail = Array("\",\"principal\":".utf8)
        CanonicalJSON.append(string: entry.principal.text, to: &tail)
        if let request = entry.request {
            tail += ",\"request\":".utf8
            CanonicalJSON.append(string: request, to: &tail)
        }
        tail += ",\"status\":".utf8
        CanonicalJSON.append(integer: Int64(entry.status), to: &tail)
        tail += ",\"target\":".utf8
        CanonicalJSON.append(string: entry.target, to: &tail)
        tail += ",\"time\":\"".utf8
        entry.time.appendRFC3339(to: &tail)
        tail += "\"}".utf8
        return (head, tail)
    }

    /// Appends a line without its end.
    ///
    /// - Returns: The position behind it.
    static func append(
        _ parts: (head: [UInt8], tail: [UInt8]),
        after previous: AccessLog.Position,
        to bytes: inout [UInt8]
    ) -> AccessLog.Position {
        let start = bytes.count
        let count = previous.count + 1
        bytes += parts.head
        bytes += String(count).utf8
        bytes += ",\"previous\":\"".utf8
        previous.head.withSpan { Hex.append($0, to: &bytes) }
        bytes += parts.tail
        let head = hash(bytes.span.extracting(start...), after: previous.head)
        return AccessLog.Position(count: count, head: head)
    }

    /// Reads a line; nil for any bytes that `append` does not give.
    init?(parsing bytes: Span<UInt8>) {
        guard let object = try? JSONValue(parsing: bytes, form: .canonical).object,
            let action = object["action"]?.string, let number = object["n"]?.unsigned, number > 0,
            let head = object["previous"]?.string.flatMap({ SHA256Digest(hex: $0) }),
            let text = object["principal"]?.string, let principal = try? PrincipalName(text),
            let status = object["status"]?.unsigned, let target = object["target"]?.string,
            let time = object["time"]?.string.flatMap({ Timestamp(rfc3339: $0) })
        else { return nil }
        entry = AccessEntry(
            time: time,
            principal: principal,
            action: action,
            target: target,
            status: Int(status),
            request: object["request"]?.string
        )
        previous = AccessLog.Position(count: number - 1, head: head)
        var again: [UInt8] = []
        _ = Self.append(Self.parts(of: entry), after: previous, to: &again)
        guard bytes.isEqual(to: again) else { return nil }
    }

    /// The head behind a line: SHA-256(head before it ‖ line).
    static func hash(_ line: Span<UInt8>, after head: SHA256Digest) -> SHA256Digest {
        var hasher = SHA256Hasher()
        head.withSpan { hasher.update($0) }
        hasher.update(line)
        return hasher.finalize()
    }
}

/// The days that name the files of the access log.
enum AccessDay {
    static let milliseconds: Int64 = 86_400_000

    /// `2026-11-21`.
    static func text(_ day: Int64) -> String {
        guard let midnight = Timestamp(milliseconds: day * milliseconds) else {
            preconditionFailure("a day outside 1970 to 9999")
        }
        return String(midnight.rfc3339.prefix(10))
    }

    /// The day of a text; nil unless it is one that `text` gives.
    static func number(_ text: some StringProtocol) -> Int64? {
        guard let midnight = Timestamp(rfc3339: "\(text)T00:00:00.000Z") else { return nil }
        return midnight.milliseconds / milliseconds
    }
}
