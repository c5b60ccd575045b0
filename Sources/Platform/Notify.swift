internal import Glibc

/// Tells the service manager how this process is doing.
///
/// One datagram a message to the socket named in `NOTIFY_SOCKET`; without it nothing happens.
/// Reference: sd_notify(3).
package enum ServiceManager {
    /// Ready to serve; `status` is shown by `systemctl status`.
    package static func notifyReady(status: String) { send("READY=1\nSTATUS=\(status)\n") }

    /// On the way out.
    package static func notifyStopping() { send("STOPPING=1\nSTATUS=draining\n") }

    /// Sends one message; losing it is not worth an error.
    private static func send(_ message: String) {
        guard let path = Environment.value("NOTIFY_SOCKET"), !path.isEmpty else { return }
        var name = Array(path.utf8)
        // "@name" is an abstract socket: its address starts with a NUL byte.
        if name[0] == UInt8(ascii: "@") { name[0] = 0 }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let fits = unsafe withUnsafeMutableBytes(of: &address.sun_path) { space in
            guard name.count < space.count else { return false }
            unsafe space.copyBytes(from: name)
            return true
        }
        guard fits else { return }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { _ = close(descriptor) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        let bytes = Array(message.utf8)
        unsafe bytes.withUnsafeBytes { buffer in
            unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                    unsafe _ = sendto(
                        descriptor,
                        buffer.baseAddress,
                        buffer.count,
                        Int32(MSG_NOSIGNAL),
                        generic,
                        length
                    )
                }
            }
        }
    }
}
