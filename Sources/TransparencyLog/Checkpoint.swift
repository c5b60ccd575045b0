public import Cryptography

/// What a log says about itself at one moment: its name, how many leaves it has, and their root.
///
/// As text: the origin, the size in decimal, the root in base64, then extension lines if any; each
/// line ends with a newline. This type says nothing about who signed it, see ``SignedCheckpoint``.
///
/// Reference: C2SP tlog-checkpoint, "Note text".
public struct Checkpoint: Equatable, Sendable {
    /// The log's unique name; not empty.
    public let origin: String

    /// The number of leaves.
    public let size: TreeSize

    /// The root of the tree of that size.
    public let root: MerkleHash

    /// Further lines, without their newlines; none is empty.
    ///
    /// They are signed, but no part of the tree.
    public let extensionLines: [String]

    /// A checkpoint.
    ///
    /// - Throws: ``NoteError/malformedCheckpoint(detail:)`` when the origin or an extension line is
    ///   empty or has a control character, when the size is above ``TreeSize/maximum``, or when an
    ///   empty tree is given another root than ``MerkleTree/emptyRoot``.
    public init(
        origin: String,
        size: TreeSize,
        root: MerkleHash,
        extensionLines: [String] = []
    ) throws(NoteError) {
        for line in [origin] + extensionLines {
            guard !line.isEmpty, line.utf8.allSatisfy({ $0 >= 0x20 }) else {
                throw .malformedCheckpoint(detail: "a line is empty or has a control character")
            }
        }
        guard size <= TreeSize.maximum else {
            throw .malformedCheckpoint(detail: "the size is above \(TreeSize.maximum)")
        }
        guard size > .zero || root == MerkleTree.emptyRoot else {
            throw Self.notTheEmptyRoot
        }
        self.origin = origin
        self.size = size
        self.root = root
        self.extensionLines = extensionLines
    }

    /// Reads the text of a checkpoint; only the exact text that ``text`` gives is accepted.
    ///
    /// - Throws: ``NoteError/malformedCheckpoint(detail:)``.
    public init(parsing text: String) throws(NoteError) {
        var lines = text.utf8.split(
            separator: UInt8(ascii: "\n"),
            omittingEmptySubsequences: false
        )
        guard lines.popLast()?.isEmpty == true, lines.count >= 3 else {
            throw .malformedCheckpoint(detail: "it needs three lines that end with a newline")
        }
        guard let size = Decimal.parse(lines[1]) else {
            throw .malformedCheckpoint(
                detail: "the size must be decimal, without leading zeros, up to \(TreeSize.maximum)"
            )
        }
        guard let root = MerkleHash(base64: Substring(lines[2])) else {
            throw .malformedCheckpoint(detail: "the root must be canonical base64 of 32 bytes")
        }
        try self.init(
            origin: String(Substring(lines[0])),
            size: TreeSize(size),
            root: root,
            extensionLines: lines[3...].map { String(Substring($0)) }
        )
    }

    /// An empty tree is given a root; a witness answers it in a way of its own.
    static let notTheEmptyRoot = NoteError.malformedCheckpoint(
        detail: "the root is not that of the empty tree"
    )

    /// The text that is signed.
    public var text: String {
        extensionLines.reduce(into: "\(origin)\n\(size)\n\(root.base64)\n") { $0 += $1 + "\n" }
    }

    /// Whether both have the same text, byte for byte.
    public static func == (left: Checkpoint, right: Checkpoint) -> Bool {
        left.text.hasSameBytes(as: right.text)
    }
}
