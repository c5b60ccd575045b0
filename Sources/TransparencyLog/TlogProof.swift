public import Cryptography

/// A proof in one text file: where a record stands, the path to the root, and the signed
/// checkpoint.
///
/// Parsed, but not trusted: ``verify(leafHash:origin:keys:)`` binds a leaf to the log, and
/// ``verifyRecord(origin:keys:)`` takes the record from `extra` and binds that.
///
/// Text: `c2sp.org/tlog-proof@v1`; `extra <base64>` if there is extra data; `index <decimal>`; one
/// base64 hash a line; an empty line; the checkpoint, unchanged.
///
/// Reference: C2SP tlog-proof, "Format".
public struct TlogProof: Equatable, Sendable {
    /// The largest text that is read: a note, a record of 65,535 bytes in base64, the longest path.
    public static let maximumBytes = 256 * 1024

    /// Data for the application; not authenticated by itself.
    ///
    /// Strongroom puts the record there, so that the file can be checked without asking anybody.
    /// Nil if the line is left out; never empty.
    public let extra: [UInt8]?

    /// Where the leaf stands.
    public let index: LeafIndex

    /// The inclusion path, from the leaf's sibling to the root's child.
    public let path: [MerkleHash]

    /// The signed checkpoint, not yet verified.
    public let checkpoint: SignedNote

    /// A proof of its parts; no extra bytes are the same as none.
    public init(index: LeafIndex, path: [MerkleHash], checkpoint: SignedNote, extra: [UInt8]? = nil)
    {
        self.index = index
        self.path = path
        self.checkpoint = checkpoint
        self.extra = extra?.isEmpty == true ? nil : extra
    }

    /// The text of the proof.
    public var encoded: String {
        var text = Self.header + "\n"
        if let extra {
            text += "extra \(Base64.encode(extra.span))\n"
        }
        text += "index \(index)\n"
        for hash in path {
            text += hash.base64 + "\n"
        }
        return text + "\n" + checkpoint.encoded
    }

    /// Reads a proof; only the exact text that ``encoded`` gives is accepted.
    ///
    /// - Throws: ``TlogProofError/malformed(detail:)``; ``TlogProofError/checkpoint(_:)`` when the
    ///   checkpoint is not a signed note or not a checkpoint.
    public init(parsing text: String) throws(TlogProofError) {
        let bytes = Array(text.utf8)
        guard bytes.count <= Self.maximumBytes else {
            throw .malformed(detail: "it is larger than \(Self.maximumBytes) bytes")
        }
        var reader = LineReader(bytes[...])
        guard reader.next()?.elementsEqual(Self.header.utf8) == true else {
            throw .malformed(detail: "the first line must be \(Self.header)")
        }
        var line = reader.next()
        var extra: [UInt8]?
        if let encoded = line?.dropping("extra ") {
            guard let decoded = Base64.decode(Array(encoded).span), !decoded.isEmpty else {
                throw .malformed(detail: "the extra data must be canonical base64")
            }
            extra = decoded
            line = reader.next()
        }
        guard let digits = line?.dropping("index "), let index = Decimal.parse(digits) else {
            throw .malformed(detail: "the index must be decimal, without leading zeros")
        }
        self.extra = extra
        self.index = LeafIndex(index)
        path = try Self.path(from: &reader)
        do {
            checkpoint = try SignedNote(parsing: Array(reader.rest))
            _ = try Checkpoint(parsing: checkpoint.text)
        } catch {
            throw .checkpoint(error)
        }
    }

    /// Checks that the record hashing to `leafHash` stands in the log at ``index``.
    ///
    /// - Parameters:
    ///   - leafHash: ``MerkleTree/leafHash(_:)`` of a record that the caller has from elsewhere.
    ///   - origin: as in ``SignedCheckpoint/open(_:origin:keys:)-(String,_,_)``.
    ///   - keys: the keys that are trusted for this log.
    /// - Returns: the verified checkpoint.
    /// - Throws: ``TlogProofError/checkpoint(_:)`` or ``TlogProofError/inclusion(_:)``.
    ///
    /// Reference: C2SP tlog-proof, "Verifying a tlog proof".
    public func verify(
        leafHash: MerkleHash,
        origin: String? = nil,
        keys: [VerifierKey]
    ) throws(TlogProofError) -> SignedCheckpoint {
        let signed: SignedCheckpoint
        do {
            signed = try SignedCheckpoint.open(checkpoint, origin: origin, keys: keys)
        } catch {
            throw .checkpoint(error)
        }
        do {
            try InclusionProof.verify(
                leafHash: leafHash,
                at: index,
                in: signed.checkpoint.size,
                path: path,
                root: signed.checkpoint.root
            )
        } catch {
            throw .inclusion(error)
        }
        return signed
    }

    /// Checks that the record in ``extra`` stands in the log at ``index``.
    ///
    /// - Returns: the record and the verified checkpoint.
    /// - Throws: ``TlogProofError/missingRecord`` when there is no extra data;
    ///   ``TlogProofError/checkpoint(_:)`` or ``TlogProofError/inclusion(_:)``.
    public func verifyRecord(
        origin: String? = nil,
        keys: [VerifierKey]
    ) throws(TlogProofError) -> (record: [UInt8], checkpoint: SignedCheckpoint) {
        guard let record = extra else { throw .missingRecord }
        let signed = try verify(
            leafHash: MerkleTree.leafHash(record.span),
            origin: origin,
            keys: keys
        )
        return (record, signed)
    }

    private static let header = "c2sp.org/tlog-proof@v1"

    private static func path(
        from reader: inout LineReader
    ) throws(TlogProofError) -> [MerkleHash] {
        var path: [MerkleHash] = []
        while let line = reader.next() {
            if line.isEmpty {
                return path
            }
            guard path.count < UInt64.bitWidth, let bytes = Base64.decode(Array(line).span),
                let hash = MerkleHash(bytes.span)
            else {
                throw .malformed(detail: "the path must be base64 hashes, one a line, at most 64")
            }
            path.append(hash)
        }
        throw .malformed(detail: "an empty line must follow the path")
    }
}

/// Why a tlog-proof was not accepted.
public enum TlogProofError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The text is not a tlog-proof in its canonical form.
    case malformed(detail: String)
    /// The checkpoint in it is malformed, of another log, or not signed by a trusted key.
    case checkpoint(NoteError)
    /// The path does not lead from the leaf to the signed root.
    case inclusion(ProofError)
    /// There is no record in the proof; verify with a leaf hash from elsewhere.
    case missingRecord

    /// One sentence for a person.
    public var description: String {
        switch self {
        case .malformed(let detail): "not a tlog-proof: \(detail)"
        case .checkpoint(let error): "the checkpoint of the proof: \(error)"
        case .inclusion(let error): "the inclusion path: \(error)"
        case .missingRecord: "the proof carries no record (no extra line)"
        }
    }
}
