import Platform
import Replication
import SigV4

/// Sections and settings of a shared file.
///
/// Settings that are nested below another (indented lines) are left out.
///
/// Reference: AWS SDKs and Tools Reference Guide, "Shared config and credentials files".
struct SettingsFile: Equatable {
    /// Names as they stand between the brackets, blanks collapsed; setting names in lower case.
    private(set) var sections: [String: [String: String]] = [:]

    init(_ text: String) {
        var section: String?
        for line in text.split(whereSeparator: \.isNewline) {
            guard let first = line.unicodeScalars.first, first != "#", first != ";" else {
                continue
            }
            if first == "[" {
                section = line.firstIndex(of: "]").map { end in
                    line[..<end].dropFirst().split(whereSeparator: \.isWhitespace)
                        .joined(separator: " ")
                }
                if let section, sections[section] == nil { sections[section] = [:] }
            } else if let section, !first.properties.isWhitespace,
                let equals = line.firstIndex(of: "=")
            {
                let name = trimmed(line[..<equals]).lowercased()
                sections[section]?[name] = Self.value(line[line.index(after: equals)...])
            }
        }
    }

    /// Without what follows a comment's sign behind a blank.
    private static func value(_ text: Substring) -> String {
        var previous: Character = " "
        var end = text.endIndex
        for index in text.indices {
            if previous.isWhitespace, text[index] == "#" || text[index] == ";" {
                end = index
                break
            }
            previous = text[index]
        }
        return trimmed(text[..<end])
    }
}

private func trimmed(_ text: Substring) -> String {
    let start = text.drop(while: \.isWhitespace)
    guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(start[...last])
}

/// A profile of `~/.aws/credentials` and `~/.aws/config`.
struct SharedFileCredentials: CredentialProvider {
    private let settings: CredentialSettings
    private let profile: String
    private let values: [String: String]

    /// `nil` if neither file has the profile.
    init?(_ settings: CredentialSettings, profile: String) throws(StoreFailure) {
        self.settings = settings
        self.profile = profile
        let keys = try Self.file("AWS_SHARED_CREDENTIALS_FILE", "credentials", settings)
        let config = try Self.file("AWS_CONFIG_FILE", "config", settings)
        let fromKeys = keys.sections[profile]
        let fromConfig =
            config.sections["profile \(profile)"]
            ?? (profile == "default" ? config.sections["default"] : nil)
        guard fromKeys != nil || fromConfig != nil else { return nil }
        values = (fromConfig ?? [:]).merging(fromKeys ?? [:]) { _, key in key }
        // A default profile with settings for other things gives no credentials.
        if profile == "default", !hasCredentials { return nil }
    }

    private static let credentialSettings = [
        "aws_access_key_id", "aws_secret_access_key", "role_arn", "credential_process",
        "sso_session", "sso_start_url",
    ]

    private var hasCredentials: Bool { Self.credentialSettings.contains { values[$0] != nil } }

    /// The file that a variable names, or that stands in the home directory; empty if absent.
    private static func file(
        _ variable: String,
        _ name: String,
        _ settings: CredentialSettings
    ) throws(StoreFailure) -> SettingsFile {
        let path: String
        if let named = settings.value(variable) {
            path = named
        } else if let home = settings.value("HOME") {
            path = "\(home)/.aws/\(name)"
        } else {
            return SettingsFile("")
        }
        do {
            let bytes = try FileSystem.contents(path)
            return SettingsFile(String(decoding: bytes, as: UTF8.self))
        } catch {
            guard error.errno == .notFound else { throw .none("\(error)") }
            return SettingsFile("")
        }
    }

    func issue() throws(StoreFailure) -> IssuedCredentials {
        if let id = values["aws_access_key_id"], let secret = values["aws_secret_access_key"] {
            let credentials = SigningCredentials(
                accessKeyID: id,
                secretAccessKey: secret,
                sessionToken: values["aws_session_token"].flatMap { $0.isEmpty ? nil : $0 }
            )
            guard let credentials else {
                throw .none("the profile \(profile) has a key with a character that no key has")
            }
            return IssuedCredentials(credentials, expires: nil)
        }
        if let role = values["role_arn"], let file = values["web_identity_token_file"] {
            return try WebIdentityCredentials(
                settings,
                role: role,
                tokenFile: file,
                session: values["role_session_name"]
            ).issue()
        }
        for name in [
            "source_profile", "credential_source", "credential_process", "sso_session",
            "sso_start_url",
        ] where values[name] != nil {
            throw .none(
                "the profile \(profile) uses \(name), which is not supported; use keys, a web "
                    + "identity token, the container endpoint or instance metadata"
            )
        }
        throw .none(
            "the profile \(profile) lacks aws_access_key_id and aws_secret_access_key, or role_arn "
                + "and web_identity_token_file"
        )
    }
}
