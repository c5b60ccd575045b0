package import EvidenceModel
package import TransparencyLog

extension ObjectLayout {
    /// What the object at a key is.
    package enum Meaning: Hashable, Sendable {
        case checkpoint
        case tile(TileCoordinate)
        case entryBundle(EntryBundleCoordinate)
        case journal(first: RecordIndex, count: UInt64)
        case pack(first: RecordIndex, count: UInt64)
        case payload(CollectionName, RecordIndex)
        case state
        case probe
        /// Nothing that Strongroom writes.
        case foreign
    }

    /// What the object at `key` must be; only keys as they are written here have a meaning.
    ///
    /// A collection may be called `held` or `extended`: the number of parts tells its packs from
    /// those of a matter, and from re-homed ones.
    package static func meaning(of key: ObjectKey) -> Meaning {
        let parts = key.text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count >= 2, let last = parts.last else { return .foreign }
        switch (parts[0], parts.count) {
        case ("log", _): return logMeaning(key.text.dropFirst("log/".count))
        case ("journal", 2): return journalMeaning(last)
        case ("payloads", 3): return payloadMeaning(parts[1], last)
        case ("packs", _):
            return isPackFolder(parts[1..<parts.count - 1])
                ? packMeaning(last) : .foreign
        case ("state", 2): return isState(last) ? .state : .foreign
        case ("probe", 3...): return isProbe(parts[1]) ? .probe : .foreign
        default: return .foreign
        }
    }

    private static func logMeaning(_ path: Substring) -> Meaning {
        if path == "checkpoint" { return .checkpoint }
        if let tile = TileCoordinate(path: path), tile.isFull { return .tile(tile) }
        if let bundle = EntryBundleCoordinate(path: path), bundle.isFull {
            return .entryBundle(bundle)
        }
        return .foreign
    }

    private static func journalMeaning(_ name: Substring) -> Meaning {
        guard let words = words(name, 2), let first = index(words[0]), let count = count(words[1])
        else { return .foreign }
        return .journal(first: first, count: count)
    }

    private static func packMeaning(_ name: Substring) -> Meaning {
        guard let words = words(name, 3), let first = index(words[0]), let count = count(words[1]),
            words[2].utf8.count == 8, words[2].utf8.allSatisfy(isHex)
        else { return .foreign }
        return .pack(first: first, count: count)
    }

    private static func payloadMeaning(_ collection: Substring, _ name: Substring) -> Meaning {
        guard let collection = try? CollectionName(String(collection)),
            name.hasSuffix(payloadSuffix)
        else { return .foreign }
        let stem = name.dropLast(payloadSuffix.count)
        let digits = stem.hasSuffix(strongerSuffix) ? stem.dropLast(strongerSuffix.count) : stem
        guard let index = index(digits) else { return .foreign }
        return .payload(collection, index)
    }

    /// Whether packs stand in a folder of these parts below `packs`.
    private static func isPackFolder(_ parts: ArraySlice<Substring>) -> Bool {
        let parts = Array(parts)
        switch parts.count {
        case 2: return parts[0] == "held" && isMatter(parts[1])
        case 3: return isLocked(parts)
        case 4: return parts[0] == "extended" && isLocked(Array(parts[1...]))
        default: return false
        }
    }

    /// Whether these are a collection, a mode and an end.
    private static func isLocked(_ parts: [Substring]) -> Bool {
        let awaiting = "awaiting-"
        let isEnd =
            Timestamp(rfc3339Seconds: String(parts[2])) != nil
            || parts[2].hasPrefix(awaiting)
                && (try? EventName(String(parts[2].dropFirst(awaiting.count)))) != nil
        return isEnd && RetentionMode(rawValue: String(parts[1])) != nil
            && (try? CollectionName(String(parts[0]))) != nil
    }

    private static func isMatter(_ part: Substring) -> Bool {
        if part.utf8.count == 64, part.utf8.allSatisfy(isHex) { return true }
        var text: [UInt8] = []
        var rest = part.utf8
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                text.append(byte)
                continue
            }
            guard rest.count >= 2,
                let value = UInt8(String(decoding: Array(rest.prefix(2)), as: UTF8.self), radix: 16)
            else { return false }
            text.append(value)
            rest.removeFirst(2)
        }
        guard let matter = try? Matter(String(decoding: text, as: UTF8.self)) else { return false }
        return folder(matter).utf8.elementsEqual(part.utf8)
    }

    private static func isState(_ name: Substring) -> Bool {
        guard name.hasSuffix(packSuffix) else { return false }
        return Timestamp(rfc3339Seconds: "\(name.dropLast(packSuffix.count))T00:00:00Z") != nil
    }

    private static func isProbe(_ part: Substring) -> Bool {
        part.utf8.count == 16 && part.utf8.allSatisfy(isHex)
    }

    /// The words of a name between hyphens, without its suffix.
    private static func words(_ name: Substring, _ count: Int) -> [Substring]? {
        guard name.hasSuffix(packSuffix) else { return nil }
        let words = name.dropLast(packSuffix.count)
            .split(separator: "-", omittingEmptySubsequences: false)
        return words.count == count ? words : nil
    }

    /// Sixteen digits, below the largest tree.
    private static func index(_ text: Substring) -> RecordIndex? {
        guard text.utf8.count == 16, let value = number(text), value < TreeSize.maximum.value
        else { return nil }
        return RecordIndex(value)
    }

    private static func count(_ text: Substring) -> UInt64? {
        guard text.first != "0", text.utf8.count <= 16, let value = number(text),
            value <= TreeSize.maximum.value
        else { return nil }
        return value
    }

    private static func number(_ text: Substring) -> UInt64? {
        let isDecimal = text.utf8.allSatisfy {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        }
        return isDecimal ? UInt64(text) : nil
    }

    private static func isHex(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
