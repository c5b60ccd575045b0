internal import CMicroHTTPD
internal import Platform

/// Sockets that were answered and shut for writing while their clients may still be sending.
///
/// A plain close would answer what arrives with a reset, which can destroy the reply before the
/// client has read it; so what arrives is read and dropped for a while. Bounded in number, bytes
/// and time.
final class Lingering: Sendable {
    private struct Socket {
        let descriptor: Int32
        let sinceMilliseconds: UInt64?
        var leftBytes: Int
    }

    private static let maximumSockets = 256
    private static let maximumBytes = 64 << 20
    private static let maximumMilliseconds: UInt64 = 5000

    private let sockets = Mutex<[Socket]>([])

    /// Takes a duplicate of a socket that the library closes now; -1 is ignored.
    func take(_ descriptor: Int32) {
        guard descriptor >= 0 else { return }
        let taken = sockets.withLock { list in
            guard list.count < Self.maximumSockets else { return false }
            list.append(
                Socket(
                    descriptor: descriptor,
                    sinceMilliseconds: nil,
                    leftBytes: Self.maximumBytes
                )
            )
            return true
        }
        if !taken { net_close(descriptor) }
    }

    /// What to wait for.
    var descriptors: [Int32] { sockets.withLock { list in list.map(\.descriptor) } }

    /// Reads what has come and closes what is done.
    func drain(nowMilliseconds: UInt64) {
        sockets.withLock { list in
            list = list.compactMap { socket in
                let count = net_discard(socket.descriptor, min(socket.leftBytes, 4 << 20))
                let since = socket.sinceMilliseconds ?? nowMilliseconds
                let left = socket.leftBytes - max(0, Int(count))
                guard count >= 0, left > 0,
                    nowMilliseconds < since + Self.maximumMilliseconds
                else {
                    net_close(socket.descriptor)
                    return nil
                }
                return Socket(
                    descriptor: socket.descriptor,
                    sinceMilliseconds: since,
                    leftBytes: left
                )
            }
        }
    }

    /// Closes all.
    func closeAll() {
        sockets.withLock { list in
            for socket in list { net_close(socket.descriptor) }
            list = []
        }
    }
}
