import CurlClient
import Replication

/// Credentials of the role of an EC2 instance, by the second version of its metadata service only.
///
/// Reference: Amazon EC2 User Guide, "Use the Instance Metadata Service to access instance
/// metadata".
struct InstanceCredentials: CredentialProvider {
    private let settings: CredentialSettings
    private let host: String

    private static let tokenSeconds = 21_600

    /// `nil` if it is switched off.
    init?(_ settings: CredentialSettings) throws(StoreFailure) {
        if settings.value("AWS_EC2_METADATA_DISABLED")?.lowercased() == "true" { return nil }
        let url =
            settings.value("AWS_EC2_METADATA_SERVICE_ENDPOINT") ?? "http://169.254.169.254"
        guard let endpoint = S3Endpoint(url) else {
            throw .none("AWS_EC2_METADATA_SERVICE_ENDPOINT is no address of a service")
        }
        host = endpoint.description
        self.settings = settings
    }

    func issue() throws(StoreFailure) -> IssuedCredentials {
        let requests = MetadataRequests(
            settings,
            service: "the instance metadata",
            seconds: 1,
            proxies: .none
        )
        let token = try requests.text(
            of: ClientRequest(
                method: "PUT",
                url: host + "/latest/api/token",
                fields: [("X-aws-ec2-metadata-token-ttl-seconds", "\(Self.tokenSeconds)")]
            )
        )
        let fields = [("X-aws-ec2-metadata-token", token)]
        let path = host + "/latest/meta-data/iam/security-credentials/"
        let roles = try requests.text(of: ClientRequest(url: path, fields: fields))
        guard let role = roles.split(whereSeparator: \.isNewline).first else {
            throw .none("the instance has no role")
        }
        let response = try requests.reply(
            to: ClientRequest(
                url: path + percentEncode(pathSegment: String(role)),
                fields: fields
            )
        )
        return try requests.credentials(inJSON: response)
    }
}
