public import Cryptography

/// What a log, or anybody for it, sends to a witness: its checkpoint, and the proof that it grew
/// from what the witness has seen.
///
/// Parsed, but not trusted: ``WitnessState/decide(on:nowSeconds:)`` judges it.
///
/// Text: `old <decimal>`; one base64 hash a line; an empty line; the checkpoint, unchanged.
///
/// Reference: C2SP tlog-witness, "add-checkpoint".
public struct AddCheckpointRequest: Equatable, Sendable {
    /// The most hashes that a request may have.
    public static let maximumProofLength = 63

    /// The largest request that is read: the largest note, and the lines before it.
    public static let maximumBytes = SignedNote.maximumBytes + 4096

    /// The size that the witness is believed to have cosigned last; zero if none.
    public let oldSize: TreeSize

    /// The consistency proof from that size to the checkpoint's.
    public let proof: [MerkleHash]

    /// The signed checkpoint, not yet verified.
    public let checkpoint: SignedNote

    /// A request of its parts.
    public init(oldSize: TreeSize, proof: [MerkleHash], checkpoint: SignedNote) {
        self.oldSize = oldSize
        self.proof = proof
        self.checkpoint = checkpoint
    }

    /// The body of the request.
    public var encoded: [UInt8] {
        var text = "old \(oldSize)\n"
        for hash in proof {
            text += hash.base64 + "\n"
        }
        return Array((text + "\n" + checkpoint.encoded).utf8)
    }

    /// The first line of the checkpoint: which log it claims to be of.
    public var origin: String { Self.origin(of: checkpoint) }

    static func origin(of note: SignedNote) -> String {
        String(Substring(note.text.utf8.prefix { $0 != UInt8(ascii: "\n") }))
    }

    /// Reads the body of a request; only the exact bytes that ``encoded`` gives are accepted.
    ///
    /// - Throws: ``AddCheckpointError/malformed(detail:)``; ``AddCheckpointError/checkpoint(_:)``
    ///   when what follows the empty line is no signed note.
    public init(parsing bytes: [UInt8]) throws(AddCheckpointError) {
        guard bytes.count <= Self.maximumBytes else {
            throw .malformed(detail: "it is larger than \(Self.maximumBytes) bytes")
        }
        var reader = LineReader(bytes[...])
        guard let digits = reader.next()?.dropping("old "), let size = Decimal.parse(digits) else {
            throw .malformed(
                detail: "the first line must be \"old\", a space and a size in decimal"
            )
        }
        oldSize = TreeSize(size)
        var proof: [MerkleHash] = []
        while true {
            guard let line = reader.next() else {
                throw .malformed(detail: "an empty line must follow the proof")
            }
            if line.isEmpty { break }
            guard proof.count < Self.maximumProofLength, let hash = MerkleHash(line: line) else {
                throw .malformed(
                    detail: "the proof must be base64 hashes, one a line, at most "
                        + "\(Self.maximumProofLength)"
                )
            }
            proof.append(hash)
        }
        self.proof = proof
        do {
            checkpoint = try SignedNote(parsing: Array(reader.rest))
        } catch {
            throw .checkpoint(error)
        }
    }
}

/// Why a request to a witness, or its response, was not accepted.
public enum AddCheckpointError: Error, Equatable, Sendable, CustomStringConvertible {
    /// It is not in its canonical form; `detail` names the rule.
    case malformed(detail: String)
    /// The checkpoint of the request, or a line of the response, is malformed.
    case checkpoint(NoteError)

    /// One sentence for a person.
    public var description: String {
        switch self {
        case .malformed(let detail): "not a message of tlog-witness: \(detail)"
        case .checkpoint(let error): "\(error)"
        }
    }
}
