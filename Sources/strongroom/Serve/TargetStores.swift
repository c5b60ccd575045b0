internal import EvidenceModel
internal import Platform
internal import Replication
internal import S3
internal import SigV4

/// How the stores of targets are asked, for all of them.
struct StoreSettings: Sendable {
    var retry = RetryPolicy()
    var breaker = CircuitBreaker.Options()
    var deadlines = Deadlines()
    /// Requests at once to one store.
    var connections = 8
    /// Certificates to trust instead of the system's, a PEM file.
    var authorityFile: String?
    var contentMD5 = S3Configuration.ContentMD5.omitted
}

/// Opens the stores of targets over S3, with credentials from the server's environment.
///
/// Reference: AWS SDKs and Tools Reference Guide, for the variables.
enum TargetStores {
    /// Opens stores; each has a circuit breaker and credentials of its own.
    static func opener(_ settings: StoreSettings) -> StoreOpener {
        { (description, purpose) throws(StoreFailure) in
            let configuration = try configuration(description, settings)
            let credentials = CredentialSettings(
                region: configuration.region,
                profile: try profile(description, purpose)
            )
            return S3Client(
                configuration,
                credentials: CredentialCache(StandardCredentials(credentials))
            )
        }
    }

    /// The region of a target that is added without one: that of the environment, as Amazon's own
    /// tools read it.
    static func standardRegion(
        _ environment: (String) -> String? = { Environment.value($0) }
    ) -> String {
        let names = ["AWS_REGION", "AWS_DEFAULT_REGION"]
        let found = names.lazy.compactMap(environment).first { !$0.isEmpty }
        return found ?? "us-east-1"
    }

    static func configuration(
        _ description: TargetDescription,
        _ settings: StoreSettings
    ) throws(StoreFailure) -> S3Configuration {
        guard let region = ScopeName(description.region) else {
            throw .rejected(
                detail: "'\(description.region)' is no region; it has letters, digits and -, such "
                    + "as eu-central-1"
            )
        }
        guard let bucket = BucketName(description.bucket) else {
            throw .rejected(
                detail: "'\(description.bucket)' is no name of a bucket: 3 to 63 lower-case "
                    + "letters, digits, - and ."
            )
        }
        guard let prefix = KeyPrefix(description.prefix) else {
            throw .rejected(
                detail: "'\(description.prefix)' is no prefix: at most 256 bytes, no slash first"
            )
        }
        var configuration = S3Configuration(
            endpoint: try endpoint(description, region),
            region: region,
            bucket: bucket
        )
        configuration.addressing = description.isPathStyle ? .path : .virtualHost
        configuration.prefix = prefix
        configuration.authorityFile = settings.authorityFile
        configuration.encryptionKey = description.kmsKey
        configuration.contentMD5 = settings.contentMD5
        configuration.retry = settings.retry
        configuration.breaker = settings.breaker
        configuration.deadlines = settings.deadlines
        configuration.connections = settings.connections
        configuration.userAgent = "strongroom/\(VersionCommand.version)"
        return configuration
    }

    private static func endpoint(
        _ description: TargetDescription,
        _ region: ScopeName
    ) throws(StoreFailure) -> S3Endpoint {
        guard let text = description.endpoint else {
            guard let endpoint = S3Endpoint.aws(region) else {
                throw .rejected(detail: "the region \(region) makes no host name")
            }
            return endpoint
        }
        guard let endpoint = S3Endpoint(text) else {
            throw .rejected(
                detail: "'\(text)' is no endpoint: http:// or https://, a host, at most a port"
            )
        }
        return endpoint
    }

    /// The profile of the shared files; `nil`: the usual sources in their order.
    private static func profile(
        _ description: TargetDescription,
        _ purpose: TargetPurpose
    ) throws(StoreFailure) -> String? {
        switch purpose {
        case .writing: return description.profile
        case .deleting:
            guard let profile = description.retentionProfile else {
                throw .invalid(
                    .noCredentials,
                    detail: "the target \(description.name) has no retention profile: nothing can "
                        + "be deleted there"
                )
            }
            return profile
        }
    }
}
