import Cryptography
import HTTPMessage
import Replication
import SigV4
import Testing

@testable import S3

/// What goes over the wire.
@Suite struct RequestTests {
    /// The signature of a request, computed from what arrived.
    private func authorization(of request: FakeRequest, host: String) throws -> String {
        let authorization = try #require(request.fields["authorization"])
        let names = try #require(authorization.split(separator: "SignedHeaders=").last)
            .prefix { $0 != "," }.split(separator: ";").map(String.init)
        let own = ["host", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"]
        let signed = try SigningRequest(
            method: request.method,
            host: host,
            path: request.path,
            query: request.query.map { SigningRequest.Item($0.key, $0.value) },
            fields: names.filter { !own.contains($0) }.map {
                SigningRequest.Item($0, request.fields[$0] ?? "")
            },
            payload: .signed(digest(request.body))
        )
        let time = try #require(SigningTime(secondsSince1970: 1_795_219_200))
        var signer = Signer(
            credentials: try credentials(token: request.fields["x-amz-security-token"]),
            region: try #require(ScopeName("us-east-1"))
        )
        return signer.fields(signing: signed, at: time).last?.value ?? ""
    }

    @Test func everyRequestIsSignedWithItsBody() throws {
        let server = try FakeServer { request, _ in
            switch (request.method, request.query["retention"]) {
            case ("PUT", _): .stored
            case ("GET", .some):
                .text(
                    200,
                    "<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>2033-11-22T00:00:00Z"
                        + "</RetainUntilDate></Retention>"
                )
            default: .text(200, "", ["Content-Type": "text/plain"])
            }
        }
        defer { server.stop() }
        let client = try client(server, token: "to/ken+==")
        let name = VersionedKey(try key("a/b.tar.zst"), try version("v1"))
        _ = try client.put(PutRequest(key: name.key, bytes: bytes("evidence")))
        _ = try client.retention(of: name)
        try client.setRetention(lock(), of: name)
        try client.setLegalHold(.on, of: name)
        try client.delete(name)
        #expect(server.requests.count == 5)
        let host = String(server.url.dropFirst("http://".count))
        for request in server.requests {
            let expected = try authorization(of: request, host: host)
            #expect(request.fields["authorization"] == expected)
            #expect(request.fields["x-amz-content-sha256"] == digest(request.body).hex)
            // Every field that S3 gives a meaning is in the signature.
            for name in request.fields.keys where name.hasPrefix("x-amz-") {
                #expect(expected.contains(name), "\(name) is not signed")
            }
            #expect(!request.fields.keys.contains { $0.contains("bypass") })
            if request.method == "PUT" {
                #expect(request.fields["x-amz-checksum-sha256"] == digest(request.body).base64)
            }
        }
    }

    @Test func aPutSaysAllThatItMust() throws {
        let server = try FakeServer([.stored])
        defer { server.stop() }
        let client = try client(server) { configuration in
            configuration.prefix = KeyPrefix("log one") ?? .none
            configuration.contentMD5 = .sent
            configuration.encryptionKey = "key-1"
        }
        var request = PutRequest(key: try key("packs/ä"), bytes: bytes("evidence"))
        request.lock = try lock()
        request.hold = .on
        request.condition = .absent
        request.mediaType = "application/x-tar"
        let result = try client.put(request)
        #expect(result.version == (try version("v1")))
        #expect(result.tag.text == "\"tag\"")
        #expect(result.confirmation == .reply)
        let sent = try #require(server.requests.first)
        #expect(sent.method == "PUT")
        #expect(sent.path == "/bucket/log%20one/packs/%C3%A4")
        let expected = [
            "content-type": "application/x-tar", "if-none-match": "*",
            "x-amz-object-lock-mode": "COMPLIANCE",
            "x-amz-object-lock-retain-until-date": "2033-11-22T00:00:00Z",
            "x-amz-object-lock-legal-hold": "ON", "x-amz-server-side-encryption": "aws:kms",
            "x-amz-server-side-encryption-aws-kms-key-id": "key-1",
            // printf evidence | openssl md5 -binary | base64
            "content-md5": "FOENVwBHZn+QQmHm0I9SDw==",
        ]
        for (name, value) in expected { #expect(sent.fields[name] == value, "\(name)") }
    }

    @Test func aPlainPutSaysNoMore() throws {
        let server = try FakeServer([.stored])
        defer { server.stop() }
        var request = PutRequest(key: try key("k"), bytes: [])
        request.condition = .matching(try #require(ObjectTag("\"old\"")))
        _ = try client(server).put(request)
        let sent = try #require(server.requests.first)
        #expect(sent.fields["if-match"] == "\"old\"")
        #expect(sent.fields["content-length"] == "0")
        for name in sent.fields.keys {
            #expect(!name.contains("lock") && !name.contains("md5") && !name.contains("encryption"))
        }
    }

    @Test func bucketsCanBePartOfTheHost() throws {
        let server = try FakeServer([.stored])
        defer { server.stop() }
        // No resolver knows `bucket.127.0.0.1`; `localhost` and what is below it is this machine.
        let port = try #require(server.url.split(separator: ":").last)
        let client = try client(server) { configuration in
            configuration.addressing = .virtualHost
            configuration.endpoint =
                S3Endpoint("http://localhost:\(port)") ?? configuration.endpoint
        }
        _ = try client.put(PutRequest(key: key("k"), bytes: bytes("x")))
        let sent = try #require(server.requests.first)
        #expect(sent.path == "/k")
        #expect(sent.fields["host"] == "bucket.localhost:\(port)")
        let expected = try authorization(of: sent, host: "bucket.localhost:\(port)")
        #expect(sent.fields["authorization"] == expected)
    }

    @Test func readsAskForAVersionARangeAndTheChecksum() throws {
        let server = try FakeServer { _, _ in
            .text(
                206,
                "vid",
                ["Content-Range": "bytes 1-3/8", "ETag": "\"t\"", "x-amz-version-id": "v1"]
            )
        }
        defer { server.stop() }
        var received: [UInt8] = []
        let head = try client(server).get(key("k"), version: version("v1"), range: 1...3) {
            unsafe $0.withUnsafeBufferPointer { unsafe received.append(contentsOf: $0) }
        }
        #expect(received == bytes("vid"))
        #expect(head.sizeBytes == 8)
        let sent = try #require(server.requests.first)
        #expect(sent.query == ["versionId": "v1"])
        #expect(sent.fields["range"] == "bytes=1-3")
        #expect(sent.fields["x-amz-checksum-mode"] == "ENABLED")
    }

    @Test func aFileIsSentInPart() throws {
        let folder = try Folder()
        let path = try folder.write("payload", bytes("0123456789"))
        let server = try FakeServer([.stored])
        defer { server.stop() }
        let client = try client(server) { $0.contentMD5 = .sent }
        let body = ObjectBody.file(path: path, offset: 2, sizeBytes: 5)
        let sum = digest(bytes("23456"))
        _ = try client.put(PutRequest(key: key("k"), body: body, checksum: sum))
        let sent = try #require(server.requests.first)
        #expect(sent.bodyText == "23456")
        #expect(sent.fields["content-length"] == "5")
        #expect(sent.fields["x-amz-content-sha256"] == sum.hex)
        // printf 23456 | openssl md5 -binary | base64
        #expect(sent.fields["content-md5"] == "rcrsOAWqkSwNCxSoG+22/w==")
        #expect(client.statistics.sentBytes == 5)
    }

    @Test func aFileThatIsTooShortIsNotTheStoresFault() throws {
        let folder = try Folder()
        let path = try folder.write("payload", bytes("0123456789"))
        let server = try FakeServer([.stored])
        defer { server.stop() }
        for (file, size) in [(path, 11), (folder.path + "/absent", 1)] as [(String, UInt64)] {
            let body = ObjectBody.file(path: file, offset: 0, sizeBytes: size)
            let request = PutRequest(key: try key("k"), body: body, checksum: digest([]))
            let client = try client(server)
            guard case .local = failure({ () throws(StoreFailure) in try client.put(request) })
            else {
                Issue.record("not told as a local fault")
                return
            }
            #expect(client.statistics.faults == 0)
        }
    }
}
