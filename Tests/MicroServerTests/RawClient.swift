import Glibc
import Testing

/// A client that sends bytes as they are, so that a test can also send what no client would.
///
/// `@unchecked Sendable`: a test uses it from one thread at a time.
final class RawClient: @unchecked Sendable {
    /// Nobody listens there.
    struct NoConnection: Error {
        let errno: Int32
    }

    private let descriptor: Int32
    private var buffer: [UInt8] = []

    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var patience = timeval(tv_sec: 30, tv_usec: 0)
        unsafe setsockopt(
            descriptor,
            SOL_SOCKET,
            SO_RCVTIMEO,
            &patience,
            socklen_t(MemoryLayout<timeval>.size)
        )
        unsafe setsockopt(
            descriptor,
            SOL_SOCKET,
            SO_SNDTIMEO,
            &patience,
            socklen_t(MemoryLayout<timeval>.size)
        )
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe connect(descriptor, address, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else {
            close(descriptor)
            throw NoConnection(errno: errno)
        }
    }

    deinit { close(descriptor) }

    /// Sends; false once the other side has gone.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes[sent...].withUnsafeBytes { rest in
                unsafe Glibc.send(
                    descriptor,
                    rest.baseAddress,
                    rest.count,
                    Int32(MSG_NOSIGNAL)
                )
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// A reply as it came.
    struct Reply {
        var status = 0
        var fields: [String: String] = [:]
        var body: [UInt8] = []
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    /// Reads one reply; nil if the connection ended before it was whole.
    func reply(hasBody: Bool = true) -> Reply? {
        guard let head = readLine(until: "\r\n\r\n") else { return nil }
        var lines = head.split(separator: "\r\n").map(String.init)
        var reply = Reply()
        reply.status = Int(lines.removeFirst().split(separator: " ")[1]) ?? 0
        for line in lines {
            let parts = line.split(separator: ": ", maxSplits: 1)
            reply.fields[parts[0].lowercased()] = parts.count > 1 ? String(parts[1]) : ""
        }
        let length = Int(reply.fields["content-length"] ?? "0") ?? 0
        guard hasBody, length > 0 else { return reply }
        while buffer.count < length { guard readMore() else { return nil } }
        reply.body = Array(buffer.prefix(length))
        buffer.removeFirst(length)
        return reply
    }

    /// Whether the other side has ended the connection, waiting for it; false if bytes come.
    func isEnded() -> Bool {
        buffer.isEmpty && !readMore()
    }

    /// Reads what comes until the end.
    func rest() -> [UInt8] {
        while readMore() {}
        defer { buffer = [] }
        return buffer
    }

    private func readLine(until mark: String) -> String? {
        let mark = Array(mark.utf8)
        while true {
            if buffer.count >= mark.count {
                for start in 0...(buffer.count - mark.count)
                where Array(buffer[start..<(start + mark.count)]) == mark {
                    let line = String(decoding: buffer[..<start], as: UTF8.self)
                    buffer.removeFirst(start + mark.count)
                    return line
                }
            }
            guard readMore() else { return nil }
        }
    }

    private func readMore() -> Bool {
        var piece = [UInt8](repeating: 0, count: 65536)
        let count = unsafe recv(descriptor, &piece, piece.count, 0)
        guard count > 0 else { return false }
        buffer += piece.prefix(count)
        return true
    }
}
