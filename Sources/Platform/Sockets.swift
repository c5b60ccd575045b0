internal import Glibc

/// A connected TCP socket that never blocks; closed with the last reference.
///
/// For the load generator, where the cost of a request matters; other clients use a real HTTP
/// library.
///
/// Thread: one at a time.
package final class StreamSocket {
    private let descriptor: Int32
    private let peer: String

    /// What a call on the socket came to.
    package enum Outcome: Equatable, Sendable {
        /// So many bytes were moved.
        case moved(Int)
        /// Nothing can be moved now; the poll says when.
        case wouldBlock
        /// The peer has closed its side.
        case closed
    }

    /// Connects, trying each address that the host's name stands for.
    ///
    /// - Throws: The last address's error.
    /// Reference: getaddrinfo(3), connect(2), TCP_NODELAY in tcp(7).
    package init(host: String, port: UInt16) throws(SystemError) {
        peer = "\(host):\(port)"
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = unsafe getaddrinfo(host, String(port), &hints, &list)
        guard status == 0 else {
            throw SystemError(operation: "look up", path: host, errno: .notFound)
        }
        defer { unsafe freeaddrinfo(list) }
        var failure = Errno.notFound
        var candidate = unsafe list
        while let address = unsafe candidate {
            if let connected = unsafe Self.connect(address, failure: &failure) {
                descriptor = connected
                return
            }
            unsafe candidate = address.pointee.ai_next
        }
        throw SystemError(operation: "connect to", path: peer, errno: failure)
    }

    deinit { _ = close(descriptor) }

    private static func connect(
        _ address: UnsafeMutablePointer<addrinfo>,
        failure: inout Errno
    )
        -> Int32?
    {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = unsafe socket(address.pointee.ai_family, kind, 0)
        guard descriptor >= 0 else {
            failure = .current
            return nil
        }
        guard
            unsafe Glibc.connect(descriptor, address.pointee.ai_addr, address.pointee.ai_addrlen)
                == 0
        else {
            failure = .current
            _ = close(descriptor)
            return nil
        }
        var on: Int32 = 1
        unsafe _ = setsockopt(
            descriptor,
            Int32(IPPROTO_TCP),
            TCP_NODELAY,
            &on,
            socklen_t(MemoryLayout<Int32>.size)
        )
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0 else {
            failure = .current
            _ = close(descriptor)
            return nil
        }
        return descriptor
    }

    /// Sends what fits now of `bytes`, beginning at `start`.
    package func send(_ bytes: [UInt8], from start: Int) throws(SystemError) -> Outcome {
        while true {
            let count = unsafe bytes[start...].withUnsafeBytes { part in
                unsafe Glibc.send(
                    descriptor,
                    part.baseAddress,
                    part.count,
                    Int32(MSG_NOSIGNAL)
                )
            }
            if count >= 0 { return .moved(count) }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            case EPIPE, ECONNRESET: return .closed
            default: throw SystemError(operation: "send to", path: peer, errno: .current)
            }
        }
    }

    /// Receives what is there now into `buffer`, from `start` to its end.
    package func receive(
        into buffer: inout [UInt8],
        from start: Int
    ) throws(SystemError) -> Outcome {
        precondition(start < buffer.count, "no room to receive into")
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { space in
                unsafe recv(
                    descriptor,
                    space.baseAddress.map { unsafe $0 + start },
                    space.count - start,
                    0
                )
            }
            if count > 0 { return .moved(count) }
            if count == 0 { return .closed }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            case ECONNRESET: return .closed
            default: throw SystemError(operation: "receive from", path: peer, errno: .current)
            }
        }
    }

    /// For `SocketPoll`.
    var rawDescriptor: Int32 { descriptor }
}
