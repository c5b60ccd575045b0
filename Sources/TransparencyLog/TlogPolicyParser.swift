internal import Cryptography

/// Reads the lines of a policy file one after the other.
///
/// Reference: C2SP tlog-policy, "Policy file syntax and structure".
struct TlogPolicyParser {
    /// The name that stands for nobody in the quorum line.
    static let none = TlogPolicy.Name(bytes: Array("none".utf8))

    private(set) var logs: [TlogPolicy.Log] = []
    private(set) var witnesses: [TlogPolicy.Witness] = []
    private(set) var groups: [TlogPolicy.Group] = []
    private(set) var quorum: TlogPolicy.Name?

    private typealias Fault = TlogPolicyError.Fault
    private typealias Words = [ArraySlice<UInt8>]

    /// A key by what must not be repeated, and the line that has it.
    private struct KnownKey {
        let publicKey: [UInt8]
        let name: String
        let keyID: KeyID
        let line: Int
    }

    private var logKeys: [KnownKey] = []
    private var witnessKeys: [KnownKey] = []
    private var names: Set<TlogPolicy.Name> = [none]
    private var members: Set<TlogPolicy.Name> = []

    mutating func read(_ bytes: [UInt8]) throws(TlogPolicyError) {
        guard bytes.count <= TlogPolicy.maximumBytes else {
            throw .tooLarge(limitBytes: TlogPolicy.maximumBytes)
        }
        var reader = LineReader(bytes[...])
        var number = 0
        while let line = reader.next() {
            number += 1
            do throws(Fault) {
                try read(line: line, number: number)
            } catch {
                throw .line(number, error)
            }
        }
        guard reader.rest.isEmpty else { throw .unfinished }
    }

    private mutating func read(line: ArraySlice<UInt8>, number: Int) throws(Fault) {
        for byte in line where (byte < 0x20 && byte != 0x09) || byte == 0x7f { throw .byte(byte) }
        let words = line.split { $0 == 0x20 || $0 == 0x09 }
        guard let first = words.first, first.first != UInt8(ascii: "#") else { return }
        switch Self.text(first) {
        case "log": try readLog(words, number)
        case "witness": try readWitness(words, number)
        case "group": try readGroup(words)
        case "quorum": try readQuorum(words)
        case let word: throw .keyword(word)
        }
    }

    private mutating func readLog(_ words: Words, _ number: Int) throws(Fault) {
        guard words.count == 2 || words.count == 3 else { throw .form("log <vkey> [<url>]") }
        let key: VerifierKey
        do throws(NoteError) {
            key = try VerifierKey(parsing: Self.keyText(words[1]))
        } catch {
            throw .key(error)
        }
        try Self.remember(
            KnownKey(
                publicKey: key.publicKey.bytes,
                name: key.name,
                keyID: key.keyID,
                line: number
            ),
            in: &logKeys
        )
        logs.append(TlogPolicy.Log(key: key, url: words.count == 3 ? Self.text(words[2]) : nil))
    }

    private mutating func readWitness(_ words: Words, _ number: Int) throws(Fault) {
        guard words.count == 3 || words.count == 4 else {
            throw .form("witness <name> <vkey> [<url>]")
        }
        let name = try define(words[1])
        let key: CosignatureKey
        do throws(NoteError) {
            key = try CosignatureKey(parsing: Self.keyText(words[2]))
        } catch {
            throw .key(error)
        }
        try Self.remember(
            KnownKey(
                publicKey: key.publicKey.bytes,
                name: key.name,
                keyID: key.keyID,
                line: number
            ),
            in: &witnessKeys
        )
        let url = words.count == 4 ? Self.text(words[3]) : nil
        witnesses.append(TlogPolicy.Witness(name: name, key: key, url: url))
    }

    private mutating func readGroup(_ words: Words) throws(Fault) {
        guard words.count >= 4 else { throw .form("group <name> all|any|<number> <name>…") }
        var group: [TlogPolicy.Name] = []
        for word in words[3...] {
            let member = TlogPolicy.Name(bytes: Array(word))
            guard member != Self.none, names.contains(member) else { throw .unknownName(member) }
            guard members.insert(member).inserted else { throw .repeatedMember(member) }
            group.append(member)
        }
        let threshold: Int
        switch Self.text(words[2]) {
        case "any": threshold = 1
        case "all": threshold = group.count
        case let text:
            guard let number = Decimal.parse(words[2]), (1...UInt64(group.count)).contains(number)
            else { throw .threshold(text, members: group.count) }
            threshold = Int(number)
        }
        let name = try define(words[1])
        groups.append(TlogPolicy.Group(name: name, threshold: threshold, members: group))
    }

    private mutating func readQuorum(_ words: Words) throws(Fault) {
        guard words.count == 2 else { throw .form("quorum <name>|none") }
        guard quorum == nil else { throw .secondQuorum }
        let name = TlogPolicy.Name(bytes: Array(words[1]))
        guard names.contains(name) else { throw .unknownName(name) }
        quorum = name
    }

    private mutating func define(_ word: ArraySlice<UInt8>) throws(Fault) -> TlogPolicy.Name {
        let name = TlogPolicy.Name(bytes: Array(word))
        guard names.insert(name).inserted else { throw .takenName(name) }
        return name
    }

    /// One public key under two names is one voice; two keys under one name and ID cannot be told
    /// apart in a note.
    private static func remember(
        _ key: KnownKey,
        in known: inout [KnownKey]
    ) throws(Fault) {
        for other in known {
            let isSame = other.publicKey == key.publicKey
            let isAlike = other.keyID == key.keyID && other.name.hasSameBytes(as: key.name)
            if isSame || isAlike { throw .repeatedKey(line: other.line) }
        }
        known.append(key)
    }

    private static func text(_ word: ArraySlice<UInt8>) -> String {
        String(decoding: word, as: UTF8.self)
    }

    /// A key's text; what is not UTF-8 is no key, and must not become one by being mended.
    private static func keyText(_ word: ArraySlice<UInt8>) throws(NoteError) -> String {
        guard let text = String(validating: word, as: UTF8.self) else {
            throw .malformedKey(detail: "the name is not UTF-8")
        }
        return text
    }
}
