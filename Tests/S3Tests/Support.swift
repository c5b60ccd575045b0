import Cryptography
import EvidenceModel
import Replication
import SigV4
import Testing

@testable import S3

extension Tag {
    /// Talks to a real store.
    @Tag static var network: Self
}

/// The failure that `body` ends with; `nil` if it ends well.
func failure<Value>(_ body: () throws(StoreFailure) -> Value) -> StoreFailure? {
    do throws(StoreFailure) {
        _ = try body()
        return nil
    } catch {
        return error
    }
}

func key(_ text: String) throws -> ObjectKey { try #require(ObjectKey(text)) }

func version(_ text: String) throws -> ObjectVersion { try #require(ObjectVersion(text)) }

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func digest(_ bytes: [UInt8]) -> SHA256Digest { SHA256.hash(bytes.span) }

func credentials(
    _ id: String = "AKID",
    _ secret: String = "secret",
    token: String? = nil
) throws -> SigningCredentials {
    try #require(
        SigningCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: token)
    )
}

/// A bucket called `bucket` at a server, by path.
func configuration(_ url: String) throws -> S3Configuration {
    var configuration = S3Configuration(
        endpoint: try #require(S3Endpoint(url)),
        region: try #require(ScopeName("us-east-1")),
        bucket: try #require(BucketName("bucket"))
    )
    configuration.addressing = .path
    // Deadlines run by the machine's clock, whatever time a test hands in.
    configuration.deadlines.connectMilliseconds = 60_000
    configuration.deadlines.attemptMilliseconds = 60_000
    return configuration
}

/// A client of a fake server.
func client(
    _ server: FakeServer,
    time: FakeTime = FakeTime(),
    token: String? = nil,
    _ change: (inout S3Configuration) -> Void = { _ in }
) throws -> S3Client {
    var configuration = try configuration(server.url)
    change(&configuration)
    return S3Client(
        configuration,
        credentials: CredentialCache(
            StaticCredentials(try credentials(token: token)),
            surroundings: time.surroundings
        ),
        surroundings: time.surroundings
    )
}

/// Some COMPLIANCE lock.
func lock(until text: String = "2033-11-22T00:00:00Z") throws -> ObjectLock {
    let until = try #require(Timestamp(rfc3339Seconds: text))
    return try #require(ObjectLock(mode: .compliance, until: until))
}
