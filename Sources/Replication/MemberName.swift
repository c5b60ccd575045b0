import EvidenceModel
import TransparencyLog

/// The names of a pack's members.
enum MemberName {
    enum Folder { case records, openings, payloads }

    static let checkpoint = "checkpoint"

    /// Replaces `name` by that of a record's member; reuses its memory.
    static func set(_ name: inout [UInt8], _ folder: Folder, _ index: RecordIndex) {
        name.removeAll(keepingCapacity: true)
        switch folder {
        case .records: name.append(contentsOf: "records/".utf8)
        case .openings: name.append(contentsOf: "openings/".utf8)
        case .payloads: name.append(contentsOf: "payloads/".utf8)
        }
        appendDecimal(index.value, to: &name)
        if folder != .payloads { name.append(contentsOf: ".json".utf8) }
    }

    static func appendDecimal(_ value: UInt64, to bytes: inout [UInt8]) {
        var divisor: UInt64 = 1
        while value / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
            divisor /= 10
        }
    }

    static func hexDigit(_ value: UInt8) -> UInt8 {
        value + (value < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10)
    }
}
