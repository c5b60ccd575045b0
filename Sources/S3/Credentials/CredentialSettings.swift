import EvidenceModel
import Platform
package import Replication
package import SigV4

/// What decides where credentials come from: the environment, as Amazon's own tools read it.
package struct CredentialSettings: Sendable {
    /// The value of an environment variable.
    package var environment: @Sendable (_ name: String) -> String?
    /// The profile of the shared files to use, and no other source.
    package var profile: String?
    /// For the address of the token service.
    package var region: ScopeName
    package var surroundings: Surroundings
    package var userAgent = "strongroom"
    /// Where the agent of a container listens.
    package var containerHost = "http://169.254.170.2"
    /// How many times as long as usual a service may take.
    package var patience = 1

    package init(
        region: ScopeName,
        profile: String? = nil,
        environment: @escaping @Sendable (_ name: String) -> String? = {
            Environment.value($0)
        },
        surroundings: Surroundings = .machine
    ) {
        self.region = region
        self.profile = profile
        self.environment = environment
        self.surroundings = surroundings
    }

    /// A variable that is set and not empty.
    func value(_ name: String) -> String? {
        guard let value = environment(name), !value.isEmpty else { return nil }
        return value
    }
}

/// The first source that is set up; what is wrong with it is not covered up by the next.
///
/// In this order: variables with keys, web identity token, shared files, container endpoint,
/// instance metadata. With a profile named: the shared files alone.
///
/// Reference: AWS SDKs and Tools Reference Guide, "Standardized credential providers".
package struct StandardCredentials: CredentialProvider {
    private let settings: CredentialSettings

    package init(_ settings: CredentialSettings) {
        self.settings = settings
    }

    package func issue() throws(StoreFailure) -> IssuedCredentials {
        try provider().issue()
    }

    /// The source that would be used.
    func provider() throws(StoreFailure) -> any CredentialProvider {
        if let profile = settings.profile {
            guard let found = try SharedFileCredentials(settings, profile: profile) else {
                throw .none("the shared files have no profile \(profile)")
            }
            return found
        }
        if let found = try environmentKeys() { return found }
        if let found = try WebIdentityCredentials(settings) { return found }
        let profile = settings.value("AWS_PROFILE")
        if let found = try SharedFileCredentials(settings, profile: profile ?? "default") {
            return found
        }
        if let profile { throw .none("AWS_PROFILE is \(profile), which no shared file has") }
        if let found = try ContainerCredentials(settings) { return found }
        if let found = try InstanceCredentials(settings) { return found }
        throw .none(
            "none of these gives any: environment variables, web identity token, shared files, "
                + "container endpoint, instance metadata"
        )
    }

    private func environmentKeys() throws(StoreFailure) -> StaticCredentials? {
        let id = settings.value("AWS_ACCESS_KEY_ID")
        let secret = settings.value("AWS_SECRET_ACCESS_KEY")
        guard id != nil || secret != nil else { return nil }
        guard let id, let secret else {
            throw .none("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set together")
        }
        let credentials = SigningCredentials(
            accessKeyID: id,
            secretAccessKey: secret,
            sessionToken: settings.value("AWS_SESSION_TOKEN")
        )
        guard let credentials else {
            throw .none("the AWS_ variables have a character that no key has")
        }
        return StaticCredentials(credentials)
    }
}

extension StoreFailure {
    /// There are no credentials, for this reason.
    static func none(_ detail: String) -> StoreFailure { .invalid(.noCredentials, detail: detail) }
}
