internal import Replication
internal import S3
internal import YAMLReader

// What can be set of the second copy, for all targets.
extension ConfigurationKey {
    static let replication = engine + requests + breaker

    private static let engine = [
        ConfigurationKey("replication.packBytes") { (node, settings) throws(YAMLError) in
            settings.replication.packBytes = try node.bytes(in: (1 << 20)...(4 << 30))
        },
        ConfigurationKey("replication.packSeconds") { (node, settings) throws(YAMLError) in
            settings.replication.packSeconds = try node.count(in: 1...31_536_000)
        },
        ConfigurationKey("replication.journalMilliseconds") { (node, settings) throws(YAMLError) in
            settings.replication.journalMilliseconds = try node.count(in: 10...3_600_000)
        },
        ConfigurationKey("replication.journalLockSeconds") { (node, settings) throws(YAMLError) in
            settings.replication.journalLockSeconds = try node.count(in: 1...31_536_000)
        },
        ConfigurationKey("replication.uploadsInFlight") { (node, settings) throws(YAMLError) in
            settings.replication.uploadsInFlight = try node.int(in: 1...64)
        },
        ConfigurationKey("replication.acknowledgementSeconds") {
            (node, settings) throws(YAMLError) in
            settings.replication.acknowledgementSeconds = try node.count(in: 1...3600)
        },
        ConfigurationKey("replication.probeIntervalSeconds") {
            (node, settings) throws(YAMLError) in
            settings.replication.probeIntervalSeconds = try node.count(in: 1...31_536_000)
        },
        ConfigurationKey("replication.probeLockSeconds") { (node, settings) throws(YAMLError) in
            settings.replication.probeLockSeconds = Int64(try node.count(in: 4...600))
        },
        ConfigurationKey("replication.evictAfterSeconds") { (node, settings) throws(YAMLError) in
            settings.replication.evictAfterSeconds = try node.count(in: 0...3_153_600_000)
        },
        ConfigurationKey("replication.startSeconds") { (node, settings) throws(YAMLError) in
            settings.replication.startSeconds = try node.count(in: 0...3600)
        },
    ]

    private static let requests = [
        ConfigurationKey("replication.connections") { (node, settings) throws(YAMLError) in
            settings.stores.connections = try node.int(in: 1...256)
        },
        ConfigurationKey("replication.attempts") { (node, settings) throws(YAMLError) in
            settings.stores.retry.attempts = try node.int(in: 1...20)
        },
        ConfigurationKey("replication.retryBaseMilliseconds") {
            (node, settings) throws(YAMLError) in
            settings.stores.retry.baseMilliseconds = try node.count(in: 1...60_000)
        },
        ConfigurationKey("replication.retryMaximumMilliseconds") {
            (node, settings) throws(YAMLError) in
            settings.stores.retry.maximumMilliseconds = try node.count(in: 1...600_000)
        },
        ConfigurationKey("replication.connectMilliseconds") {
            (node, settings) throws(YAMLError) in
            settings.stores.deadlines.connectMilliseconds = try node.int(in: 10...600_000)
        },
        ConfigurationKey("replication.attemptMilliseconds") {
            (node, settings) throws(YAMLError) in
            settings.stores.deadlines.attemptMilliseconds = try node.int(in: 10...600_000)
        },
        ConfigurationKey("replication.slowestBytesPerSecond") {
            (node, settings) throws(YAMLError) in
            settings.stores.deadlines.minimumBytesPerSecond = try node.count(in: 1...(1 << 30))
        },
        ConfigurationKey("replication.contentMD5") { (node, settings) throws(YAMLError) in
            settings.stores.contentMD5 = try node.bool() ? .sent : .omitted
        },
        ConfigurationKey("replication.caFile") { (node, settings) throws(YAMLError) in
            settings.stores.authorityFile = try node.string()
        },
    ]

    private static let breaker = [
        ConfigurationKey("replication.breakerFaults") { (node, settings) throws(YAMLError) in
            settings.stores.breaker.faultLimit = try node.int(in: 1...1000)
        },
        ConfigurationKey("replication.breakerOpenMilliseconds") {
            (node, settings) throws(YAMLError) in
            settings.stores.breaker.openMilliseconds = try node.count(in: 10...3_600_000)
        },
        ConfigurationKey("replication.breakerMaximumMilliseconds") {
            (node, settings) throws(YAMLError) in
            settings.stores.breaker.maximumOpenMilliseconds = try node.count(in: 10...86_400_000)
        },
    ]
}
