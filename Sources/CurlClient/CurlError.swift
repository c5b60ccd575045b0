internal import CCurl

/// Why there is no response, named by what the caller can do about it.
package enum CurlError: Error, Equatable, Sendable {
    /// No connection came about; the request was not sent, and can be sent again.
    case unreachable(detail: String)
    /// The connection was lost before the response was whole. The server may have acted on the
    /// request: send it again only if it has an idempotency key.
    case connectionLost(detail: String)
    /// The time ran out after the request was begun; as for `connectionLost`.
    case timedOut(detail: String)
    /// The server's certificate was refused, or it does not speak TLS.
    case tlsFailed(detail: String)
    /// A closure of the caller threw; `HTTPClient.callbackError` has the error.
    case aborted
    /// The body that was to be collected is larger than the limit.
    case responseTooLarge(limitBytes: Int)
    /// The server's answer is not HTTP.
    case protocolError(detail: String)
    /// The request cannot be sent as it is: bad URL, method or field.
    case invalidRequest(detail: String)

    /// `wasConnected`: whether the connection, with TLS if any, came about.
    init(code: CURLcode, detail: String, wasConnected: Bool) {
        switch code {
        case CURLE_OPERATION_TIMEDOUT:
            self = wasConnected ? .timedOut(detail: detail) : .unreachable(detail: detail)
        case CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY,
            CURLE_INTERFACE_FAILED:
            self = .unreachable(detail: detail)
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_CIPHER, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR,
            CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_PINNEDPUBKEYNOTMATCH,
            CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED:
            self = .tlsFailed(detail: detail)
        case CURLE_WRITE_ERROR, CURLE_ABORTED_BY_CALLBACK, CURLE_READ_ERROR:
            self = .aborted
        // Once connected, an unsupported protocol is an answer of HTTP/0.9: no header at all.
        case CURLE_UNSUPPORTED_PROTOCOL where wasConnected:
            self = .protocolError(detail: detail)
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_BAD_FUNCTION_ARGUMENT:
            self = .invalidRequest(detail: detail)
        case CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE,
            CURLE_SEND_FAIL_REWIND:
            self = .connectionLost(detail: detail)
        default:
            self = .protocolError(detail: detail)
        }
    }
}

extension CurlError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreachable(let detail): "cannot reach the server: \(detail)"
        case .connectionLost(let detail): "the connection was lost: \(detail)"
        case .timedOut(let detail): "the server did not answer in time: \(detail)"
        case .tlsFailed(let detail): "no secure connection to the server: \(detail)"
        case .aborted: "the transfer was broken off"
        case .responseTooLarge(let limitBytes): "the response exceeds \(limitBytes) bytes"
        case .protocolError(let detail): "the server's answer is not HTTP: \(detail)"
        case .invalidRequest(let detail): "the request cannot be sent: \(detail)"
        }
    }
}
