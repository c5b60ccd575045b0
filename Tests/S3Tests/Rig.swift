import CurlClient
import EvidenceModel
import Foundation
import Platform
import Replication
import SigV4
import Testing

@testable import S3

extension Trait where Self == ConditionTrait {
    /// For tests that need the stores which `scripts/rigs/run.py` starts.
    static var rigs: Self {
        .enabled(
            if: !Rig.all.isEmpty,
            "STRONGROOM_S3_ENDPOINTS names no stores; scripts/rigs/run.py starts them"
        )
    }
}

/// A real store on loopback.
struct Rig: Sendable, CustomTestStringConvertible {
    let name: String
    let url: String

    var testDescription: String { name }

    private static func variable(_ name: String) -> String {
        ProcessInfo.processInfo.environment[name] ?? ""
    }

    /// `seaweedfs=http://127.0.0.1:1 radosgw=…`.
    static let all: [Rig] = variable("STRONGROOM_S3_ENDPOINTS").split(separator: " ").map { item in
        let parts = item.split(separator: "=", maxSplits: 1).map(String.init)
        precondition(parts.count == 2, "STRONGROOM_S3_ENDPOINTS must be of NAME=URL")
        return Rig(name: parts[0], url: parts[1])
    }

    // What a store does not do; Strongroom notices or goes without.

    /// Without: of `.absent` nothing comes, and `.matching` never holds.
    var hasConditions: Bool { name != "radosgw" }
    var keepsChecksums: Bool { name != "radosgw" }
    var locksMultiparts: Bool { name != "radosgw" }
    var encryptsWithKeys: Bool { name == "radosgw" }

    static func credentials(
        id: String? = nil,
        secret: String? = nil
    ) throws -> SigningCredentials {
        try #require(
            SigningCredentials(
                accessKeyID: id ?? variable("STRONGROOM_S3_ACCESS_KEY"),
                secretAccessKey: secret ?? variable("STRONGROOM_S3_SECRET_KEY")
            )
        )
    }

    /// One bucket with Object Lock for all tests of a run.
    private static let bucket = "run-" + Random.bytes(count: 6).map { "\($0)" }.joined()
    private static let made = Platform.Mutex(Set<String>())

    func configuration(through url: String? = nil) throws -> S3Configuration {
        var configuration = S3Configuration(
            endpoint: try #require(S3Endpoint(url ?? self.url)),
            region: try #require(ScopeName(Self.variable("STRONGROOM_S3_REGION"))),
            bucket: try #require(BucketName(Self.bucket))
        )
        configuration.addressing = .path
        // Two processors carry the stores, the tests and what else the machine does.
        configuration.deadlines.connectMilliseconds = 60_000
        configuration.deadlines.attemptMilliseconds = 60_000
        return configuration
    }

    /// A client whose keys nobody else sees.
    func client(
        through url: String? = nil,
        credentials: SigningCredentials? = nil,
        surroundings: Surroundings = .machine,
        _ change: (inout S3Configuration) -> Void = { _ in }
    ) throws -> S3Client {
        try Self.made.withLock { made in
            guard made.insert(name).inserted else { return }
            try makeBucket(Self.bucket, fields: [("x-amz-bucket-object-lock-enabled", "true")])
        }
        var configuration = try configuration(through: url)
        let letters = Random.bytes(count: 6).map { "\($0)" }.joined()
        configuration.prefix = try #require(KeyPrefix("test \(letters)"))
        change(&configuration)
        return S3Client(
            configuration,
            credentials: CredentialCache(
                StaticCredentials(try credentials ?? Self.credentials())
            ),
            surroundings: surroundings
        )
    }

    func makeBucket(_ name: String, fields: [(String, String)] = []) throws {
        var configuration = try configuration()
        configuration.bucket = try #require(BucketName(name))
        let client = S3Client(
            configuration,
            credentials: CredentialCache(StaticCredentials(try Self.credentials()))
        )
        var call = S3Call("PUT")
        call.fields = fields.map { (name: $0.0, value: $0.1) }
        _ = try client.perform(call)
    }
}

/// A lock that ends so many seconds from now.
func lock(
    seconds: Int64,
    mode: RetentionMode = .compliance
) throws -> ObjectLock {
    let now = try #require(Timestamp(milliseconds: Clock.wallMilliseconds()))
    let until = try #require(now.adding(milliseconds: seconds * 1_000)?.roundedUpToSecond())
    return try #require(ObjectLock(mode: mode, until: until))
}

/// A proxy in front of a store that goes wrong when it is told to; see scripts/rigs.
final class FaultProxy {
    let url: String
    private let orders: String
    private let process: Process
    private let input = Pipe()

    init(_ rig: Rig) throws {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../scripts/rigs/fault_proxy.py").path
        let port = try #require(rig.url.split(separator: ":").last)
        let output = Pipe()
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", script, String(port)]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var bytes: [UInt8] = []
        while bytes.last != 10, let more = try output.fileHandleForReading.read(upToCount: 1) {
            bytes += more
        }
        let line = String(decoding: bytes, as: UTF8.self)
        let ports = line.split(whereSeparator: \.isWhitespace)
        try #require(ports.count == 2, "the proxy has not started: \(line)")
        url = "http://127.0.0.1:\(ports[0])"
        orders = "http://127.0.0.1:\(ports[1])"
    }

    /// Ends the proxy: it goes with its input.
    func stop() {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    private func order(_ request: ClientRequest) throws -> [UInt8] {
        let client = HTTPClient(
            baseURL: orders,
            options: HTTPClient.Options(userAgent: "tests/1")
        )
        let response = try client.perform(request)
        try #require(response.status == 200)
        return response.body
    }

    /// Sets the rules; each is a JSON object.
    func set(_ rules: String...) throws {
        let text = "[\(rules.joined(separator: ","))]"
        _ = try order(
            ClientRequest(method: "PUT", url: "/rules", body: .bytes(Array(text.utf8)))
        )
    }

    /// The methods of the requests that were seen since the last call.
    func seen() throws -> [String] {
        struct Entry: Decodable { let method: String }
        let log = try order(ClientRequest(url: "/log"))
        _ = try order(ClientRequest(method: "DELETE", url: "/log"))
        return try JSONDecoder().decode([Entry].self, from: Data(log)).map(\.method)
    }
}
