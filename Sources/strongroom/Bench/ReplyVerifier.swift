internal import Cryptography
internal import EvidenceModel
internal import TransparencyLog

/// Verifies the replies that the load generator gets, each in full: the record commits to the
/// payload, the leaf is the record's, the path leads to the checkpoint's root, a trusted key signed
/// that.
///
/// Thread: the generator's.
struct ReplyVerifier {
    private let checker: ReceiptChecker
    private var scanner = ReceiptScanner()
    private var commitment: [UInt8] = []
    /// Checkpoints that were opened, by their bytes in a receipt.
    ///
    /// The replies of a batch share one, and
    /// come together.
    private var opened: [(escaped: [UInt8], checkpoint: Checkpoint)] = []

    private static let openedLimit = 8

    init(keys: [VerifierKey]) {
        checker = ReceiptChecker(keys: keys)
    }

    /// The size in a checkpoint whose signature is checked.
    func treeSize(_ note: String) throws(CommandFailure) -> UInt64 {
        try checker.checkpoint(note).size.value
    }

    /// Checks that a receipt is sound, and of what was sent or asked for.
    ///
    /// A failure is thrown with the exit code `verificationFailed`.
    mutating func verify(
        _ body: Span<UInt8>,
        _ expectation: LoadExpectation
    ) throws(CommandFailure) {
        guard scanner.scan(body) else { return try verifyInFull(body, expectation) }
        let place = scanner.checkpoint
        guard let checkpoint = opened.first(where: { Self.isEqual($0.escaped, body, place) })
        else {
            // The first receipt with a checkpoint is read in full, and the checkpoint remembered.
            return try verifyInFull(body, expectation)
        }
        try checkExpectation(expectation)
        try checkProof(checkpoint.checkpoint)
    }

    private mutating func checkExpectation(_ expectation: LoadExpectation) throws(CommandFailure) {
        switch expectation {
        case .appended(let digest, let size):
            // Exactly this stands in the record of that payload, and nowhere else: a quote in a
            // name or a label has a backslash before it.
            commitment.removeAll(keepingCapacity: true)
            commitment += #""payload":{"sha256":""#.utf8
            Hex.append(digest.bytes.span, to: &commitment)
            commitment += #"","size":"#.utf8
            commitment += String(size).utf8
            commitment.append(UInt8(ascii: "}"))
            guard Self.contains(scanner.record, commitment) else {
                throw mismatch(scanner.index)
            }
        case .receipt(let index):
            guard scanner.index == index else { throw wrongIndex(scanner.index, asked: index) }
        }
    }

    private func checkProof(_ checkpoint: Checkpoint) throws(CommandFailure) {
        let leaf = MerkleTree.leafHash(scanner.record.span)
        guard leaf == scanner.leafHash else {
            throw failure("record \(scanner.index): the leaf hash is not the record's")
        }
        guard checkpoint.size.value == scanner.treeSize else {
            throw failure("record \(scanner.index): the checkpoint is of another tree")
        }
        do throws(ProofError) {
            try InclusionProof.verify(
                leafHash: leaf,
                at: RecordIndex(scanner.index),
                in: checkpoint.size,
                path: scanner.proof,
                root: checkpoint.root
            )
        } catch {
            throw failure("record \(scanner.index): \(error)")
        }
    }

    private mutating func verifyInFull(
        _ body: Span<UInt8>,
        _ expectation: LoadExpectation
    ) throws(CommandFailure) {
        let checked = try checker.check(body)
        let index = checked.receipt.index.value
        switch expectation {
        case .appended(let digest, let size):
            guard let description = checked.description, description.payloadDigest == digest,
                description.payloadSize == UInt64(size)
            else { throw mismatch(index) }
        case .receipt(let asked):
            guard index == asked else { throw wrongIndex(index, asked: asked) }
        }
        guard scanner.scan(body) else { return }
        if opened.count >= Self.openedLimit { opened.removeLast() }
        let place = scanner.checkpoint
        opened.insert((place.map { body[$0] }, checked.checkpoint), at: 0)
    }

    private func mismatch(_ index: UInt64) -> CommandFailure {
        failure("record \(index) does not name the payload that was sent")
    }

    private func wrongIndex(_ index: UInt64, asked: UInt64) -> CommandFailure {
        failure("record \(asked) was asked for, and a receipt of \(index) came")
    }

    private func failure(_ detail: String) -> CommandFailure {
        CommandFailure(.verificationFailed, "a receipt does not verify: \(detail)")
    }

    private static func isEqual(_ known: [UInt8], _ body: Span<UInt8>, _ place: Range<Int>) -> Bool
    {
        guard known.count == place.count else { return false }
        // From the end: the signatures differ, while the origin is the same.
        for offset in known.indices.reversed()
        where known[offset] != body[place.lowerBound + offset] {
            return false
        }
        return true
    }

    private static func contains(_ text: [UInt8], _ part: [UInt8]) -> Bool {
        guard text.count >= part.count else { return false }
        for start in 0...(text.count - part.count) where text[start + 1] == part[1] {
            if text[start] == part[0], text[start..<start + part.count].elementsEqual(part) {
                return true
            }
        }
        return false
    }
}
