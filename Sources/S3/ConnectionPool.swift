import CurlClient
import Platform
import SigV4

/// One connection to the store, and the signer of what goes over it.
///
/// `@unchecked Sendable`: the pool lends it to one thread at a time.
final class S3Connection: @unchecked Sendable {
    let client: HTTPClient
    private var signer: Signer?
    private var generation: UInt64 = 0

    init(_ configuration: S3Configuration) {
        var options = HTTPClient.Options(userAgent: configuration.userAgent)
        options.connectTimeoutMilliseconds = configuration.deadlines.connectMilliseconds
        options.authorityFile = configuration.authorityFile
        options.lowSpeed = nil
        client = HTTPClient(options: options)
    }

    /// The fields that sign a request with these credentials.
    func fields(
        signing request: SigningRequest,
        with held: HeldCredentials,
        region: ScopeName,
        at time: SigningTime
    ) -> [SigningRequest.Item] {
        if signer == nil || generation != held.generation {
            signer = Signer(credentials: held.credentials, region: region)
            generation = held.generation
        }
        return signer?.fields(signing: request, at: time) ?? []
    }
}

/// A bounded number of connections; who finds none free waits for one.
///
/// The connection that was used last is lent first, so that as few as are needed stay open.
final class ConnectionPool: Sendable {
    private struct State {
        var free: [S3Connection] = []
        var made = 0
    }

    private let configuration: S3Configuration
    private let state = Mutex(State())
    private let returned = Condition()

    init(_ configuration: S3Configuration) {
        precondition(configuration.connections > 0, "a store without connections is of no use")
        self.configuration = configuration
    }

    /// Runs `body` with a connection of its own.
    func withConnection<Result, Failure: Error>(
        _ body: (S3Connection) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let connection = take()
        defer {
            state.withLock { $0.free.append(connection) }
            returned.signal()
        }
        return try body(connection)
    }

    private func take() -> S3Connection {
        let limit = configuration.connections
        return state.withLock(
            when: { !$0.free.isEmpty || $0.made < limit },
            on: returned
        ) { state in
            if let free = state.free.popLast() { return free }
            state.made += 1
            return S3Connection(configuration)
        }
    }
}
