internal import EvidenceModel
internal import Platform
internal import TransparencyLog

/// Reads a log from a server, in the forms of C2SP tlog-tiles; nothing that it gives is believed.
///
/// Thread: one at a time.
final class LogReader {
    private let connection: APIConnection
    private let retry: Retry

    /// A full bundle of the largest records.
    private static let maximumBodyBytes = 256 * (EntryBundle.maximumEntryBytes + 2)

    /// Tries four times, within a second or two: the next look comes anyway.
    init(_ connection: APIConnection, retry: Retry = Retry(attempts: 4)) {
        self.connection = connection
        self.retry = retry
    }

    /// Where the log is read from.
    var server: String { "\(connection.address)" }

    /// The newest checkpoint, as it is shown.
    func checkpoint() throws(CommandFailure) -> String {
        let bytes = try read("/checkpoint", maximumBytes: SignedNote.maximumBytes)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandFailure(.verificationFailed, "the checkpoint at \(server) is not text")
        }
        return text
    }

    /// Records `range`, which are those of one bundle up to the end of a tree.
    ///
    /// Nil if what is served is no bundle of so many.
    func entries(
        _ bundle: EntryBundleCoordinate
    ) throws(CommandFailure) -> [[UInt8]]? {
        let full = bundle.isFull ? nil : EntryBundleCoordinate(index: bundle.index)
        if let bytes = try readCovered(bundle.path, mayBeGone: !bundle.isFull) {
            return try? EntryBundle.decode(bytes.span, count: bundle.width)
        }
        // A log may forget a partial bundle once there is the full one.
        guard let full, let bytes = try readCovered(full.path, mayBeGone: false),
            let entries = try? EntryBundle.decode(bytes.span, count: full.width)
        else { return nil }
        return Array(entries.prefix(bundle.width))
    }

    /// The hashes of a tile; nil if what is served is no tile of that width.
    func tile(_ tile: TileCoordinate) throws(CommandFailure) -> [MerkleHash]? {
        if let bytes = try readCovered(tile.path, mayBeGone: !tile.isFull) {
            return try? TileHashes.decode(bytes.span, width: tile.width)
        }
        guard let full = TileCoordinate(level: tile.level, index: tile.index),
            let bytes = try readCovered(full.path, mayBeGone: false),
            let hashes = try? TileHashes.decode(bytes.span, width: full.width)
        else { return nil }
        return Array(hashes.prefix(tile.width))
    }

    /// Reads what the checkpoint covers: that it is not there is no answer.
    private func readCovered(
        _ path: String,
        mayBeGone: Bool
    ) throws(CommandFailure) -> [UInt8]? {
        do throws(CommandFailure) {
            return try read("/" + path, maximumBytes: Self.maximumBodyBytes)
        } catch {
            guard error.code == .notFound else { throw error }
            if mayBeGone { return nil }
            throw CommandFailure(
                .verificationFailed,
                "\(server) does not serve \(path), which its own signed checkpoint covers",
                advice: "ask the log's operator; records that are withheld cannot be judged"
            )
        }
    }

    private func read(_ path: String, maximumBytes: Int) throws(CommandFailure) -> [UInt8] {
        let body = Body()
        let reply: APIReply
        do throws(TransportFailure) {
            reply = try retry.run { () throws(TransportFailure) in
                body.bytes.removeAll(keepingCapacity: true)
                return try connection.send(APIRequest(path: RequestPath(path))) {
                    (piece) throws(CommandFailure) in
                    guard body.bytes.count + piece.count <= maximumBytes else {
                        throw CommandFailure(
                            .verificationFailed,
                            "\(path) is served with more than \(maximumBytes) bytes"
                        )
                    }
                    unsafe piece.withUnsafeBufferPointer {
                        unsafe body.bytes.append(contentsOf: $0)
                    }
                }
            }
        } catch {
            throw CommandFailure(error, connection.address)
        }
        guard reply.isSuccess else { throw Problem(reply).failure(path) }
        return body.bytes
    }

    /// What has come of a body; for the request's thread.
    private final class Body {
        var bytes: [UInt8] = []
    }
}
