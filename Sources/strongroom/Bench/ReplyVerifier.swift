internal import EvidenceModel
internal import TransparencyLog

/// Verifies the replies that the load generator gets, each in full.
struct ReplyVerifier {
    private let checker: ReceiptChecker

    init(keys: [VerifierKey]) {
        checker = ReceiptChecker(keys: keys)
    }

    /// The size in a checkpoint whose signature is checked.
    func treeSize(_ note: String) throws(CommandFailure) -> UInt64 {
        try checker.checkpoint(note).size.value
    }

    /// Checks that a receipt is of what was sent or asked for.
    ///
    /// - Throws: exit code `verificationFailed`.
    func verify(_ body: Span<UInt8>, _ expectation: LoadExpectation) throws(CommandFailure) {
        let checked = try checker.check(body)
        switch expectation {
        case .appended(let digest, let size):
            guard let description = checked.description, description.payloadDigest == digest,
                description.payloadSize == UInt64(size)
            else {
                throw CommandFailure(
                    .verificationFailed,
                    "record \(checked.receipt.index) does not name the payload that was sent"
                )
            }
        case .receipt(let index):
            guard checked.receipt.index.value == index else {
                throw CommandFailure(
                    .verificationFailed,
                    "record \(index) was asked for, and a receipt of \(checked.receipt.index) came"
                )
            }
        }
    }
}
