internal import CLinux
internal import Glibc

/// Says which of many sockets can go on.
///
/// Level-triggered. Thread: one at a time.
/// Reference: epoll(7).
@safe package final class SocketPoll {
    private let descriptor: Int32
    private let events: UnsafeMutableBufferPointer<epoll_event>

    /// What to wait for on a socket.
    package enum Interest: Sendable {
        case readable
        case readableAndWritable
    }

    package init(capacity: Int = 256) throws(SystemError) {
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0 else {
            throw SystemError(operation: "make", path: "epoll", errno: .current)
        }
        unsafe events = .allocate(capacity: capacity)
        unsafe events.initialize(repeating: epoll_event())
    }

    deinit {
        if descriptor >= 0 {
            _ = close(descriptor)
            unsafe events.deallocate()
        }
    }

    /// Starts watching a socket; `tag` names it in `wait`.
    package func add(_ socket: StreamSocket, tag: UInt64, _ interest: Interest) throws(SystemError)
    {
        try control(EPOLL_CTL_ADD, socket, tag: tag, interest)
    }

    /// Changes what is waited for.
    package func change(
        _ socket: StreamSocket,
        tag: UInt64,
        _ interest: Interest
    )
        throws(SystemError)
    {
        try control(EPOLL_CTL_MOD, socket, tag: tag, interest)
    }

    private func control(
        _ operation: Int32,
        _ socket: StreamSocket,
        tag: UInt64,
        _ interest: Interest
    ) throws(SystemError) {
        var event = unsafe epoll_event()
        unsafe event.events =
            switch interest {
            case .readable: EPOLLIN.rawValue
            case .readableAndWritable: EPOLLIN.rawValue | EPOLLOUT.rawValue
            }
        unsafe event.data.u64 = tag
        guard unsafe epoll_ctl(descriptor, operation, socket.rawDescriptor, &event) == 0 else {
            throw SystemError(operation: "watch", path: "socket", errno: .current)
        }
    }

    /// Waits until some socket can go on; `tags` becomes those that can, at most `capacity`.
    ///
    /// The array keeps its room, so that a loop allocates nothing.
    package func wait(timeoutMilliseconds: Int32, tags: inout [UInt64]) throws(SystemError) {
        tags.removeAll(keepingCapacity: true)
        let count = unsafe epoll_wait(
            descriptor,
            events.baseAddress,
            Int32(events.count),
            timeoutMilliseconds
        )
        if count < 0 {
            if errno == EINTR { return }
            throw SystemError(operation: "wait on", path: "epoll", errno: .current)
        }
        for index in 0..<Int(count) { unsafe tags.append(events[index].data.u64) }
    }
}
