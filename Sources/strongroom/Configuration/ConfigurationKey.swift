internal import EvidenceModel
internal import EvidenceStore
internal import MicroServer
internal import Observability
internal import YAMLReader

/// One key of the configuration file: where it stands and how its value is taken.
struct ConfigurationKey: Sendable {
    /// Dotted: `log.format` is `format` below `log`.
    let path: String
    let take: @Sendable (YAMLNode, inout ServeSettings) throws(YAMLError) -> Void

    init(
        _ path: String,
        _ take: @escaping @Sendable (YAMLNode, inout ServeSettings) throws(YAMLError) -> Void
    ) {
        self.path = path
        self.take = take
    }
}

extension ConfigurationKey {
    /// All keys; `ops/strongroom.example.yaml` explains each, and a test compares the two.
    static let all: [ConfigurationKey] =
        general + log + http + limits + store + retention + replication + witnesses + timestamps

    private static let general = [
        ConfigurationKey("listen") { (node, settings) throws(YAMLError) in
            guard let endpoint = Endpoint(parsing: try node.string()) else {
                throw YAMLError(node.position, "HOST:PORT is expected, such as 127.0.0.1:7440")
            }
            settings.listen = endpoint
        },
        ConfigurationKey("signingKey") { (node, settings) throws(YAMLError) in
            settings.signingKeyFile = try node.string()
        },
    ]

    private static let log = [
        ConfigurationKey("log.format") { (node, settings) throws(YAMLError) in
            guard let format = EventLog.Format(rawValue: try node.string()) else {
                throw YAMLError(node.position, "text or json is expected")
            }
            settings.logFormat = format
        },
        ConfigurationKey("log.level") { (node, settings) throws(YAMLError) in
            guard let level = EventLog.Level(try node.string()) else {
                throw YAMLError(node.position, "debug, info, warning or error is expected")
            }
            settings.logLevel = level
        },
    ]

    private static let http = [
        ConfigurationKey("http.threads") { (node, settings) throws(YAMLError) in
            settings.server.threads = try node.int(in: 1...256)
        },
        ConfigurationKey("http.connections") { (node, settings) throws(YAMLError) in
            settings.server.maximumConnections = try node.int(in: 1...30_720)
        },
        ConfigurationKey("http.headSeconds") { (node, settings) throws(YAMLError) in
            settings.server.headDeadlineSeconds = Double(try node.int(in: 1...3600))
        },
        ConfigurationKey("http.idleSeconds") { (node, settings) throws(YAMLError) in
            settings.server.idleDeadlineSeconds = Double(try node.int(in: 1...86_400))
        },
        ConfigurationKey("http.stallSeconds") { (node, settings) throws(YAMLError) in
            settings.server.bodyWindowSeconds = Double(try node.int(in: 1...3600))
        },
        ConfigurationKey("http.slowestBytesPerSecond") { (node, settings) throws(YAMLError) in
            settings.server.minimumBodyBytesPerSecond = try node.int(in: 1...(1 << 30))
        },
        ConfigurationKey("http.drainSeconds") { (node, settings) throws(YAMLError) in
            settings.drainSeconds = try node.int(in: 0...86_400)
        },
    ]

    private static let limits = [
        ConfigurationKey("limits.payload") { (node, settings) throws(YAMLError) in
            settings.store.payloadLimitBytes = try node.bytes(in: 1...(1 << 50))
        },
        ConfigurationKey("limits.batchMemory") { (node, settings) throws(YAMLError) in
            settings.batchMemoryBytes = Int(try node.bytes(in: (64 << 20)...(1 << 36)))
        },
    ]

    private static let store = [
        ConfigurationKey("store.reserve") { (node, settings) throws(YAMLError) in
            if case .scalar("auto", _) = node.content {
                settings.store.diskReserveBytes = nil
            } else {
                settings.store.diskReserveBytes = try node.bytes(in: (8 << 20)...(1 << 50))
            }
        },
        ConfigurationKey("store.idempotencyWindow") { (node, settings) throws(YAMLError) in
            settings.store.idempotencyWindowSeconds = try node.seconds()
        },
        ConfigurationKey("store.queueRecords") { (node, settings) throws(YAMLError) in
            settings.store.queueLimitRecords = try node.int(in: 16...1_000_000)
        },
        ConfigurationKey("store.queue") { (node, settings) throws(YAMLError) in
            settings.store.queueLimitBytes = Int(try node.bytes(in: (16 << 20)...(1 << 36)))
        },
        ConfigurationKey("store.uploads") { (node, settings) throws(YAMLError) in
            settings.store.uploadLimitBytes = Int(try node.bytes(in: (16 << 20)...(1 << 36)))
        },
        ConfigurationKey("store.openSegments") { (node, settings) throws(YAMLError) in
            settings.store.openSegmentLimit = try node.int(in: 4...10_000)
        },
        ConfigurationKey("store.cachedTiles") { (node, settings) throws(YAMLError) in
            settings.store.tileCacheCapacity = try node.int(in: 16...1_000_000)
        },
    ]

    // The parts of the policy are put together when all are read: each alone may contradict the
    // others' defaults.
    private static let retention = [
        ConfigurationKey("retention.mode") { (node, settings) throws(YAMLError) in
            settings.retention.mode = try node.parsed { (text) throws(LimitViolation) in
                try RetentionMode(userInput: text)
            }
        },
        ConfigurationKey("retention.weakestMode") { (node, settings) throws(YAMLError) in
            settings.retention.weakestMode = try node.parsed { (text) throws(LimitViolation) in
                try RetentionMode(userInput: text)
            }
        },
        ConfigurationKey("retention.minimum") { (node, settings) throws(YAMLError) in
            settings.retention.minimum = try node.duration()
        },
        ConfigurationKey("retention.default") { (node, settings) throws(YAMLError) in
            settings.retention.standard = try node.duration()
        },
        ConfigurationKey("retention.maximum") { (node, settings) throws(YAMLError) in
            settings.retention.maximum = try node.duration()
        },
        ConfigurationKey("retention.interval") { (node, settings) throws(YAMLError) in
            settings.store.retentionJobIntervalSeconds = try node.seconds()
        },
        ConfigurationKey("retention.apply") { (node, settings) throws(YAMLError) in
            settings.store.retentionJobApplies = try node.bool()
        },
    ]
}
