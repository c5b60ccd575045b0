/// What a checkpoint needs to be accepted: one of these logs has signed it, and enough of these
/// witnesses have cosigned it.
///
/// Valid by construction: whatever a name stands for is defined, groups do not contain themselves,
/// no key is listed twice, and each witness counts in one way only.
///
/// Reference: C2SP tlog-policy.
public struct TlogPolicy: Equatable, Sendable {
    /// The largest file that is read.
    public static let maximumBytes = 256 * 1024

    /// What a policy file calls a witness or a group; it means nothing outside of the file.
    ///
    /// Bytes, not text: names that look alike are different names.
    public struct Name: Hashable, Sendable, CustomStringConvertible {
        /// Not empty; no space, no control character.
        public let bytes: [UInt8]

        /// As text, bytes that are not UTF-8 replaced by U+FFFD.
        public var description: String { String(decoding: bytes, as: UTF8.self) }
    }

    /// A log whose checkpoints are accepted; the key's name is its origin.
    public struct Log: Equatable, Sendable {
        /// The key that signs the checkpoints.
        public let key: VerifierKey
        /// Where the log is, if the file says so.
        public let url: String?
    }

    /// A witness that can count.
    public struct Witness: Equatable, Sendable {
        /// What the rest of the file calls it.
        public let name: Name
        /// The key that cosigns; its own name has nothing to do with `name`.
        public let key: CosignatureKey
        /// Its submission prefix, if the file says so.
        public let url: String?
    }

    /// Witnesses and groups of which a number must have cosigned.
    public struct Group: Equatable, Sendable {
        /// What the rest of the file calls it.
        public let name: Name
        /// How many members it needs: 1 to their number.
        public let threshold: Int
        /// Witnesses, and groups that stand before this one; at least one.
        public let members: [Name]
    }

    /// The logs, in the order of the file; none where the log is known from elsewhere.
    public let logs: [Log]

    /// The witnesses, in the order of the file.
    public let witnesses: [Witness]

    /// The groups, in the order of the file: members come first.
    public let groups: [Group]

    /// The witness or group that must have cosigned; nil if nobody must (`quorum none`).
    public let quorum: Name?

    /// Reads a policy file; what breaks a rule is refused, not skipped.
    ///
    /// - Throws: ``TlogPolicyError``, which says in which line and why.
    public init(parsing bytes: [UInt8]) throws(TlogPolicyError) {
        var parser = TlogPolicyParser()
        try parser.read(bytes)
        guard let quorum = parser.quorum else { throw .noQuorum }
        logs = parser.logs
        witnesses = parser.witnesses
        groups = parser.groups
        self.quorum = quorum == TlogPolicyParser.none ? nil : quorum
    }

    /// Reads a policy file, see ``init(parsing:)-([UInt8])``.
    ///
    /// - Throws: as for bytes.
    public init(parsing text: String) throws(TlogPolicyError) {
        try self.init(parsing: Array(text.utf8))
    }
}

/// Why a policy file was not accepted.
public enum TlogPolicyError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file is larger than ``TlogPolicy/maximumBytes``.
    case tooLarge(limitBytes: Int)
    /// The last line does not end with a newline: the file may have been cut.
    case unfinished
    /// There is no quorum line.
    case noQuorum
    /// A line breaks a rule; lines count from 1.
    case line(Int, Fault)

    /// What is wrong with a line.
    public enum Fault: Error, Equatable, Sendable, CustomStringConvertible {
        /// A byte that is neither printable ASCII, space, tab nor above 0x7F.
        case byte(UInt8)
        /// The first word is none of `log`, `witness`, `group`, `quorum`.
        case keyword(String)
        /// Words are missing or too many; how the line should look.
        case form(String)
        /// The key cannot be used.
        case key(NoteError)
        /// The same key, or one that cannot be told apart from it, stands in an earlier line.
        case repeatedKey(line: Int)
        /// The name is defined already, or it is `none`.
        case takenName(TlogPolicy.Name)
        /// No earlier line defines the name.
        case unknownName(TlogPolicy.Name)
        /// The name is a member of a group already.
        case repeatedMember(TlogPolicy.Name)
        /// Neither `all`, `any`, nor a number from 1 to that of the members.
        case threshold(String, members: Int)
        /// A second quorum line.
        case secondQuorum

        /// What is wrong, to follow a colon.
        public var description: String {
            switch self {
            case .byte(let byte): "the byte 0x\(String(byte, radix: 16)) must not stand in it"
            case .keyword(let word):
                "it begins with \"\(word)\", not with log, witness, group or quorum"
            case .form(let form): "it must have the form \"\(form)\""
            case .key(let error): "\(error)"
            case .repeatedKey(let line): "the key stands in line \(line) already"
            case .takenName(let name): "the name \(name) is taken"
            case .unknownName(let name): "nothing before it is called \(name)"
            case .repeatedMember(let name): "\(name) is a member of a group already"
            case .threshold(let text, let members):
                "\"\(text)\" is not all, any or a number from 1 to \(members)"
            case .secondQuorum: "there is a quorum already"
            }
        }
    }

    /// One sentence for a person.
    public var description: String {
        switch self {
        case .tooLarge(let limit): "the policy is larger than \(limit) bytes"
        case .unfinished: "the last line of the policy does not end with a newline"
        case .noQuorum: "the policy has no quorum line"
        case .line(let number, let fault): "line \(number) of the policy: \(fault)"
        }
    }
}
