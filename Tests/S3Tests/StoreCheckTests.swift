import Cryptography
import EvidenceModel
import Platform
import Replication
import SigV4
import Testing

@testable import S3

/// What is tried before a target is added, on real stores.
@Suite(.rigs, .tags(.network)) struct StoreCheckTests {
    private func description(_ client: S3Client) throws -> TargetDescription {
        var description = TargetDescription(
            name: try TargetName("second"),
            bucket: client.configuration.bucket.text,
            region: client.configuration.region.text,
            logRetention: try RetentionDuration(parsing: "10y")
        )
        description.prefix = client.configuration.prefix.text
        return description
    }

    private func check(_ client: S3Client, deleting: S3Client? = nil) throws -> BucketFacts {
        try TargetCheck.run(
            client,
            try description(client),
            origin: "log.example",
            keys: [],
            deleting: deleting,
            root: { _ in nil }
        )
    }

    private func refusal(_ client: S3Client) throws -> String {
        do {
            _ = try check(client)
        } catch TargetError.unsuitable(let text) {
            return text
        }
        Issue.record("it was found suitable")
        return ""
    }

    /// A client of a bucket of its own.
    private func client(
        _ rig: Rig,
        bucket fields: [(String, String)]
    ) throws -> S3Client {
        let name = "check-" + Random.bytes(count: 6).map { "\($0)" }.joined()
        try rig.makeBucket(name, fields: fields)
        let bucket = try #require(BucketName(name))
        return try rig.client { $0.bucket = bucket }
    }

    private static let locking = [("x-amz-bucket-object-lock-enabled", "true")]

    @Test(arguments: Rig.all) func aFittingBucketIsTaken(rig: Rig) throws {
        let client = try rig.client()
        let facts = try check(client, deleting: client)
        #expect(facts.versioning == .enabled && facts.objectLocking?.defaultRetention == nil)
        let rest = try client.listVersions(prefix: "", depth: .all, after: nil, limit: 100).entries
        #expect(rest.count == 1)
        let name = try #require(rest.first?.name)
        #expect(try client.retention(of: name)?.mode == .compliance)
        #expect(try client.legalHold(of: name) == .off)
    }

    @Test(arguments: Rig.all) func bucketsThatAreNot(rig: Rig) throws {
        let plain = try refusal(try client(rig, bucket: []))
        #expect(plain.contains("versioning is off and it has no Object Lock"), "\(plain)")
        let standard = try client(rig, bucket: Self.locking)
        var call = S3Call("PUT", query: [("object-lock", "")])
        call.attach(
            "<ObjectLockConfiguration xmlns=\"\(S3Client.namespace)\">"
                + "<ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>"
                + "<Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention></Rule>"
                + "</ObjectLockConfiguration>"
        )
        _ = try standard.perform(call)
        let locked = try refusal(standard)
        #expect(locked.contains("default retention (GOVERNANCE, 1 days)"), "\(locked)")
        let missing = try #require(BucketName("nowhere"))
        let nowhere = try refusal(try rig.client { $0.bucket = missing })
        #expect(nowhere.contains("there is no such bucket"), "\(nowhere)")
        for text in [plain, locked, nowhere] { #expect(text.contains("; "), "\(text)") }
    }

    @Test(arguments: Rig.all) func keysThatAreNot(rig: Rig) throws {
        let unknown = try rig.client(credentials: try Rig.credentials(id: "AKIDUNKNOWN"))
        let first = try refusal(unknown)
        #expect(first.contains("does not know the access key"), "\(first)")
        let wrong = try rig.client(credentials: try Rig.credentials(secret: "another"))
        let second = try refusal(wrong)
        #expect(second.contains("is not that of the access key"), "\(second)")
    }

    @Test(arguments: Rig.all) func clocksThatAreNot(rig: Rig) throws {
        var surroundings = Surroundings.machine
        surroundings.wallMilliseconds = { Clock.wallMilliseconds() - 3_600_000 }
        let text = try refusal(try rig.client(surroundings: surroundings))
        #expect(text.contains("the clocks of this machine and of the store"), "\(text)")
    }

    @Test(arguments: Rig.all) func tlsWhereThereIsNone(rig: Rig) throws {
        let url = rig.url.replacing("http://", with: "https://")
        let text = try refusal(try rig.client(through: url) { $0.retry.attempts = 1 })
        #expect(text.contains("there is no secure connection"), "\(text)")
        #expect(text.contains("replication.caFile"))
    }

    @Test(arguments: Rig.all) func nobodyThere(rig: Rig) throws {
        let client = try rig.client(through: "http://127.0.0.1:1") { $0.retry.attempts = 1 }
        do {
            _ = try check(client)
            Issue.record("it was found suitable")
        } catch TargetError.store(.transport(.notSent, _), let activity) {
            #expect(activity.contains("check the endpoint"))
        }
    }

    @Test(arguments: Rig.all) func theRegisterOfAnotherLog(rig: Rig) throws {
        let client = try rig.client()
        let text = "other.example\n1\n\(digest(bytes("x")).base64)\n\n— other.example AAAAAAAA\n"
        _ = try client.put(PutRequest(key: key("log/checkpoint"), bytes: bytes(text)))
        let found = try refusal(client)
        #expect(found.contains("belongs to another log, other.example"), "\(found)")
    }
}
