internal import MicroServer
internal import Observability
internal import Platform
internal import TransparencyLog

/// A running witness: its directory, its HTTP interface, and the order in which they start and
/// stop.
final class WitnessService {
    private let events: EventLog
    private let witness: Witness
    private let server: MicroServer
    private let failure: DiskFailure
    private let address: Endpoint
    private let key: CosignatureKey

    /// How long a stop waits for requests that are under way.
    private static let drainSeconds = 10.0

    /// Opens the directory and listens.
    init(
        directory path: String,
        logKeys: [VerifierKey],
        listen: Endpoint
    ) throws(CommandFailure) {
        let events = EventLog(format: .text, minimumLevel: .info)
        let failure = DiskFailure()
        self.events = events
        self.failure = failure
        do throws(CommandFailure) {
            let directory = try WitnessDirectory(path)
            witness = try Witness(directory, logKeys: logKeys, events: events) { error in
                failure.set(error)
                Signals.raiseTermination()
            }
            key = directory.cosigner.cosignatureKey
            server = try Self.listen(witness, listen)
        } catch {
            events.close()
            throw error
        }
        address = Endpoint(host: listen.host, port: server.boundPort)
    }

    /// Says that it is ready, serves until a signal or a failure of the disk, and stops in order.
    func runUntilStopped(_ console: Console) -> ExitCode {
        console.message("cosigning as \(key)")
        for log in witness.overview {
            let state = log.size.map { "at size \($0)" } ?? "not seen yet"
            console.message("follows \(log.origin), \(state)")
        }
        // A line of its own: people and scripts wait for it.
        ProcessControl.writeToStandardError("listening on http://\(address)")
        ServiceManager.notifyReady(status: "witness \(key.name) on \(address)")
        _ = Signals.waitForTermination()
        // From here on a second signal ends the process at once.
        Signals.releaseTermination()
        ServiceManager.notifyStopping()
        server.stop(gracePeriodSeconds: Self.drainSeconds)
        events.close()
        guard let error = failure.error else { return .done }
        let outcome = CommandFailure(error, advice: "mend the cause and start again")
        console.failure(
            "stopped, for what it cosigned could not be made durable: \(outcome.text)"
        )
        return outcome.code
    }

    private static func listen(
        _ witness: Witness,
        _ endpoint: Endpoint
    ) throws(CommandFailure) -> MicroServer {
        var configuration = ServerConfiguration()
        configuration.host = endpoint.host
        configuration.port = endpoint.port
        configuration.threads = 4
        configuration.maximumConnections = 256
        configuration.maximumDiscardBytes = 1 << 20
        do throws(ServerError) {
            return try MicroServer(
                configuration: configuration,
                application: WitnessApplication(witness)
            )
        } catch {
            let code: ExitCode =
                switch error {
                case .unknownHost, .invalidConfiguration: .usage
                case .cannotListen, .noResources: .tryAgain
                }
            throw CommandFailure(code, "\(error)", advice: "see --listen")
        }
    }
}

/// The first failure of the disk, if there was one; for any thread.
private final class DiskFailure: Sendable {
    private let first = Mutex<SystemError?>(nil)

    var error: SystemError? { first.withLock { $0 } }

    func set(_ error: SystemError) {
        first.withLock { first in
            if first == nil { first = error }
        }
    }
}
