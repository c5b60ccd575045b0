internal import Cryptography
package import EvidenceModel
internal import TransparencyLog

/// The first member of a pack or journal object: what it is and what it holds.
package enum PackIndex: Hashable, Sendable {
    /// `index.json`: evidence of one home, ascending.
    case pack(origin: String, PackHome, [PackEntry])
    /// `journal.json`: all records from `first` on, without gaps.
    case journal(origin: String, first: RecordIndex, [PackEntry])

    /// The most records of one object.
    package static let maximumEntryCount = 65_536
    /// The largest form as JSON.
    static let maximumSizeBytes = 32 << 20

    package var origin: String {
        switch self {
        case .pack(let origin, _, _), .journal(let origin, _, _): origin
        }
    }

    package var entries: [PackEntry] {
        switch self {
        case .pack(_, _, let entries), .journal(_, _, let entries): entries
        }
    }

    package var isJournal: Bool {
        if case .journal = self { true } else { false }
    }

    /// The name of the member that holds it.
    var memberName: String { isJournal ? "journal.json" : "index.json" }

    /// Why this cannot be the index of an object; `nil` if it can.
    var fault: String? {
        let entries = entries
        guard (1...Self.maximumEntryCount).contains(entries.count) else {
            return "\(entries.count) records"
        }
        switch self {
        case .pack:
            for (entry, next) in zip(entries, entries.dropFirst()) where entry.index >= next.index {
                return "records out of order at \(next.index)"
            }
            for entry in entries where entry.payload == nil {
                return "the record \(entry.index) without a payload"
            }
        case .journal(_, let first, _):
            for (offset, entry) in entries.enumerated()
            where entry.index.value &- first.value != UInt64(offset) {
                return "records out of order at \(entry.index)"
            }
        }
        return nil
    }

    static let packType = "strongroom-pack-v1"
    static let journalType = "strongroom-journal-v1"
}

extension PackIndex {
    /// The canonical JSON.
    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512 + entries.count * 144)
        switch self {
        case .pack(let origin, let home, let entries):
            Self.append("{\"collection\":", home.collection.text, to: &bytes)
            if case .held(let matter) = home.kind {
                Self.append(",\"held\":", matter.text, to: &bytes)
            }
            Self.append(",\"home\":", home.kind.word, to: &bytes)
            bytes.append(contentsOf: ",\"lock\":".utf8)
            CanonicalJSON.append(home.lock.packForm, to: &bytes)
            Self.append(",\"origin\":", origin, to: &bytes)
            Self.append(entries, to: &bytes)
            Self.append(",\"type\":", Self.packType, to: &bytes)
        case .journal(let origin, let first, let entries):
            bytes.append(contentsOf: "{\"count\":\(entries.count),\"first\":\(first)".utf8)
            Self.append(",\"origin\":", origin, to: &bytes)
            Self.append(entries, to: &bytes)
            Self.append(",\"type\":", Self.journalType, to: &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    private static func append(_ name: StaticString, _ text: String, to bytes: inout [UInt8]) {
        append(name, to: &bytes)
        CanonicalJSON.append(string: text, to: &bytes)
    }

    private static func append(_ text: StaticString, to bytes: inout [UInt8]) {
        unsafe bytes.append(
            contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        )
    }

    private static func append(_ entries: [PackEntry], to bytes: inout [UInt8]) {
        append(",\"records\":[", to: &bytes)
        var isFirst = true
        for entry in entries {
            append(isFirst ? "{" : ",{", to: &bytes)
            isFirst = false
            if entry.isErased { append("\"erased\":true,", to: &bytes) }
            append("\"index\":", to: &bytes)
            MemberName.appendDecimal(entry.index.value, to: &bytes)
            if let object = entry.object { append(",\"object\":", object.text, to: &bytes) }
            if let payload = entry.payload {
                append(",\"payload\":{\"sha256\":\"", to: &bytes)
                payload.digest.withSpan { digest in
                    for index in digest.indices {
                        bytes.append(MemberName.hexDigit(digest[index] >> 4))
                        bytes.append(MemberName.hexDigit(digest[index] & 15))
                    }
                }
                append("\",\"size\":", to: &bytes)
                MemberName.appendDecimal(payload.sizeBytes, to: &bytes)
                bytes.append(UInt8(ascii: "}"))
            }
            bytes.append(UInt8(ascii: "}"))
        }
        bytes.append(UInt8(ascii: "]"))
    }
}

extension PackHome.Kind {
    var word: String {
        switch self {
        case .original: "original"
        case .extended: "extended"
        case .held: "held"
        }
    }
}

extension Lock {
    /// The lock as the index of a pack says it.
    fileprivate var packForm: JSONValue {
        switch end {
        case .until(let until):
            ["mode": .string(mode.rawValue), "until": .string(until.rfc3339Seconds)]
        case .awaiting(let event, let duration):
            [
                "awaiting": .string(event.text), "mode": .string(mode.rawValue),
                "then": .string(duration.description),
            ]
        }
    }
}
