/// How a server listens and what it grants its clients.
package struct ServerConfiguration: Sendable {
    /// An address or a name that resolves to one.
    package var host = "127.0.0.1"
    /// 0 takes a free port.
    package var port: UInt16 = 0
    /// Threads that read, run the application and write; each serves at most
    /// `maximumConnectionsPerThread`.
    package var threads = 8
    package var maximumConnections = 960

    /// How long a client may take from its connection, or from its request line, to the last
    /// header.
    package var headDeadlineSeconds = 10.0
    /// How long a connection may wait for its next request.
    package var idleDeadlineSeconds = 60.0
    /// How long a body may stand still, or a reply wait to be taken, before the rate is looked at.
    package var bodyWindowSeconds = 10.0
    /// The slowest rate, over a window, at which a body is read or a reply is taken.
    package var minimumBodyBytesPerSecond = 1024

    /// The longest request target.
    package var maximumTargetBytes = 16_384
    /// The largest request line with all header fields.
    package var maximumHeadBytes = 24_576
    /// How much of a refused body is read and discarded so that the client hears the refusal.
    package var maximumDiscardBytes: UInt64 = 64 << 20

    /// The library's event loop takes at most 128 events at once and stalls when that many come.
    static let maximumConnectionsPerThread = 120
    /// Memory of a connection: the head, and a piece of the body at a time.
    static let connectionMemoryBytes = 32_768
    /// What a reader of a streamed body is asked for at once.
    static let streamBlockBytes = 262_144
    /// Replies up to this size are handed over whole; larger ones are streamed from memory.
    static let wholeReplyBytes = 65_536
    /// A refused body up to this size is read before the reply, so that the connection can go on.
    static let smallRefusedBodyBytes: UInt64 = 65_536
    /// How long idle connections are kept in a drain, so that busy clients hear `Connection:
    /// close`.
    static let drainIdleMilliseconds: UInt64 = 300

    package init() {}
}

/// Why a server cannot start.
package enum ServerError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The host has no address: check the name.
    case unknownHost(String)
    /// The address cannot be had: another process listens there, or it is not this machine's.
    case cannotListen(host: String, port: UInt16, reason: String)
    /// The system refuses threads or descriptors.
    case noResources
    case invalidConfiguration(String)

    package var description: String {
        switch self {
        case .unknownHost(let host): "cannot find an address for \(host)"
        case .cannotListen(let host, let port, let reason):
            "cannot listen on \(host) port \(port): \(reason)"
        case .noResources: "the system refuses the threads or descriptors that the server needs"
        case .invalidConfiguration(let detail): detail
        }
    }
}
