internal import Cryptography
internal import Platform

/// A payload that is ready to be sent: its digest is known, and its bytes can be read again.
struct PreparedPayload: Sendable {
    /// Smaller ones are read once and sent from memory: what is sent is what was hashed.
    static let memoryLimitBytes: UInt64 = 1 << 20

    let identity: PayloadIdentity
    let body: APIRequest.Body

    /// Reads and hashes an item.
    ///
    /// - Throws: `refused` if the file changed meanwhile, and what reading it gives.
    static func of(_ source: PutItem.Source) throws(CommandFailure) -> PreparedPayload {
        do throws(SystemError) {
            switch source {
            case .standardInput:
                return try ofStandardInput()
            case .file(let path):
                guard let prepared = try ofFile(path) else {
                    throw SystemError(operation: "read", path: path, errno: .busy)
                }
                return prepared
            }
        } catch {
            if error.errno == .busy {
                throw CommandFailure(
                    .refused,
                    "\(error.path) changed while it was read",
                    advice: "push it when nothing writes to it any more"
                )
            }
            throw CommandFailure(error)
        }
    }

    /// Nil: the file changed.
    private static func ofFile(_ path: String) throws(SystemError) -> PreparedPayload? {
        let file = try File(path, .read)
        let size = try file.sizeBytes()
        if size <= memoryLimitBytes {
            // One byte more than there should be shows a file that grows.
            let bytes = try file.read(count: Int(size) + 1, at: 0)
            guard bytes.count == Int(size) else { return nil }
            let identity = PayloadIdentity(digest: SHA256.hash(bytes.span), sizeBytes: size)
            return PreparedPayload(identity: identity, body: .bytes(bytes))
        }
        let before = try FileSystem.information(following: path)
        let identity = try PayloadDigest.of(file)
        let after = try FileSystem.information(following: path)
        guard identity.sizeBytes == size, let before, let after,
            before.modifiedNanoseconds == after.modifiedNanoseconds,
            before.sizeBytes == after.sizeBytes
        else { return nil }
        return PreparedPayload(
            identity: identity,
            body: .file(PayloadFile(file), sizeBytes: size)
        )
    }

    /// Keeps standard input in a file without a name: its digest goes into the request's head.
    private static func ofStandardInput() throws(SystemError) -> PreparedPayload {
        let path = "\(Environment.temporaryDirectory())/strongroom-\(TemporaryName.make())"
        let file = try File(path, .create(permissions: 0o600))
        try FileSystem.unlink(path)
        var hasher = SHA256Hasher()
        var size: UInt64 = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = try StandardStream.readInput(into: &buffer)
            if count == 0 { break }
            hasher.update(buffer.span.extracting(first: count))
            try file.write(buffer.span.extracting(first: count), at: size)
            size += UInt64(count)
        }
        return PreparedPayload(
            identity: PayloadIdentity(digest: hasher.finalize(), sizeBytes: size),
            body: .file(PayloadFile(file), sizeBytes: size)
        )
    }
}
