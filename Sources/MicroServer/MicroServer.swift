internal import CMicroHTTPD
package import HTTPMessage
internal import Platform
internal import Synchronization

/// An HTTP/1.1 server over libmicrohttpd.
///
/// A doorman thread accepts and keeps deadlines; worker threads read, run the application and
/// write. An exchange whose reply is not ready holds no thread: its connection is suspended until
/// the `Responder` is used.
///
/// Reference: RFC 9110, RFC 9112.
package final class MicroServer: Sendable {
    /// The port that is listened on.
    package let boundPort: UInt16

    private let context: ServerContext
    private let workers: [Worker]
    private let doorman: Doorman
    private let doormanThread: Thread
    private let hasStopped = Atomic<Bool>(false)

    /// Listens and serves.
    ///
    /// - Throws: `ServerError`; nothing is left running.
    package init(
        configuration: ServerConfiguration,
        application: any Application
    ) throws(ServerError) {
        let threads = configuration.threads
        guard (1...256).contains(threads) else {
            throw .invalidConfiguration("the number of server threads must be 1 to 256")
        }
        let most = threads * ServerConfiguration.maximumConnectionsPerThread
        guard (1...most).contains(configuration.maximumConnections) else {
            throw .invalidConfiguration(
                "the number of connections must be 1 to \(most) for \(threads) server threads"
            )
        }
        let listener = try Self.listen(configuration)
        let context = ServerContext(configuration: configuration, application: application)
        var workers: [Worker] = []
        for _ in 0..<threads {
            let worker = Worker(context: context)
            do {
                try worker.start()
            } catch {
                for started in workers { started.stop() }
                net_close(listener)
                throw error
            }
            workers.append(worker)
        }
        boundPort = net_bound_port(listener)
        self.context = context
        self.workers = workers
        doorman = Doorman(context: context, workers: workers, listener: listener)
        doormanThread = doorman.start()
    }

    /// What has been seen so far.
    package var statistics: ServerStatistics {
        var seen = ServerStatistics()
        seen.openConnections = openConnections
        seen.acceptedConnections = context.accepted.load(ordering: .relaxed)
        seen.requests = context.requests.load(ordering: .relaxed)
        seen.timedOut = context.timedOut.load(ordering: .relaxed)
        seen.evicted = context.evicted.load(ordering: .relaxed)
        seen.violations = context.violations.load(ordering: .relaxed)
        seen.interruptedReplies = context.interruptedReplies.load(ordering: .relaxed)
        return seen
    }

    /// Stops: listens no more, answers every request that was begun, tells clients to go by
    /// `Connection: close`, and closes connections that wait for a request.
    ///
    /// Requests unfinished after the grace period are broken off; a reply to one of them that comes
    /// later goes nowhere. Call it once, not on a worker's thread.
    package func stop(gracePeriodSeconds: Double) {
        let first = !hasStopped.exchange(true, ordering: .acquiringAndReleasing)
        precondition(first, "a server is stopped once")
        context.isDraining.store(true, ordering: .relaxed)
        doorman.stopListening()
        let begin = context.nowMilliseconds
        let end = begin + UInt64(max(0, gracePeriodSeconds) * 1000)
        while openConnections > 0, context.nowMilliseconds < end {
            if context.nowMilliseconds > begin + ServerConfiguration.drainIdleMilliseconds {
                closeIdle()
            }
            Clock.sleep(milliseconds: 5)
        }
        while openConnections > 0 {
            for worker in workers { worker.abortAll() }
            Clock.sleep(milliseconds: 5)
        }
        for worker in workers { worker.stop() }
        doorman.end()
        doormanThread.join()
    }

    private var openConnections: Int { workers.reduce(0) { $0 + $1.load } }

    private func closeIdle() {
        for worker in workers {
            worker.closeIdle(
                sinceMilliseconds: ServerConfiguration.drainIdleMilliseconds,
                nowMilliseconds: context.nowMilliseconds
            )
        }
    }

    private static func listen(_ configuration: ServerConfiguration) throws(ServerError) -> Int32 {
        var descriptor: Int32 = -1
        var unresolved: Int32 = 0
        let status = unsafe net_listen(
            configuration.host,
            configuration.port,
            4096,
            &descriptor,
            &unresolved
        )
        guard unresolved == 0 else { throw .unknownHost(configuration.host) }
        guard status == 0 else {
            throw .cannotListen(
                host: configuration.host,
                port: configuration.port,
                reason: Errno(rawValue: status).description
            )
        }
        return descriptor
    }
}
