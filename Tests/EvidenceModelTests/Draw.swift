import Cryptography
import EvidenceModel
import Foundation
import Testing

/// The draws of property tests: SplitMix64, from a seed that is printed and can be given again.
struct Draw: RandomNumberGenerator {
    let seed: UInt64
    private var state: UInt64

    /// A new seed, or that in STRONGROOM_SEED.
    init(_ test: String = #function) {
        let given = ProcessInfo.processInfo.environment["STRONGROOM_SEED"].flatMap { UInt64($0) }
        seed = given ?? UInt64.random(in: 0...UInt64.max)
        state = seed
        print("\(test): STRONGROOM_SEED=\(seed)")
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

    mutating func chance(_ oneIn: Int) -> Bool { int(1...oneIn) == 1 }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) }
    }

    mutating func element<Element>(of elements: [Element]) -> Element {
        elements[int(0...(elements.count - 1))]
    }
}

extension Draw {
    /// Text with much that needs care.
    mutating func text(upTo count: Int) -> String {
        let scalars: [UInt32] = [
            0, 8, 10, 31, 32, 34, 47, 92, 97, 127, 128, 159, 0xEB, 0x308, 0x7FF, 0x800, 0x2028,
            0xD7FF, 0xE000, 0xFEFF, 0xFFFF, 0x10000, 0x1F600, 0x10FFFF,
        ]
        var text = String.UnicodeScalarView()
        for _ in 0..<int(0...count) {
            let value = chance(2) ? element(of: scalars) : UInt32(int(0x20...0x7E))
            if let scalar = Unicode.Scalar(value) { text.append(scalar) }
        }
        return String(text)
    }

    mutating func json(depth: Int) -> JSONValue {
        switch int(0...(depth > 0 ? 6 : 4)) {
        case 0: return .null
        case 1: return .bool(chance(2))
        case 2: return .string(text(upTo: 20))
        case 3: return .integer(Int64(int(-1_000...1_000)))
        case 4:
            let limit = JSONValue.maximumInteger
            return .integer(Int64.random(in: -limit...limit, using: &self))
        case 5: return .array((0..<int(0...4)).map { _ in json(depth: depth - 1) })
        default:
            var object = JSONObject()
            for _ in 0..<int(0...4) { object[text(upTo: 4)] = json(depth: depth - 1) }
            return .object(object)
        }
    }

    /// Changes, removes, adds or doubles one byte or more.
    mutating func damage(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        let place = int(0...(bytes.count - 1))
        switch int(0...4) {
        case 0: bytes[place] ^= 1 << UInt8(int(0...7))
        case 1: bytes[place] = UInt8(int(0...255))
        case 2: bytes.remove(at: place)
        case 3: bytes.insert(element(of: Array("{}[]\":,\\0123456789truefalsn ".utf8)), at: place)
        default: bytes.insert(contentsOf: bytes[place...].prefix(int(1...8)), at: place)
        }
    }
}

extension Draw {
    mutating func digest() -> SHA256Digest { SHA256.hash(bytes(8).span) }

    mutating func timestamp() throws -> Timestamp {
        let milliseconds = Int64.random(in: 0...Timestamp.latest.milliseconds, using: &self)
        return try #require(Timestamp(milliseconds: milliseconds))
    }

    mutating func lock() throws -> Lock {
        let until = try timestamp()
        let whole = until.roundedUpToSecond() ?? .earliest
        return try #require(Lock(mode: element(of: RetentionMode.allCases), until: whole))
    }

    mutating func visible(upTo count: Int) -> String {
        String((0..<int(1...count)).map { _ in Character(Unicode.Scalar(UInt8(int(0x21...0x7E)))) })
    }

    /// Text without control characters.
    mutating func plain(upTo count: Int) -> String {
        let scalars = text(upTo: count).unicodeScalars.filter {
            $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value)
        }
        return String(String.UnicodeScalarView(scalars))
    }

    mutating func labels() throws -> Labels {
        var pairs: [String: String] = [:]
        for _ in 0..<(chance(2) ? 0 : int(1...5)) {
            pairs["k\(int(0...9))" + element(of: ["", "/", ".x", "_", "-"])] = plain(upTo: 12)
        }
        return try Labels(pairs.map { (key: $0.key, value: $0.value) })
    }

    mutating func description() throws -> EvidenceDescription {
        let parts = (0..<int(1...3)).map { _ in "n" + plain(upTo: 12).replacing("/", with: "") }
        let trace = Hex.encode(([1] + bytes(15)).span)
        let parent = Hex.encode(([1] + bytes(7)).span)
        return EvidenceDescription(
            name: try EvidenceName(parts.joined(separator: "/")),
            mediaType: try MediaType(element(of: ["a/b", "text/plain; x=\"\\\"\"", "A/B;c=d"])),
            labels: try labels(),
            payloadDigest: digest(),
            payloadSize: UInt64.random(in: 0..<(1 << 53), using: &self),
            idempotencyKey: chance(2) ? try IdempotencyKey(visible(upTo: 128)) : nil,
            submitter: try Submitter(visible(upTo: 40)),
            traceparent: chance(2) ? try Traceparent("00-\(trace)-\(parent)-01") : nil
        )
    }

    mutating func sequence() throws -> SequenceNumber {
        try #require(SequenceNumber(UInt64.random(in: 1..<(1 << 53), using: &self)))
    }

    mutating func collection() throws -> CollectionName {
        try CollectionName(
            "c"
                + (0..<int(0...20)).map { _ in element(of: ["a", "0", "-", "."]) }
                .joined()
        )
    }
}
