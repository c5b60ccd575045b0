internal import CMicroHTTPD
internal import Platform
internal import Synchronization

/// The thread that accepts connections, keeps their number below the limit and ends those whose
/// time is over.
///
/// The workers do not listen themselves: who accepts also chooses the least busy worker, makes room
/// before it adds, and at the end can take what clients had already been promised.
final class Doorman: Sendable {
    private let context: ServerContext
    private let workers: [Worker]
    private let listener: Int32
    private let bell: Int32
    private let deadlines: Deadlines
    private let isStopping = Atomic<Bool>(false)
    private let isEnding = Atomic<Bool>(false)
    private let listenerClosed = Mutex(false)
    private let listenerClosing = Condition()

    private static let sweepMilliseconds: UInt64 = 250
    /// How long to look away from new connections while there is no room for them.
    private static let fullMilliseconds: UInt64 = 5
    private static let batch = 64

    init(context: ServerContext, workers: [Worker], listener: Int32) {
        self.context = context
        self.workers = workers
        self.listener = listener
        bell = net_make_bell()
        deadlines = Deadlines(context.configuration)
    }

    deinit { net_close(bell) }

    func start() -> Thread {
        Thread(name: "http-door") { [self] in run() }
    }

    /// Takes the connections that have been established, then listens no more.
    func stopListening() {
        isStopping.store(true, ordering: .releasing)
        net_ring(bell)
        listenerClosed.withLock(when: { $0 }, on: listenerClosing) { _ in }
    }

    /// Ends the thread, after `stopListening`.
    func end() {
        isEnding.store(true, ordering: .releasing)
        net_ring(bell)
    }

    private func run() {
        var isListening = true
        var hasRoom = true
        var nextSweep: UInt64 = 0
        while !isEnding.load(ordering: .acquiring) {
            let lingering = context.lingering.descriptors
            var descriptors = [bell]
            if isListening && hasRoom { descriptors.append(listener) }
            descriptors += lingering
            let now = context.nowMilliseconds
            let untilSweep = nextSweep > now ? nextSweep - now : 0
            let patience = isListening && !hasRoom ? Self.fullMilliseconds : Self.sweepMilliseconds
            unsafe net_wait_readable(
                descriptors,
                Int32(descriptors.count),
                Int32(min(untilSweep, patience))
            )
            net_silence(bell)

            if isListening {
                hasRoom = acceptSome()
                if isStopping.load(ordering: .acquiring) && hasRoom {
                    isListening = false
                    net_close(listener)
                    listenerClosed.withLock { $0 = true }
                    listenerClosing.broadcast()
                }
            }
            if !lingering.isEmpty { context.lingering.drain(nowMilliseconds: now) }
            if context.nowMilliseconds >= nextSweep {
                nextSweep = context.nowMilliseconds + Self.sweepMilliseconds
                for worker in workers {
                    worker.sweep(deadlines, nowMilliseconds: context.nowMilliseconds)
                }
            }
        }
        if isListening { net_close(listener) }
        context.lingering.closeAll()
    }

    /// Accepts until nothing waits; false if connections wait for which there is no room yet.
    private func acceptSome() -> Bool {
        var client = net_client()
        for _ in 0..<Self.batch {
            guard let worker = workerWithRoom() else { return false }
            switch unsafe net_accept(listener, &client) {
            case net_accepted:
                context.accepted.increment()
                worker.add(&client)
            case net_no_resources:
                // Somebody must go before the system gives a descriptor again.
                makeRoom()
                return false
            default:
                return true
            }
        }
        return true
    }

    /// The least busy worker, once there is room; nil while there is none.
    private func workerWithRoom() -> Worker? {
        var total = 0
        var least = workers[0]
        for worker in workers {
            total += worker.load
            if worker.load < least.load { least = worker }
        }
        let limit = context.configuration.maximumConnections
        // One goes for each that comes when nearly full, so that room is there when it is needed.
        if total >= limit - limit / 16 - 1 { makeRoom() }
        guard total < limit, least.load < ServerConfiguration.maximumConnectionsPerThread else {
            return nil
        }
        return least
    }

    /// Ends the connection that is worth least, looking at the busiest worker first.
    private func makeRoom() {
        let now = context.nowMilliseconds
        for worker in workers.sorted(by: { $0.load > $1.load })
        where worker.evictOne(nowMilliseconds: now) { return }
    }
}
