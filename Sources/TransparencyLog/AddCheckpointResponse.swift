internal import Cryptography

/// What a witness answers to an ``AddCheckpointRequest``.
///
/// Parsed, but not trusted: a cosignature counts once ``CosignatureKey/verify(_:over:)`` has
/// confirmed it.
///
/// Reference: C2SP tlog-witness, "add-checkpoint".
public enum AddCheckpointResponse: Equatable, Sendable {
    /// 200: lines to be added to the checkpoint; at least one.
    case cosigned([NoteSignature])
    /// 409: the witness has cosigned this size last; ask again with a proof from there.
    case conflict(TreeSize)
    /// The request is refused for good.
    case refused(Refusal, detail: String)
    /// Any other status: the witness is limiting, overloaded, full or broken; ask again later.
    case failed(status: Int, detail: String)

    /// A refusal that asking again does not change; the raw value is the status.
    public enum Refusal: Int, CaseIterable, Sendable {
        /// The request is malformed, or its old size is larger than the checkpoint's.
        case malformed = 400
        /// No trusted key has signed the checkpoint, or one that is claimed has not.
        case untrusted = 403
        /// The witness does not follow this log.
        case unknownLog = 404
        /// The checkpoint is not consistent with the one that was cosigned last.
        case inconsistent = 422
    }

    /// The largest response that is read.
    public static let maximumBytes = SignedNote.maximumBytes

    /// The longest `detail`.
    static let maximumDetailBytes = 500

    /// What `Content-Type` says of a size.
    public static let sizeMediaType = "text/x.tlog.size"

    /// Reads a response.
    ///
    /// `contentType` is the field of that name; only a 409 needs one.
    ///
    /// - Throws: ``AddCheckpointError`` when a 200 or a 409 is not in its canonical form.
    public init(
        status: Int,
        contentType: String?,
        body: [UInt8]
    ) throws(AddCheckpointError) {
        guard body.count <= Self.maximumBytes else {
            throw .malformed(detail: "the response is larger than \(Self.maximumBytes) bytes")
        }
        switch status {
        case 200: self = .cosigned(try Self.lines(body))
        case 409:
            guard Self.isSize(contentType), body.last == UInt8(ascii: "\n"),
                let size = Decimal.parse(body.dropLast())
            else {
                throw .malformed(
                    detail: "a 409 must have a size of type \(Self.sizeMediaType), in decimal"
                )
            }
            self = .conflict(TreeSize(size))
        default:
            let detail = Self.detail(body)
            if let refusal = Refusal(rawValue: status) {
                self = .refused(refusal, detail: detail)
            } else {
                self = .failed(status: status, detail: detail)
            }
        }
    }

    /// The status of the response.
    public var status: Int {
        switch self {
        case .cosigned: 200
        case .conflict: 409
        case .refused(let refusal, _): refusal.rawValue
        case .failed(let status, _): status
        }
    }

    /// The value of `Content-Type`.
    public var contentType: String {
        if case .conflict = self { return Self.sizeMediaType }
        return "text/plain; charset=utf-8"
    }

    /// The body of the response.
    public var body: [UInt8] {
        switch self {
        case .cosigned(let signatures): signatures.flatMap { Array($0.line.utf8) }
        case .conflict(let size): Array("\(size)\n".utf8)
        case .refused(_, let detail), .failed(_, let detail): Array((detail + "\n").utf8)
        }
    }

    private static func lines(_ body: [UInt8]) throws(AddCheckpointError) -> [NoteSignature] {
        var reader = LineReader(body[...])
        var signatures: [NoteSignature] = []
        while let line = reader.next() {
            guard signatures.count < SignedNote.maximumSignatures else {
                throw .checkpoint(.tooManySignatures(limit: SignedNote.maximumSignatures))
            }
            do {
                signatures.append(try NoteSignature(parsingLine: line))
            } catch {
                throw .checkpoint(error)
            }
        }
        guard !signatures.isEmpty, reader.rest.isEmpty else {
            throw .malformed(detail: "a 200 must have lines that end with a newline")
        }
        return signatures
    }

    /// Whether a field says that a size follows; parameters do not matter.
    private static func isSize(_ contentType: String?) -> Bool {
        let type = contentType?.prefix { $0 != ";" && $0 != " " && $0 != "\t" }
        return type?.lowercased() == sizeMediaType
    }

    /// What a stranger says of a failure, fit for a message: one line without control characters.
    private static func detail(_ body: [UInt8]) -> String {
        let text = String(decoding: body.prefix(maximumDetailBytes), as: UTF8.self)
        var harmless = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isControl = scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
            harmless.append(isControl ? " " : scalar)
        }
        while harmless.last == " " { harmless.removeLast() }
        return String(harmless)
    }
}

extension MerkleHash {
    /// Reads a line of a proof: canonical base64 of 32 bytes.
    init?(line: ArraySlice<UInt8>) {
        guard let bytes = Base64.decode(Array(line).span) else { return nil }
        self.init(bytes.span)
    }
}
