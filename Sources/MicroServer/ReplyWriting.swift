internal import CMicroHTTPD
internal import HTTPMessage

/// Hands a reply to the library; false if it refuses, which closes the connection.
@unsafe func queueReply(
    _ response: Response,
    on handle: OpaquePointer,
    connection: Connection
) -> Bool {
    guard let reply = unsafe makeReply(response, connection: connection) else { return false }
    defer { unsafe MHD_destroy_response(reply) }
    unsafe response.fields.forEachCString { name, value in
        unsafe _ = MHD_add_response_header(reply, name, value)
    }
    return unsafe MHD_queue_response(handle, UInt32(response.status), reply) == .YES
}

@unsafe private func makeReply(_ response: Response, connection: Connection) -> OpaquePointer? {
    switch response.body {
    case .empty:
        return unsafe MHD_create_response_from_buffer(0, nil, .RESPMEM_PERSISTENT)
    case .bytes(let bytes) where bytes.count <= ServerConfiguration.wholeReplyBytes:
        // Copied by the library, so the pointer does not outlive the call.
        return unsafe bytes.withUnsafeBytes { buffer in
            unsafe MHD_create_response_from_buffer(
                buffer.count,
                UnsafeMutableRawPointer(mutating: buffer.baseAddress),
                .RESPMEM_MUST_COPY
            )
        }
    case .bytes(let bytes):
        return unsafe makeStream(
            MemoryReader(bytes),
            lengthBytes: UInt64(bytes.count),
            connection: connection
        )
    case .stream(let length, let reader):
        return unsafe makeStream(reader, lengthBytes: length, connection: connection)
    }
}

@unsafe private func makeStream(
    _ reader: any BodyReader,
    lengthBytes: UInt64,
    connection: Connection
) -> OpaquePointer? {
    let stream = unsafe Unmanaged.passRetained(ReplyStream(reader, connection: connection))
    let block = Int(min(UInt64(ServerConfiguration.streamBlockBytes), max(lengthBytes, 1)))
    // The library owns the stream from here on and gives it back to `releaseStream`.
    let reply = unsafe MHD_create_response_from_callback(
        lengthBytes,
        block,
        readStream,
        stream.toOpaque(),
        releaseStream
    )
    if unsafe reply == nil { unsafe stream.release() }
    return unsafe reply
}

/// A body on its way out.
private final class ReplyStream {
    private let reader: any BodyReader
    private let connection: Connection

    init(_ reader: any BodyReader, connection: Connection) {
        self.reader = reader
        self.connection = connection
    }

    /// Fills a block; nil if the body cannot go on.
    @unsafe func read(into block: UnsafeMutableRawBufferPointer) -> Int? {
        // The length was promised, so an end before it is an interruption too.
        guard let count = try? unsafe reader.read(into: block), count > 0 else {
            connection.replyInterrupted()
            return nil
        }
        connection.replyProgress(pieceBytes: count)
        return count
    }
}

/// Bytes in memory as a stream, so that a large reply is not copied whole.
///
/// `@unchecked Sendable`: one thread at a time reads a body.
private final class MemoryReader: BodyReader, @unchecked Sendable {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let end = min(bytes.count, position + buffer.count)
        unsafe bytes[position..<end].withUnsafeBytes { unsafe buffer.copyMemory(from: $0) }
        defer { position = end }
        return end - position
    }
}

private func readStream(
    context: UnsafeMutableRawPointer?,
    position: UInt64,
    buffer: UnsafeMutablePointer<CChar>?,
    capacity: Int
) -> Int {
    guard let context = unsafe context, let buffer = unsafe buffer else { return -2 }
    let stream = unsafe Unmanaged<ReplyStream>.fromOpaque(context).takeUnretainedValue()
    let block = unsafe UnsafeMutableRawBufferPointer(start: buffer, count: capacity)
    // MHD_CONTENT_READER_END_WITH_ERROR, a cast that Swift cannot import, closes the connection.
    return unsafe stream.read(into: block) ?? -2
}

private func releaseStream(context: UnsafeMutableRawPointer?) {
    guard let context = unsafe context else { return }
    unsafe Unmanaged<ReplyStream>.fromOpaque(context).release()
}
