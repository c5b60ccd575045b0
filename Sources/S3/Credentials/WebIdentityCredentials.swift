import CurlClient
import Replication
import SigV4
import XMLReader

/// Credentials of a role, given for a token that the platform has put into a file.
///
/// Reference: AWS Security Token Service API Reference, "AssumeRoleWithWebIdentity".
struct WebIdentityCredentials: CredentialProvider {
    private let settings: CredentialSettings
    private let role: String
    private let tokenFile: String
    private let session: String

    /// `nil` if the environment names no token.
    init?(_ settings: CredentialSettings) throws(StoreFailure) {
        guard let file = settings.value("AWS_WEB_IDENTITY_TOKEN_FILE") else { return nil }
        guard let role = settings.value("AWS_ROLE_ARN") else {
            throw .none("AWS_WEB_IDENTITY_TOKEN_FILE is set, but not AWS_ROLE_ARN")
        }
        self.init(
            settings,
            role: role,
            tokenFile: file,
            session: settings.value("AWS_ROLE_SESSION_NAME")
        )
    }

    init(_ settings: CredentialSettings, role: String, tokenFile: String, session: String?) {
        self.settings = settings
        self.role = role
        self.tokenFile = tokenFile
        self.session = session ?? "strongroom"
    }

    func issue() throws(StoreFailure) -> IssuedCredentials {
        let requests = MetadataRequests(
            settings,
            service: "the token service",
            seconds: 5,
            proxies: .environment
        )
        let form = [
            ("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"),
            ("RoleArn", role), ("RoleSessionName", session),
            ("WebIdentityToken", try secretLine(tokenFile)),
        ].map { "\($0)=\(percentEncode(queryValue: $1))" }.joined(separator: "&")
        let response = try requests.reply(
            to: ClientRequest(
                method: "POST",
                url: try address() + "/",
                fields: [("Content-Type", "application/x-www-form-urlencoded")],
                body: .bytes(Array(form.utf8))
            )
        )
        let root = try? XMLElement(parsing: response.body.span)
        guard response.status == 200 else {
            let error = root?["Error"]
            let told = [error?.text("Code"), error?.text("Message")].compactMap { $0 }
            throw .none(
                excerpt(
                    "the token service refuses the role \(role) (status \(response.status))"
                        + told.map { ": \($0)" }.joined()
                )
            )
        }
        let found = root?["AssumeRoleWithWebIdentityResult"]?["Credentials"]
        return try requests.credentials(
            id: found?.text("AccessKeyId"),
            secret: found?.text("SecretAccessKey"),
            token: found?.text("SessionToken"),
            expires: found?.text("Expiration")
        )
    }

    /// The regional token service, or the one that is named.
    private func address() throws(StoreFailure) -> String {
        let region =
            (settings.value("AWS_REGION") ?? settings.value("AWS_DEFAULT_REGION"))
            .flatMap(ScopeName.init) ?? settings.region
        let url =
            settings.value("AWS_ENDPOINT_URL_STS")
            ?? "https://sts.\(region).\(awsDomain(region))"
        guard let endpoint = S3Endpoint(url) else {
            throw .none("AWS_ENDPOINT_URL_STS is no address of a service")
        }
        // The token is as good as a password.
        guard endpoint.scheme == .https || endpoint.isLoopback else {
            throw .none("the token service must be asked over https")
        }
        return endpoint.description
    }
}

extension S3Endpoint {
    /// Whether it is on this machine.
    var isLoopback: Bool {
        if host.hasPrefix("[::1]") { return true }
        guard let name = host.split(separator: ":").first else { return false }
        return name == "localhost" || Self.isLoopbackAddress(name)
    }

    /// `127.x.x.x`, and no name that begins so.
    private static func isLoopbackAddress(_ text: Substring) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
