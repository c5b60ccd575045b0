internal import CMicroHTTPD
internal import Platform
internal import Synchronization

/// One thread of the library with its connections.
///
/// `@unchecked Sendable`: `daemon` is written once by `start`, before any connection is added.
@safe final class Worker: @unchecked Sendable {
    let context: ServerContext
    private var daemon: OpaquePointer?

    /// The open connections; each knows its place, so that one is taken out at once.
    private let connections = Mutex<[Connection]>([])
    /// Connections handed to the library that its thread has not taken up yet.
    private let pending = Atomic<Int>(0)
    private let openCount = Atomic<Int>(0)
    private let resumesInFlight = Atomic<Int>(0)

    init(context: ServerContext) {
        self.context = context
    }

    /// Starts the thread.
    func start() throws(ServerError) {
        unsafe daemon = mhd_start_worker(
            handleRequest,
            Unmanaged.passUnretained(self).toOpaque(),
            beginRequest,
            endRequest,
            notifyConnection,
            // A little above our own limit: the library counts a connection until just after we
            // stop.
            UInt32(ServerConfiguration.maximumConnectionsPerThread + 4),
            ServerConfiguration.connectionMemoryBytes
        )
        guard unsafe daemon != nil else { throw .noResources }
    }

    /// Open connections, those on their way included.
    var load: Int { openCount.load(ordering: .relaxed) + pending.load(ordering: .relaxed) }

    /// Hands an accepted socket to the thread.
    func add(_ client: inout net_client) {
        // Back to zero in `register`; before it, or the count could be taken down first.
        pending.add(1, ordering: .relaxed)
        if unsafe mhd_add_client(daemon, &client) == 0 {
            // The library has closed the socket.
            pending.subtract(1, ordering: .relaxed)
        }
    }

    /// Stops the thread; all connections must be gone.
    func stop() {
        while resumesInFlight.load(ordering: .acquiring) > 0 { Clock.sleep(milliseconds: 1) }
        unsafe MHD_stop_daemon(daemon)
        unsafe daemon = nil
    }

    // MARK: Connections

    func register(_ connection: Connection) {
        connections.withLock { list in
            connection.slot = list.count
            list.append(connection)
        }
        openCount.add(1, ordering: .relaxed)
        pending.subtract(1, ordering: .relaxed)
    }

    /// The library is about to close the connection; from here on nobody else touches its socket.
    func connectionClosing(_ connection: Connection) {
        connections.withLock { list in
            let last = list.count - 1
            list.swapAt(connection.slot, last)
            list[connection.slot].slot = connection.slot
            list.removeLast()
        }
        openCount.subtract(1, ordering: .relaxed)
        // Closing while bytes wait unread would reset the connection and could take the reply with
        // it.
        guard !connection.isKicked,
            connection.repliedEarly || net_unread_bytes(connection.descriptor) > 0
        else { return }
        context.lingering.take(net_duplicate(connection.descriptor))
    }

    /// Wakes a suspended connection, from any thread.
    func resume(_ connection: Connection) {
        resumesInFlight.add(1, ordering: .relaxed)
        unsafe MHD_resume_connection(connection.handle)
        resumesInFlight.subtract(1, ordering: .releasing)
    }

    // MARK: Deadlines; all under the lock, so that no descriptor is closed and reused meanwhile

    /// Ends the connections whose time is over, and those that their clients have ended.
    func sweep(_ deadlines: Deadlines, nowMilliseconds: UInt64) {
        connections.withLock { list in
            for connection in list {
                let activity = connection.activity
                let isOver = deadlines.isOver(
                    activity,
                    bytes: connection.pieceBytes,
                    nowMilliseconds: nowMilliseconds,
                    window: &connection.window
                )
                if isOver, activity.phase == .idle {
                    // A request that is just arriving is still answered.
                    net_shutdown_reading(connection.descriptor)
                } else if isOver {
                    context.timedOut.increment()
                    connection.kick()
                } else if activity.isWaiting(nowMilliseconds: nowMilliseconds),
                    net_has_ended(connection.descriptor) != 0
                {
                    // The library overlooks an end that comes together with the last bytes.
                    connection.kick()
                }
            }
        }
    }

    /// Ends the connection that is worth least; false if there is none.
    func evictOne(nowMilliseconds: UInt64) -> Bool {
        connections.withLock { list in
            var worst: (connection: Connection, rank: Dispensability)?
            for connection in list where !connection.isKicked {
                guard
                    let rank = Dispensability(
                        connection.activity,
                        servedBefore: connection.hasServed,
                        bytes: connection.pieceBytes,
                        nowMilliseconds: nowMilliseconds
                    )
                else { continue }
                if worst.map({ $0.rank < rank }) ?? true { worst = (connection, rank) }
            }
            guard let worst else { return false }
            context.evicted.increment()
            worst.connection.kick()
            return true
        }
    }

    /// Ends the connections that have waited for a request for a while.
    func closeIdle(sinceMilliseconds limit: UInt64, nowMilliseconds: UInt64) {
        connections.withLock { list in
            for connection in list {
                let activity = connection.activity
                guard activity.phase == .idle || activity.phase == .fresh,
                    nowMilliseconds >= activity.sinceMilliseconds + limit
                else { continue }
                net_shutdown_reading(connection.descriptor)
            }
        }
    }

    /// Ends all connections; those that wait for a reply get none.
    func abortAll() {
        connections.withLock { list in
            for connection in list {
                connection.kick()
                connection.abortReply()
            }
        }
    }
}
