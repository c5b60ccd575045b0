internal import Platform

/// Where a fetched receipt goes.
enum ReceiptOutput {
    static let notPinned = "the signature is not checked, for no key is pinned: give --key"

    /// Writes a receipt to a file, or to standard output without a name or for `-`.
    static func write(
        _ bytes: [UInt8],
        to path: String?,
        _ console: Console
    )
        throws(CommandFailure)
    {
        guard let path, path != "-" else {
            console.result(bytes: bytes.span)
            if bytes.last != UInt8(ascii: "\n") { console.result("") }
            return
        }
        do throws(SystemError) {
            try FileSystem.writeDurably(bytes.span, to: path, permissions: 0o640)
        } catch {
            throw CommandFailure(error)
        }
    }
}
