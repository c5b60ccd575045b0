internal import Attestation
internal import EvidenceModel
internal import EvidenceStore
internal import HTTPAPI
internal import HTTPMessage
internal import MicroServer
internal import Observability
internal import Platform
internal import Replication
internal import TransparencyLog

/// A running server: the log, the HTTP interface over it, and the order in which they start and
/// stop.
///
/// Start: log (recovered and verified), then targets (which say what they hold), then interface,
/// then socket, then word to the outside. Stop in reverse: no new requests, answers to those that
/// were begun (some wait for a target), then the targets, then the log is let go of.
final class Service {
    private let settings: ServeSettings
    private let log: EventLog
    private let store: EvidenceStore
    private let targets: TargetService
    private let witnesses: Attestation.WitnessService?
    private let timestamps: TimeStampService
    private let settler: ClockSettler
    private let api: EvidenceAPI
    private let server: MicroServer
    private let failure: FatalFailure
    private let address: Endpoint

    /// Opens the log and listens.
    init(directory: String, settings: ServeSettings) throws(CommandFailure) {
        self.settings = settings
        let log = EventLog(format: settings.logFormat, minimumLevel: settings.logLevel)
        let failure = FatalFailure()
        self.log = log
        self.failure = failure
        let store: EvidenceStore
        do throws(CommandFailure) {
            let keys = try SigningKey.ofOpenedLog(in: directory, file: settings.signingKeyFile)
            store = try Self.open(directory, keys, settings, log, failure)
        } catch {
            log.close()
            throw error
        }
        self.store = store
        let targets = TargetService(
            store: store,
            configuration: settings.replication,
            open: TargetStores.opener(settings.stores)
        ) { event in
            log.record(event.level, event.name, event.fields)
        }
        self.targets = targets
        var witnesses: Attestation.WitnessService?
        do throws(CommandFailure) {
            witnesses = try Witnesses.service(store, settings, log)
            timestamps = try TimeStamps.open(store, settings, log)
        } catch {
            witnesses?.stop()
            store.close()
            log.close()
            throw error
        }
        self.witnesses = witnesses
        settler = ClockSettler(store: store, witnesses: witnesses, timestamps: timestamps) {
            event in
            log.record(event.level, event.name, event.fields)
        }
        do throws(CommandFailure) {
            try Self.checkReach(of: settings.listen, store)
            // A copy that may not go on must not write to the bucket that another may write to.
            if store.readOnly == nil {
                targets.start()
                timestamps.start()
            }
            (api, server) = try Self.listen(store, targets, witnesses, timestamps, settings, log)
        } catch {
            targets.stop()
            timestamps.stop()
            witnesses?.stop()
            store.close()
            log.close()
            throw error
        }
        address = Endpoint(host: settings.listen.host, port: server.boundPort)
        witnesses?.start()
        if store.readOnly == nil {
            settler.start()
            let sources = settler.sources
            guard sources.count >= AuthenticatedTime.neededCount else { return }
            // Whoever runs it must know who can end locks after a long stop.
            log.record(.info, "clock.sources", [.text("sources", sources.joined(separator: ", "))])
        }
    }

    /// Says that it is ready, serves until a signal or a fatal failure, and stops in order.
    func runUntilStopped() -> ExitCode {
        // A line of its own in every format: people and scripts wait for it.
        ProcessControl.writeToStandardError("listening on http://\(address)")
        log.record(
            .info,
            "server.ready",
            [
                .text("address", "\(address)"), .text("origin", store.description.origin),
                .number("treeSize", store.checkpoint.size.value),
            ]
        )
        ServiceManager.notifyReady(status: "serving \(store.description.origin) on \(address)")
        let signal = Signals.waitForTermination()
        // From here on a second signal ends the process at once.
        Signals.releaseTermination()
        ServiceManager.notifyStopping()
        if let error = failure.error {
            log.record(.error, "log.failed", [.text("reason", "\(error)")])
        } else {
            let name = signal == .interrupt ? "SIGINT" : "SIGTERM"
            log.record(.info, "server.draining", [.text("signal", name)])
        }
        // An erasure may have hours to go; it ends at its next step, and begins anew another day.
        store.beginClosing()
        api.beginClosing()
        timestamps.beginClosing()
        settler.beginClosing()
        // After a fatal failure no request can succeed: give them their refusals, and go.
        server.stop(gracePeriodSeconds: failure.error == nil ? Double(settings.drainSeconds) : 2)
        // Not before: what was begun may wait for a target.
        targets.stop()
        api.waitForWork()
        witnesses?.stop()
        timestamps.stop()
        settler.stop()
        store.close()
        log.record(
            .info,
            "server.stopped",
            [
                .number("treeSize", store.checkpoint.size.value),
                .number("requests", server.statistics.requests),
            ]
        )
        log.close()
        return exitCode()
    }

    private func exitCode() -> ExitCode {
        guard let error = failure.error else { return .done }
        ProcessControl.writeToStandardError(
            "strongroom serve: the log stopped: \(error); nothing that was acknowledged is lost: "
                + "mend the cause and start again"
        )
        let code = CommandFailure(error).code
        return code == .storageFull ? .storageFull : .verificationFailed
    }

    private static func open(
        _ directory: String,
        _ keys: SigningKeys?,
        _ settings: ServeSettings,
        _ log: EventLog,
        _ failure: FatalFailure
    ) throws(CommandFailure) -> EvidenceStore {
        let began = Clock.monotonicNanoseconds()
        let store: EvidenceStore
        do throws(StoreError) {
            store = try EvidenceStore(
                path: directory,
                keys: keys,
                configuration: settings.store,
                onIndexDamage: { error in
                    log.record(.warning, "index.damaged", [.text("reason", "\(error)")])
                },
                onFailure: { error in
                    failure.set(error)
                    Signals.raiseTermination()
                }
            )
        } catch {
            throw CommandFailure(error)
        }
        if let reason = store.readOnly {
            log.record(.warning, "log.readOnly", [.text("reason", reason)])
        }
        log.record(
            .info,
            "log.opened",
            [
                .text("directory", directory),
                .number("treeSize", store.checkpoint.size.value),
                .decimal("seconds", Double((Clock.monotonicNanoseconds() - began) / 1000) / 1e6),
            ]
        )
        return store
    }

    /// Who can reach the port can write, unless requests need tokens.
    private static func checkReach(
        of endpoint: Endpoint,
        _ store: EvidenceStore
    ) throws(CommandFailure) {
        guard !endpoint.isLoopback, !store.withState({ $0.hasTokens }) else { return }
        throw .usage(
            "\(endpoint.host) is not a loopback address, and without access tokens anybody who "
                + "reaches it could write",
            advice: "make the first one, 'strongroom token create NAME --role admin --data DIR', "
                + "or listen on 127.0.0.1, ::1 or localhost"
        )
    }

    private static func listen(
        _ store: EvidenceStore,
        _ targets: TargetService,
        _ witnesses: Attestation.WitnessService?,
        _ timestamps: TimeStampService,
        _ settings: ServeSettings,
        _ log: EventLog
    ) throws(CommandFailure) -> (EvidenceAPI, MicroServer) {
        var configuration = EvidenceAPI.Configuration()
        configuration.payloadLimitBytes = settings.store.payloadLimitBytes
        configuration.batchMemoryLimitBytes = settings.batchMemoryBytes
        configuration.software = "strongroom \(VersionCommand.version)"
        configuration.targetRegion = TargetStores.standardRegion()
        let api = EvidenceAPI(
            store: store,
            targets: targets,
            witnesses: witnesses,
            timestamps: timestamps,
            configuration: configuration,
            log: log
        )
        var server = settings.server
        server.host = settings.listen.host
        server.port = settings.listen.port
        do throws(ServerError) {
            let running = try MicroServer(configuration: server, application: api)
            api.watch { running.statistics }
            return (api, running)
        } catch {
            let code: ExitCode =
                switch error {
                case .unknownHost, .invalidConfiguration: .usage
                case .cannotListen, .noResources: .tryAgain
                }
            throw CommandFailure(code, "\(error)", advice: "see --listen and the configuration")
        }
    }
}

/// The failure that ended the log, if one did; for any thread.
final class FatalFailure: Sendable {
    private let first = Mutex<StoreError?>(nil)

    var error: StoreError? { first.withLock { $0 } }

    func set(_ error: StoreError) {
        first.withLock { first in
            if first == nil { first = error }
        }
    }
}
