import CurlClient
import Replication

/// Credentials from the agent of a container: ECS, EKS Pod Identity and their like.
///
/// Reference: AWS SDKs and Tools Reference Guide, "Container credential provider".
struct ContainerCredentials: CredentialProvider {
    private let settings: CredentialSettings
    private let url: String

    /// `nil` if the environment names no endpoint.
    init?(_ settings: CredentialSettings) throws(StoreFailure) {
        if let relative = settings.value("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            guard relative.hasPrefix("/") else {
                throw .none("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI must begin with a slash")
            }
            url = settings.containerHost + relative
        } else if let full = settings.value("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
            guard Self.isTrusted(full) else {
                throw .none(
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI must be of https, or of this machine or a "
                        + "container's agent"
                )
            }
            url = full
        } else {
            return nil
        }
        self.settings = settings
    }

    /// The agents of ECS and EKS.
    private static let agents = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"]

    /// Whether credentials may be asked for there, and the token shown.
    static func isTrusted(_ url: String) -> Bool {
        guard let separator = url.firstRange(of: "://") else { return false }
        let end = url[separator.upperBound...].firstIndex { "/?#".contains($0) } ?? url.endIndex
        guard let endpoint = S3Endpoint(String(url[..<end])) else { return false }
        if endpoint.scheme == .https || endpoint.isLoopback { return true }
        return agents.contains { endpoint.host == $0 || endpoint.host.hasPrefix($0 + ":") }
    }

    func issue() throws(StoreFailure) -> IssuedCredentials {
        var token: String?
        if let file = settings.value("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            token = try secretLine(file)
        } else {
            token = settings.value("AWS_CONTAINER_AUTHORIZATION_TOKEN")
        }
        let requests = MetadataRequests(
            settings,
            service: "the container's endpoint",
            seconds: 1,
            proxies: .none
        )
        let response = try requests.reply(
            to: ClientRequest(url: url, fields: token.map { [("Authorization", $0)] } ?? [])
        )
        return try requests.credentials(inJSON: response)
    }
}
