/// A witness's statement that can be believed: at that time this was the largest tree of the log
/// that it had seen, and consistent with every one before.
///
/// There are two ways to one: ``Cosigner/cosign(_:timestampSeconds:)`` with the private key, and
/// ``CosignatureKey/verify(_:over:)``. A line that was only parsed is a ``NoteSignature``. It says
/// nothing about extension lines of the checkpoint, although it signs them.
///
/// Bytes: the time, u64 big-endian seconds since 1970; then the Ed25519 signature of
/// `cosignature/v1`, newline, `time <decimal>`, newline, and the checkpoint's text.
///
/// Reference: C2SP tlog-cosignature, "Format" and "Ed25519 signed message".
public struct Cosignature: Equatable, Sendable {
    /// Who has cosigned.
    public let key: CosignatureKey

    /// When, in seconds since 1970 UTC by the witness's clock.
    public let timestampSeconds: UInt64

    /// The line as it stands in a note.
    public let signature: NoteSignature

    /// The times that a cosignature can state.
    ///
    /// A witness must not leave the time out, which is what zero means.
    public static let timestamps: ClosedRange<UInt64> = 1...UInt64(Int64.max)

    /// The time and the signature.
    static let sizeBytes = 8 + 64

    /// What is signed.
    static func message(_ text: String, timestampSeconds: UInt64) -> [UInt8] {
        Array("cosignature/v1\ntime \(timestampSeconds)\n\(text)".utf8)
    }
}
