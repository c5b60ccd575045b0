internal import CurlClient
internal import Platform

/// A connection to a Strongroom server, kept between requests.
///
/// Thread: one at a time.
final class APIConnection {
    let address: ServerAddress
    private let client: HTTPClient
    private let token: String?

    /// `silenceSeconds`: how long the server may work without a byte of its answer.
    init(_ address: ServerAddress, token: String?, silenceSeconds: Int = 60) {
        self.address = address
        self.token = token
        var options = HTTPClient.Options(userAgent: "strongroom/\(VersionCommand.version)")
        options.lowSpeed = HTTPClient.LowSpeed(bytesPerSecond: 1, seconds: silenceSeconds)
        client = HTTPClient(baseURL: address.description, options: options)
    }

    /// Sends a request once and waits for the answer, whatever its status.
    ///
    /// `sink` takes the body of a success piece by piece; without it the reply has the body. `sent`
    /// is told how many more bytes of the request's body are on their way. After `lost` the server
    /// may or may not have acted; `abandoned` says that `sink`, or reading the file to be sent,
    /// failed.
    func send(
        _ request: APIRequest,
        sink: ((Span<UInt8>) throws(CommandFailure) -> Void)? = nil,
        sent: ((UInt64) -> Void)? = nil
    ) throws(TransportFailure) -> APIReply {
        var fields = request.fields.map { ($0.name, $0.value) }
        if let token { fields.append(("Authorization", "Bearer \(token)")) }
        let message = ClientRequest(
            method: request.method.rawValue,
            url: request.path.text,
            fields: fields,
            body: Self.body(request.body, sent)
        )
        do throws(CurlError) {
            let response = try client.perform(message, receive: sink)
            if case .bytes(let bytes) = request.body { sent?(UInt64(bytes.count)) }
            return APIReply(
                status: response.status,
                fields: response.fields.all.map { ($0.name, $0.value) },
                body: response.body
            )
        } catch {
            throw failure(error)
        }
    }

    private static func body(
        _ body: APIRequest.Body,
        _ sent: ((UInt64) -> Void)?
    )
        -> ClientRequest.Body
    {
        switch body {
        case .none: return .none
        case .bytes(let bytes): return .bytes(bytes)
        case .file(let file, let size):
            var offset: UInt64 = 0
            return unsafe .stream(lengthBytes: size) { buffer in
                let wanted = min(UInt64(buffer.count), size - offset)
                let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(wanted)])
                let count = unsafe try file.read(into: part, at: offset)
                // The length is announced; a shorter file must not leave the server waiting.
                guard count == part.count else {
                    throw CommandFailure(
                        .refused,
                        "\(file.path) became shorter while it was read",
                        advice: "push it when nothing writes to it any more"
                    )
                }
                offset += UInt64(count)
                sent?(UInt64(count))
                return count
            }
        }
    }

    private func failure(_ error: CurlError) -> TransportFailure {
        switch error {
        case .unreachable(let detail): return .unreachable(detail)
        case .connectionLost(let detail), .timedOut(let detail): return .lost(detail)
        case .aborted:
            if let failure = client.callbackError as? CommandFailure { return .abandoned(failure) }
            if let failure = client.callbackError as? SystemError {
                return .abandoned(CommandFailure(failure))
            }
            return .abandoned(CommandFailure(.bug, "a transfer was broken off without a reason"))
        case .tlsFailed, .responseTooLarge, .protocolError:
            let advice = "see that --server names a Strongroom server"
            return .abandoned(CommandFailure(.tryAgain, "\(address): \(error)", advice: advice))
        case .invalidRequest:
            return .abandoned(CommandFailure(.bug, "\(error)"))
        }
    }
}
