import Cryptography
import EvidenceModel
import HTTPMessage
import Replication
import Testing

@testable import S3

/// How replies are read: nothing is taken for what it is not.
@Suite struct ReplyTests {
    private func head(_ fields: KeyValuePairs<StaticString, String>) throws -> StoreFailure? {
        let server = try FakeServer([.text(200, "x", fields)])
        defer { server.stop() }
        let client = try client(server)
        let name = try key("k")
        return failure { () throws(StoreFailure) in try client.head(name, version: nil) }
    }

    @Test func headTellsAll() throws {
        let sum = digest(bytes("x"))
        let server = try FakeServer([
            .text(
                200,
                "x",
                [
                    "ETag": "\"t\"", "x-amz-version-id": "v1",
                    "x-amz-object-lock-mode": "GOVERNANCE",
                    "x-amz-object-lock-retain-until-date": "2033-11-22T00:00:00.000Z",
                    "x-amz-object-lock-legal-hold": "ON",
                    "x-amz-checksum-sha256": sum.base64,
                ]
            ), .text(200, "xyz"),
        ])
        defer { server.stop() }
        let client = try client(server)
        let head = try client.head(key("k"), version: version("v1"))
        let until = try #require(Timestamp(rfc3339Seconds: "2033-11-22T00:00:00Z"))
        #expect(head.sizeBytes == 1)
        #expect(head.tag?.text == "\"t\"")
        #expect(head.version == (try version("v1")))
        #expect(head.lock == ObjectLock(mode: .governance, until: until))
        #expect(head.hold == .on)
        #expect(head.checksum == .whole(sum))
        // What is not told is not made up.
        let bare = try client.head(key("k"), version: nil)
        #expect(bare.sizeBytes == 3)
        #expect(bare.lock == nil && bare.hold == nil && bare.checksum == nil && bare.tag == nil)
    }

    @Test func halfALockIsAnError() throws {
        for fields in [
            ["x-amz-object-lock-mode": "COMPLIANCE"],
            ["x-amz-object-lock-retain-until-date": "2033-11-22T00:00:00Z"],
            [
                "x-amz-object-lock-mode": "compliance",
                "x-amz-object-lock-retain-until-date": "2033-11-22T00:00:00Z",
            ],
            [
                "x-amz-object-lock-mode": "COMPLIANCE",
                "x-amz-object-lock-retain-until-date": "tomorrow",
            ],
            [
                "x-amz-object-lock-mode": "COMPLIANCE",
                "x-amz-object-lock-retain-until-date": "2033-11-22T00:00:00.500Z",
            ], ["x-amz-object-lock-legal-hold": "MAYBE"],
        ] as [KeyValuePairs<StaticString, String>] {
            guard case .corrupt = try head(fields) else {
                Issue.record("believed \(fields)")
                continue
            }
        }
    }

    @Test func anotherVersionThanAskedForIsAnError() throws {
        let server = try FakeServer([.text(200, "x", ["x-amz-version-id": "v2"])])
        defer { server.stop() }
        let client = try client(server)
        let name = VersionedKey(try key("k"), try version("v1"))
        guard
            case .corrupt = failure({ () throws(StoreFailure) in
                try client.head(name.key, version: name.version)
            })
        else {
            Issue.record("took another version")
            return
        }
    }

    @Test func aPutWithoutATagIsAnError() throws {
        let server = try FakeServer([.text(200)])
        defer { server.stop() }
        let client = try client(server)
        let request = PutRequest(key: try key("k"), bytes: bytes("x"))
        guard case .corrupt = failure({ () throws(StoreFailure) in try client.put(request) })
        else {
            Issue.record("took it for stored")
            return
        }
    }

    @Test func aWholeObjectInsteadOfARangeIsAnError() throws {
        let server = try FakeServer([.text(200, "all of it")])
        defer { server.stop() }
        let client = try client(server)
        let name = try key("k")
        guard
            case .corrupt = failure({ () throws(StoreFailure) in
                try client.get(name, version: nil, range: 0...1) { _ in }
            })
        else {
            Issue.record("took it for a range")
            return
        }
    }

    @Test(arguments: [
        "", "<a>", "{}", "<Other/>", "<!DOCTYPE a><VersioningConfiguration/>",
    ])
    func otherDocumentsAreErrors(body: String) throws {
        let server = try FakeServer([.text(200, body)])
        defer { server.stop() }
        let client = try client(server)
        guard
            case .corrupt = failure({ () throws(StoreFailure) in try client.bucketFacts() })
        else {
            Issue.record("read \(body)")
            return
        }
    }

    @Test func factsOfABucket() throws {
        let server = try FakeServer { request, _ in
            switch request.query.keys.first {
            case "versioning":
                .text(
                    200,
                    "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
                )
            case "object-lock":
                .text(
                    200,
                    "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>"
                        + "<DefaultRetention><Mode>COMPLIANCE</Mode><Days>7</Days>"
                        + "</DefaultRetention></Rule></ObjectLockConfiguration>"
                )
            default: .text(200, "<LocationConstraint/>")
            }
        }
        defer { server.stop() }
        let facts = try client(server).bucketFacts()
        #expect(facts.versioning == .enabled)
        #expect(facts.objectLocking?.defaultRetention == "COMPLIANCE, 7 days")
        #expect(facts.region == "us-east-1")
    }

    @Test func factsOfABucketThatLocksNothing() throws {
        let server = try FakeServer { request, _ in
            switch request.query.keys.first {
            case "versioning": .text(200, "<VersioningConfiguration/>")
            case "object-lock": .error(404, "ObjectLockConfigurationNotFoundError")
            default: .error(403, "AccessDenied")
            }
        }
        defer { server.stop() }
        let facts = try client(server).bucketFacts()
        #expect(facts == BucketFacts(versioning: .never, objectLocking: nil, region: nil))
    }

    @Test func locksAndHoldsThatAreNotThere() throws {
        let server = try FakeServer { request, _ in
            request.method == "HEAD"
                ? .text(200, "x", ["x-amz-version-id": "v1"])
                : .error(404, "NoSuchObjectLockConfiguration")
        }
        defer { server.stop() }
        let client = try client(server)
        let name = VersionedKey(try key("k"), try version("v1"))
        #expect(try client.retention(of: name) == nil)
        #expect(try client.legalHold(of: name) == .off)
    }

    /// A refused deletion is `locked` only if the version's own state shows it.
    @Test func refusedDeletionsAreExplained() throws {
        let locked: KeyValuePairs<StaticString, String> = [
            "x-amz-object-lock-mode": "COMPLIANCE",
            "x-amz-object-lock-retain-until-date": "2033-11-22T00:00:00Z",
        ]
        let expired: KeyValuePairs<StaticString, String> = [
            "x-amz-object-lock-mode": "COMPLIANCE",
            "x-amz-object-lock-retain-until-date": "2020-11-22T00:00:00Z",
        ]
        let cases: [(Response, Response, Bool)] = [
            (.error(403, "AccessDenied"), .text(200, "x", locked), true),
            (.error(400, "InvalidRequest"), .text(200, "x", locked), true),
            (
                .error(403, "AccessDenied"),
                .text(200, "x", ["x-amz-object-lock-legal-hold": "ON"]), true
            ),
            (.error(403, "AccessDenied"), .text(200, "x", expired), false),
            (.error(403, "AccessDenied"), .text(200, "x"), false),
            (.error(403, "AccessDenied"), .text(403), false),
        ]
        for (refusal, head, isLocked) in cases {
            let server = try FakeServer { request, _ in
                request.method == "DELETE" ? refusal : head
            }
            defer { server.stop() }
            let client = try client(server)
            let name = VersionedKey(try key("k"), try version("v1"))
            let found = failure { () throws(StoreFailure) in try client.delete(name) }
            if case .locked = found {
                #expect(isLocked)
            } else {
                #expect(!isLocked, "\(String(describing: found))")
            }
        }
    }

    @Test func deletingWhatIsGoneIsDone() throws {
        let server = try FakeServer([.error(404, "NoSuchVersion")])
        defer { server.stop() }
        try client(server).delete(VersionedKey(key("k"), version("v1")))
        try client(server).abortMultipart(MultipartUpload(key: key("k"), identifier: "u"))
    }
}
