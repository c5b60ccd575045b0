/// Makes tar archives by hand, also wrong ones.
///
/// Reference: POSIX pax, "ustar Interchange Format".
struct TarBuilder {
    private(set) var bytes: [UInt8] = []

    /// Appends a header and its data, padded to whole blocks.
    mutating func add(
        _ name: String,
        type: Character = "0",
        link: String = "",
        claimedSize: String? = nil,
        _ data: [UInt8] = []
    ) {
        add(Array(name.utf8), type: type, link: link, claimedSize: claimedSize, data)
    }

    mutating func add(
        _ name: [UInt8],
        type: Character = "0",
        link: String = "",
        claimedSize: String? = nil,
        _ data: [UInt8] = []
    ) {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: [UInt8], at offset: Int) {
            header.replaceSubrange(offset..<offset + text.count, with: text)
        }
        put(name, at: 0)
        put(Array("0000644\0".utf8), at: 100)
        put(Array("0000000\0".utf8), at: 108)
        put(Array("0000000\0".utf8), at: 116)
        let octal = String(data.count, radix: 8)
        let size = String(repeating: "0", count: 11 - octal.count) + octal
        put(Array((claimedSize ?? size).utf8), at: 124)
        put(Array("00000000000\0".utf8), at: 136)
        put(Array("        ".utf8), at: 148)
        put(Array(String(type).utf8), at: 156)
        put(Array(link.utf8), at: 157)
        put(Array("ustar\0".utf8) + Array("00".utf8), at: 257)
        let sum = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
        put(Array((String(repeating: "0", count: 6 - sum.count) + sum + "\0 ").utf8), at: 148)
        bytes += header + data
        bytes += [UInt8](repeating: 0, count: (512 - data.count % 512) % 512)
    }

    /// Appends a pax extended header for the next entry.
    mutating func addPax(_ records: [(key: String, value: String)]) {
        add("pax", type: "x", records.flatMap { paxRecord($0.key, $0.value) })
    }

    /// Appends the end mark.
    mutating func end() {
        bytes += [UInt8](repeating: 0, count: 1_024)
    }

    private func paxRecord(_ key: String, _ value: String) -> [UInt8] {
        let rest = " \(key)=\(value)\n"
        var count = rest.utf8.count + 1
        while "\(count)\(rest)".utf8.count != count { count += 1 }
        return Array("\(count)\(rest)".utf8)
    }
}
