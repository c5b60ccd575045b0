internal import Attestation
internal import EvidenceModel
internal import EvidenceStore
internal import MicroServer
internal import Observability
internal import Replication

/// Everything that `strongroom serve` can be told by its configuration file.
struct ServeSettings: Sendable {
    var listen = Endpoint(host: "127.0.0.1", port: 7440)
    /// Nil: `log.key` in the log's directory.
    var signingKeyFile: String?
    var logFormat = EventLog.Format.text
    var logLevel = EventLog.Level.info
    var server = ServerConfiguration()
    /// How long a stop waits for requests that are under way.
    var drainSeconds = 30
    var store = StoreConfiguration()
    /// Memory of all batches that are under way.
    var batchMemoryBytes = 256 << 20
    var retention = RetentionFields()
    var replication = ReplicationConfiguration()
    /// How the targets' stores are asked.
    var stores = StoreSettings()
    /// Nil: no witness is asked.
    var witnessPolicyFile: String?
    var witnesses = WitnessConfiguration()
    /// When authorities are asked; who they are stands in `timestampAuthorities`.
    var timestamps = TimeStampConfiguration()
    var timestampAuthorities: [TimeStampAuthoritySettings] = []
}

/// The parts of the retention policy, before they are known to fit together.
struct RetentionFields: Sendable {
    var mode = RetentionPolicy.standard.mode
    var weakestMode = RetentionPolicy.standard.weakestMode
    var minimum = RetentionPolicy.standard.minimum
    var standard = RetentionPolicy.standard.standard
    var maximum = RetentionPolicy.standard.maximum

    func policy() throws(LimitViolation) -> RetentionPolicy {
        try RetentionPolicy(
            mode: mode,
            weakestMode: weakestMode,
            minimum: minimum,
            standard: standard,
            maximum: maximum
        )
    }
}
