internal import EvidenceStore
internal import Observability
internal import Platform
internal import Synchronization
internal import TransparencyLog

/// `strongroom bench`: puts load on a server and verifies every receipt.
enum BenchCommand {
    static let command = Command(
        specification: CommandSpecification(
            name: "bench",
            group: .tools,
            summary: "measure a server, every receipt verified",
            operands: [],
            options: [
                .value("clients", "N", "connections, one request under way on each; default 64"),
                .value("size", "BYTES", "payload size; default 1024"),
                .value("seconds", "S", "how long; default 10"),
                .flag("receipts", "fetch receipts of random old records instead of appending"),
                .value(
                    "directory",
                    "DIR",
                    "for the own server and the disk's rates; default $TMPDIR"
                ),
                .repeated("key", "VKEY", "the key of --server's log; else $STRONGROOM_KEY"),
                .value("server", "URL", "default: an own one on a temporary directory"),
                .tokenFile, .json,
            ],
            about: [
                "",
                "Appends random payloads from N clients and verifies each receipt in full; prints",
                "rate, latencies and bytes, and what the disk under DIR does by itself in the",
                "same run: D, appends of 1 KiB with fdatasync, and L, commits of two syncs as",
                "LMDB makes them. With --server its records stay in that log (collection bench).",
            ],
            example: "strongroom bench --clients 64 --seconds 10"
        ),
        run: run
    )

    private static func run(
        _ arguments: ParsedArguments,
        _ console: Console
    )
        throws(CommandFailure) -> ExitCode
    {
        let plan = try BenchPlan(arguments)
        Signals.holdTermination()
        let cancelled = Cancellation()
        cancelled.watch()
        // A second of each is enough to hold the server's rate against; less in a shorter run.
        let diskSeconds = min(1, plan.seconds)
        let before = try DiskRates.measure(in: plan.directory, seconds: diskSeconds)
        var server: BenchServer?
        if plan.address == nil { server = try BenchServer(below: plan.directory) }
        let outcome: LoadGenerator.Outcome
        do throws(CommandFailure) {
            outcome = try load(plan, server, cancelled)
        } catch {
            try? server?.stop()
            throw error
        }
        try server?.stop()
        guard !cancelled.isRequested else {
            throw CommandFailure(.tryAgain, "interrupted; nothing is left behind")
        }
        let after = try DiskRates.measure(in: plan.directory, seconds: diskSeconds)
        let report = BenchReport(plan: plan, outcome: outcome, disk: .mean(before, after))
        report.write(to: console, isJSON: arguments.flag("json"))
        return report.exitCode
    }

    private static func load(
        _ plan: BenchPlan,
        _ server: BenchServer?,
        _ cancelled: Cancellation
    ) throws(CommandFailure) -> LoadGenerator.Outcome {
        guard let address = plan.address ?? server?.address else {
            preconditionFailure("without --server there is an own server")
        }
        let keys = try server.map { (own) throws(CommandFailure) in [try own.verifierKey()] }
        let verifier = ReplyVerifier(keys: keys ?? plan.keys)
        let kind: LoadKind
        if plan.readsReceipts {
            // An own server has no old records yet.
            if server != nil {
                _ = try generate(
                    .appends(sizeBytes: plan.sizeBytes),
                    clients: 64,
                    seconds: 3,
                    address,
                    token: nil,
                    verifier,
                    cancelled
                )
            }
            kind = .receipts(treeSize: try treeSize(of: address, plan.token, verifier))
        } else {
            kind = .appends(sizeBytes: plan.sizeBytes)
        }
        return try generate(
            kind,
            clients: plan.clients,
            seconds: plan.seconds,
            address,
            token: plan.token,
            verifier,
            cancelled
        )
    }

    private static func generate(
        _ kind: LoadKind,
        clients: Int,
        seconds: Double,
        _ address: ServerAddress,
        token: String?,
        _ verifier: ReplyVerifier,
        _ cancelled: Cancellation
    ) throws(CommandFailure) -> LoadGenerator.Outcome {
        var generator = try LoadGenerator(
            clients: clients,
            kind: kind,
            server: address,
            token: token,
            run: TemporaryName.make(),
            verifier: verifier
        )
        return try generator.run(seconds: seconds) { cancelled.isRequested }
    }

    private static func treeSize(
        of address: ServerAddress,
        _ token: String?,
        _ verifier: ReplyVerifier
    ) throws(CommandFailure) -> UInt64 {
        let connection = APIConnection(address, token: token)
        let reply = try connection.get(RequestPath("/checkpoint"), what: "checkpoint")
        return try verifier.treeSize(String(decoding: reply.body, as: UTF8.self))
    }
}

/// What `bench` was asked to do.
struct BenchPlan {
    let clients: Int
    let sizeBytes: Int
    let seconds: Double
    let readsReceipts: Bool
    let directory: String
    /// Nil: an own server.
    let address: ServerAddress?
    /// For that address; an own server needs none.
    let token: String?
    let keys: [VerifierKey]

    init(_ arguments: ParsedArguments) throws(CommandFailure) {
        clients = try arguments.integer("clients", in: 1...10_000) ?? 64
        sizeBytes = try arguments.integer("size", in: 0...(64 << 20)) ?? 1024
        let text = arguments.value("seconds") ?? "10"
        guard let seconds = Double(text), seconds > 0, seconds <= 86_400 else {
            throw .usage("--seconds is '\(text)', not a number up to 86400")
        }
        self.seconds = seconds
        readsReceipts = arguments.flag("receipts")
        directory = arguments.value("directory") ?? Environment.temporaryDirectory()
        // Not $STRONGROOM_SERVER: what is appended there is locked for years, so it must be meant.
        if let server = arguments.value("server") {
            let address = try ServerAddress(parsing: server)
            guard !address.isEncrypted else {
                throw .usage("bench speaks plain HTTP only, and the server is \(address)")
            }
            self.address = address
            token = try Server.token(arguments)
            keys = try TrustedKeys.read(arguments)
        } else {
            address = nil
            token = nil
            keys = []
        }
    }
}

/// Whether SIGINT or SIGTERM has come, so that an own server is ended and its directory removed.
final class Cancellation: Sendable {
    private let requested = Atomic<Bool>(false)

    var isRequested: Bool { requested.load(ordering: .relaxed) }

    /// Starts the thread that waits for a signal; it ends with the process.
    func watch() {
        _ = Thread(name: "signals") {
            _ = Signals.waitForTermination()
            self.requested.store(true, ordering: .relaxed)
            // A second one ends the process as usual.
            Signals.releaseTermination()
        }
    }
}
