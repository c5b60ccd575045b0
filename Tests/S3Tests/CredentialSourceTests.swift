import EvidenceModel
import HTTPMessage
import Replication
import SigV4
import Testing

@testable import S3

/// Settings whose environment is what a test says.
private func settings(
    _ environment: [String: String],
    profile: String? = nil,
    time: FakeTime = FakeTime()
) throws -> CredentialSettings {
    var settings = CredentialSettings(
        region: try #require(ScopeName("eu-central-1")),
        profile: profile,
        environment: { environment[$0] },
        surroundings: time.surroundings
    )
    settings.containerHost = environment["TEST_CONTAINER_HOST"] ?? settings.containerHost
    // A busy machine must not look like a service that is silent.
    settings.patience = 30
    return settings
}

private func issued(
    _ environment: [String: String],
    profile: String? = nil
) throws -> IssuedCredentials {
    try StandardCredentials(try settings(environment, profile: profile)).issue()
}

/// Why there are no credentials.
private func refusal(
    _ environment: [String: String],
    profile: String? = nil
) throws -> String? {
    let provider = StandardCredentials(try settings(environment, profile: profile))
    let found = failure { () throws(StoreFailure) in try provider.issue() }
    guard case .invalid(.noCredentials, let detail) = found else { return nil }
    return detail
}

private let secret = "wJalr/XUtn+FEMI"

/// JSON as the endpoints of containers and instances give it.
private func document(code: String = "") -> String {
    """
    {\(code)"AccessKeyId":"ASIAX","SecretAccessKey":"\(secret)","Token":"to+ken",\
    "Expiration":"2026-11-22T00:00:00Z","LastUpdated":"2026-11-21T00:00:00Z"}
    """
}

/// `@Suite` of what stands in the environment and in files.
@Suite struct CredentialSourceTests {
    @Test func keysInTheEnvironment() throws {
        let found = try issued([
            "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_SESSION_TOKEN": "token",
        ])
        #expect(found.credentials.accessKeyID == "AKID")
        #expect(found.credentials.secretAccessKey.revealed == secret)
        #expect(found.credentials.sessionToken?.revealed == "token")
        #expect(found.expires == nil)
        let bare = try issued([
            "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": "",
        ])
        #expect(bare.credentials.sessionToken == nil)
    }

    @Test func halfAKeyIsAnError() throws {
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            let detail = try #require(try refusal([name: secret]))
            #expect(detail.contains("must be set together"))
            #expect(!detail.contains(secret))
        }
    }

    @Test func nothingIsSetUp() throws {
        let detail = try #require(try refusal(["AWS_EC2_METADATA_DISABLED": "true"]))
        #expect(detail.contains("instance metadata"))
    }

    private static let credentialsFile = """
        # A comment
        [default]
        aws_access_key_id = DEFAULT
        aws_secret_access_key=abc  # not of the key
        [  prod ]
        AWS_ACCESS_KEY_ID = PROD
        aws_secret_access_key = a+b/c=
          nested = no
        aws_session_token =  tok
        """
    private static let configFile = """
        [default]
        region = eu-central-1
        [profile prod]
        aws_access_key_id = LOSES
        [profile process]
        credential_process = /bin/get
        [profile empty]
        region = x
        [prod]
        aws_access_key_id = NOT-A-PROFILE
        """

    private func files(_ folder: Folder) throws -> [String: String] {
        [
            "AWS_SHARED_CREDENTIALS_FILE": try folder.write("credentials", Self.credentialsFile),
            "AWS_CONFIG_FILE": try folder.write("config", Self.configFile),
            "AWS_EC2_METADATA_DISABLED": "true",
        ]
    }

    @Test func profilesOfTheSharedFiles() throws {
        let folder = try Folder()
        var environment = try files(folder)
        #expect(try issued(environment).credentials.accessKeyID == "DEFAULT")
        #expect(try issued(environment).credentials.secretAccessKey.revealed == "abc")
        let named = try issued(environment, profile: "prod").credentials
        #expect(named.accessKeyID == "PROD")
        #expect(named.secretAccessKey.revealed == "a+b/c=")
        #expect(named.sessionToken?.revealed == "tok")
        environment["AWS_PROFILE"] = "prod"
        #expect(try issued(environment).credentials.accessKeyID == "PROD")
        // A profile that is named is used, whatever keys the environment has.
        environment["AWS_ACCESS_KEY_ID"] = "AKID"
        environment["AWS_SECRET_ACCESS_KEY"] = secret
        #expect(try issued(environment).credentials.accessKeyID == "AKID")
        #expect(try issued(environment, profile: "prod").credentials.accessKeyID == "PROD")
    }

    @Test func filesOfTheHomeDirectory() throws {
        let folder = try Folder()
        _ = try folder.write("credentials", "")
        let home = try Folder()
        try home.makeFolder(".aws")
        _ = try home.write(".aws/credentials", Self.credentialsFile)
        #expect(try issued(["HOME": home.path]).credentials.accessKeyID == "DEFAULT")
    }

    @Test func profilesThatGiveNothing() throws {
        let folder = try Folder()
        var environment = try files(folder)
        #expect(try refusal(environment, profile: "absent")?.contains("no profile absent") == true)
        #expect(try refusal(environment, profile: "empty")?.contains("lacks") == true)
        let unsupported = try #require(try refusal(environment, profile: "process"))
        #expect(unsupported.contains("credential_process, which is not supported"))
        environment["AWS_PROFILE"] = "absent"
        #expect(try refusal(environment)?.contains("AWS_PROFILE is absent") == true)
    }

    /// Keys that were rotated on disk are there at the next look.
    @Test func filesAreReadAnew() throws {
        let folder = try Folder()
        let environment = try files(folder)
        let provider = StandardCredentials(try settings(environment))
        _ = try provider.issue()
        _ = try folder.write(
            "credentials",
            "[default]\naws_access_key_id=NEW\naws_secret_access_key=s\n"
        )
        #expect(try provider.issue().credentials.accessKeyID == "NEW")
    }

    @Test(arguments: [
        ("", 0), ("[a", 0), ("a=b", 0), ("[a]\nb", 1), ("[a]\n[a]\nb=1\n[b]", 2), ("[]\na=b", 1),
    ])
    func filesOfAnyKind(text: String, sections: Int) {
        #expect(SettingsFile(text).sections.count == sections)
    }
}

/// Of what is asked over the network.
@Suite struct CredentialServiceTests {
    private func tokenEnvironment(_ server: FakeServer, _ folder: Folder) throws -> [String: String]
    {
        [
            "AWS_WEB_IDENTITY_TOKEN_FILE": try folder.write("token", "the.web+token\n"),
            "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r",
            "AWS_ENDPOINT_URL_STS": server.url,
        ]
    }

    @Test func aRoleForAWebIdentityToken() throws {
        let folder = try Folder()
        let server = try FakeServer([
            .error(503, "Busy"),
            .text(
                200,
                """
                <AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/">
                <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAX</AccessKeyId>
                <SecretAccessKey>\(secret)</SecretAccessKey><SessionToken>to+ken</SessionToken>
                <Expiration>2026-11-22T00:00:00Z</Expiration></Credentials>
                </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>
                """
            ),
        ])
        defer { server.stop() }
        let found = try issued(tokenEnvironment(server, folder))
        #expect(found.credentials.accessKeyID == "ASIAX")
        #expect(found.credentials.sessionToken?.revealed == "to+ken")
        #expect(found.expires == Timestamp(rfc3339Seconds: "2026-11-22T00:00:00Z"))
        #expect(server.requests.count == 2)
        let sent = try #require(server.requests.last)
        #expect(sent.method == "POST" && sent.path == "/")
        #expect(
            sent.bodyText
                == "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
                + "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fr"
                + "&RoleSessionName=strongroom&WebIdentityToken=the.web%2Btoken"
        )
        #expect(sent.fields["authorization"] == nil)
    }

    @Test func aRefusedToken() throws {
        let folder = try Folder()
        let server = try FakeServer([
            .text(
                400,
                "<ErrorResponse><Error><Code>ExpiredTokenException</Code><Message>Token expired"
                    + "</Message></Error></ErrorResponse>"
            )
        ])
        defer { server.stop() }
        let detail = try #require(try refusal(tokenEnvironment(server, folder)))
        #expect(detail.contains("ExpiredTokenException: Token expired"))
        #expect(!detail.contains("web+token"))
        #expect(server.requests.count == 1)
    }

    @Test func tokensGoOverTLSOrStayHere() throws {
        let folder = try Folder()
        let environment = [
            "AWS_WEB_IDENTITY_TOKEN_FILE": try folder.write("token", "t"), "AWS_ROLE_ARN": "r",
        ]
        for url in ["http://sts.example.org", "http://10.0.0.1", "nonsense"] {
            let merged = environment.merging(["AWS_ENDPOINT_URL_STS": url]) { $1 }
            #expect(try refusal(merged) != nil)
        }
        #expect(try refusal(["AWS_WEB_IDENTITY_TOKEN_FILE": "x"])?.contains("ROLE_ARN") == true)
    }

    private func ask(
        _ answers: [Response],
        _ environment: (FakeServer) throws -> [String: String]
    ) throws -> (found: IssuedCredentials?, detail: String?, requests: [FakeRequest]) {
        let server = try FakeServer(answers)
        defer { server.stop() }
        let provider = StandardCredentials(try settings(environment(server)))
        do throws(StoreFailure) {
            return (try provider.issue(), nil, server.requests)
        } catch {
            return (nil, "\(error)", server.requests)
        }
    }

    @Test func theEndpointOfAContainer() throws {
        let folder = try Folder()
        let file = try folder.write("token", "first\n")
        for environment in [
            ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "URL/v1/creds?a=b"],
            ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v1/creds?a=b"],
        ] {
            let asked = try ask([.text(200, document())]) { server in
                var environment = environment.mapValues {
                    $0.replacing("URL", with: server.url)
                }
                environment["TEST_CONTAINER_HOST"] = server.url
                environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "not this one"
                environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = file
                return environment
            }
            #expect(asked.found?.credentials.accessKeyID == "ASIAX")
            #expect(asked.found?.expires?.rfc3339Seconds == "2026-11-22T00:00:00Z")
            #expect(asked.requests.map(\.path) == ["/v1/creds"])
            #expect(asked.requests.first?.query == ["a": "b"])
            #expect(asked.requests.first?.fields["authorization"] == "first")
        }
    }

    @Test(arguments: [
        ("https://example.org/creds", true), ("http://127.0.0.1:80/creds", true),
        ("http://169.254.170.2/creds", true), ("http://169.254.170.23/v1", true),
        ("http://[fd00:ec2::23]/v1", true), ("http://localhost/x", true),
        ("http://example.org/", false), ("http://169.254.169.254/", false),
        ("http://169.254.170.2.example.org/", false), ("http://169.254.170.2@example.org/", false),
        ("ftp://127.0.0.1/", false), ("", false), ("/relative", false),
    ])
    func onlySomeHostsAreTrustedWithTheToken(url: String, isTrusted: Bool) throws {
        #expect(ContainerCredentials.isTrusted(url) == isTrusted)
        if !isTrusted, !url.isEmpty {
            #expect(try refusal(["AWS_CONTAINER_CREDENTIALS_FULL_URI": url]) != nil)
        }
    }

    @Test func theMetadataOfAnInstance() throws {
        let asked = try ask([
            .text(200, "session"), .text(200, "the role\n"),
            .text(200, document(code: "\"Code\":\"Success\",")),
        ]) { ["AWS_EC2_METADATA_SERVICE_ENDPOINT": $0.url] }
        #expect(asked.found?.credentials.accessKeyID == "ASIAX")
        #expect(asked.requests.map(\.method) == ["PUT", "GET", "GET"])
        let path = "/latest/meta-data/iam/security-credentials/"
        #expect(asked.requests.map(\.path) == ["/latest/api/token", path, path + "the%20role"])
        let first = try #require(asked.requests.first)
        #expect(first.fields["x-aws-ec2-metadata-token-ttl-seconds"] == "21600")
        #expect(
            asked.requests.dropFirst().allSatisfy {
                $0.fields["x-aws-ec2-metadata-token"] == "session"
            }
        )
    }

    /// Without a session token nothing is asked: the first version of the service is not used.
    @Test(arguments: [403, 404, 405])
    func anOldMetadataServiceGivesNothing(status: Int) throws {
        let asked = try ask([.text(status)]) { ["AWS_EC2_METADATA_SERVICE_ENDPOINT": $0.url] }
        #expect(asked.detail?.contains("status \(status)") == true)
        #expect(asked.requests.count == 1)
    }

    @Test(arguments: [
        "", "[]", "nonsense", "{}", "{\"AccessKeyId\":\"A\"}",
        "{\"Code\":\"AssumeRoleUnauthorizedAccess\"}",
        "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"wJalr\",\"Token\":\"t\"}",
        "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"wJalr\",\"Token\":\"t\","
            + "\"Expiration\":\"soon\"}",
        "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"wJalr\\n\",\"Token\":\"t\","
            + "\"Expiration\":\"2026-11-22T00:00:00Z\"}",
        "{\"AccessKeyId\":1,\"SecretAccessKey\":\"wJalr\",\"Token\":\"t\","
            + "\"Expiration\":\"2026-11-22T00:00:00Z\"}",
    ])
    func repliesThatGiveNothing(body: String) throws {
        let asked = try ask([.text(200, body)]) {
            ["AWS_CONTAINER_CREDENTIALS_FULL_URI": $0.url + "/"]
        }
        let detail = try #require(asked.detail)
        #expect(detail.contains("the container's endpoint"))
        #expect(!detail.contains("wJalr"))
    }

    @Test func servicesAreAskedThreeTimes() throws {
        let asked = try ask([.text(500)]) {
            ["AWS_CONTAINER_CREDENTIALS_FULL_URI": $0.url + "/"]
        }
        #expect(asked.requests.count == 3)
        #expect(asked.detail?.contains("status 500") == true)
    }

    @Test func theFirstSourceThatIsSetUpIsTheOne() throws {
        let folder = try Folder()
        var environment = [
            "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_WEB_IDENTITY_TOKEN_FILE": "/absent", "AWS_ROLE_ARN": "r",
            "AWS_SHARED_CREDENTIALS_FILE": try folder.write(
                "credentials",
                "[default]\naws_access_key_id=F\naws_secret_access_key=s\n"
            ),
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x",
        ]
        func kind() throws -> String {
            "\(type(of: try StandardCredentials(try settings(environment)).provider()))"
        }
        #expect(try kind() == "StaticCredentials")
        environment["AWS_ACCESS_KEY_ID"] = nil
        environment["AWS_SECRET_ACCESS_KEY"] = nil
        #expect(try kind() == "WebIdentityCredentials")
        environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = nil
        #expect(try kind() == "SharedFileCredentials")
        environment["AWS_SHARED_CREDENTIALS_FILE"] = nil
        #expect(try kind() == "ContainerCredentials")
        environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = nil
        #expect(try kind() == "InstanceCredentials")
    }
}
