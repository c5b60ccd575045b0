/// Where a client is, as far as it can be told from others: an IPv4 address, or the /64 network of
/// an IPv6 address, for whoever has one of its addresses has them all.
struct ClientAddress: Hashable, Sendable {
    private enum Kind: Hashable { case unknown, version4, version6 }

    private let kind: Kind
    private let value: UInt64

    private init(_ kind: Kind, _ value: UInt64) {
        self.kind = kind
        self.value = value
    }

    /// Reads `127.0.0.1:50312` or `[2001:db8::1]:50312`, also without the port.
    ///
    /// Whatever is neither is one and the same address. An IPv4 address that is mapped into IPv6
    /// (`::ffff:127.0.0.1`) is the IPv4 address.
    init(_ text: String) {
        if let address = Self.version4(text.prefix { $0 != ":" }),
            text.utf8.count(where: { $0 == UInt8(ascii: ":") }) < 2
        {
            self.init(.version4, address)
            return
        }
        let inner = text.hasPrefix("[") ? text.dropFirst().prefix { $0 != "]" } : text[...]
        guard let groups = Self.groups(inner.prefix { $0 != "%" }) else {
            self.init(.unknown, 0)
            return
        }
        let upper = groups[..<4].reduce(0 as UInt64) { $0 << 16 | UInt64($1) }
        if upper == 0, groups[4] == 0, groups[5] == 0xFFFF {
            self.init(.version4, UInt64(groups[6]) << 16 | UInt64(groups[7]))
        } else {
            self.init(.version6, upper)
        }
    }

    /// Four decimal numbers up to 255.
    private static func version4(_ text: Substring) -> UInt64? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt64 = 0
        for part in parts {
            guard (1...3).contains(part.utf8.count),
                part.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
                let number = UInt64(part), number < 256
            else { return nil }
            address = address << 8 | number
        }
        return address
    }

    /// The eight groups of an IPv6 address.
    ///
    /// Reference: RFC 4291 section 2.2.
    private static func groups(_ text: Substring) -> [UInt16]? {
        var parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard (3...9).contains(parts.count) else { return nil }
        // A "::" at an end gives two empty parts there.
        if parts[0].isEmpty {
            guard parts[1].isEmpty else { return nil }
            parts.removeFirst()
        }
        if parts[parts.count - 1].isEmpty, parts.count > 1 {
            guard parts[parts.count - 2].isEmpty else { return nil }
            parts.removeLast()
        }
        var groups: [UInt16] = []
        var gap: Int?
        for (place, part) in parts.enumerated() {
            if part.isEmpty {
                guard gap == nil else { return nil }
                gap = groups.count
            } else if place == parts.count - 1, let address = version4(part) {
                groups += [UInt16(address >> 16), UInt16(address & 0xFFFF)]
            } else {
                guard (1...4).contains(part.utf8.count), part.allSatisfy(\.isHexDigit),
                    let group = UInt16(part, radix: 16)
                else { return nil }
                groups.append(group)
            }
        }
        guard let gap else { return groups.count == 8 ? groups : nil }
        guard groups.count < 8 else { return nil }
        let zeros = [UInt16](repeating: 0, count: 8 - groups.count)
        return Array(groups[..<gap]) + zeros + Array(groups[gap...])
    }
}
