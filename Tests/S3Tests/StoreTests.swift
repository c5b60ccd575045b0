import CurlClient
import EvidenceModel
import Platform
import Replication
import SigV4
import Testing

@testable import S3

/// Each operation on real stores.
@Suite(.rigs, .tags(.network)) struct StoreTests {
    private func read(
        _ client: S3Client,
        _ key: ObjectKey,
        version: ObjectVersion? = nil,
        range: ClosedRange<UInt64>? = nil
    ) throws -> [UInt8] {
        var received: [UInt8] = []
        _ = try client.get(key, version: version, range: range) {
            unsafe $0.withUnsafeBufferPointer { unsafe received.append(contentsOf: $0) }
        }
        return received
    }

    @Test(arguments: Rig.all) func whatIsStoredIsTold(rig: Rig) throws {
        let client = try rig.client { $0.contentMD5 = .sent }
        var request = PutRequest(key: try key("a b+c/é🔒?&=#%.tar"), bytes: bytes("evidence"))
        request.lock = try lock(seconds: 86_400)
        request.hold = .on
        let stored = try client.put(request)
        let version = try #require(stored.version)
        let head = try client.head(request.key, version: version)
        #expect(head.sizeBytes == 8)
        #expect(head.lock == request.lock)
        #expect(head.hold == .on)
        #expect(head.tag == stored.tag)
        #expect(head.checksum == (rig.keepsChecksums ? .whole(request.checksum) : nil))
        #expect(try read(client, request.key) == bytes("evidence"))
        #expect(try read(client, request.key, version: version, range: 2...4) == bytes("ide"))
        #expect(client.statistics.faults == 0)
    }

    @Test(arguments: Rig.all) func aVersionStaysWhatItWas(rig: Rig) throws {
        let client = try rig.client()
        let name = try key("k")
        let first = try client.put(PutRequest(key: name, bytes: bytes("first")))
        let second = try client.put(PutRequest(key: name, bytes: bytes("second")))
        #expect(first.version != second.version)
        #expect(try read(client, name) == bytes("second"))
        #expect(try read(client, name, version: first.version) == bytes("first"))
        try client.delete(VersionedKey(name, try #require(second.version)))
        #expect(try read(client, name) == bytes("first"))
        #expect(
            failure { () throws(StoreFailure) in
                try client.head(name, version: second.version)
            } == .notFound
        )
        // Once more: nothing to do.
        try client.delete(VersionedKey(name, try #require(second.version)))
    }

    @Test(arguments: Rig.all) func conditions(rig: Rig) throws {
        let client = try rig.client()
        var request = PutRequest(key: try key("register"), bytes: bytes("one"))
        request.condition = .absent
        let first = try client.put(request)
        let again = failure { () throws(StoreFailure) in try client.put(request) }
        #expect(again == (rig.hasConditions ? .preconditionFailed : nil))
        for text in ["two", "three"] {
            var next = PutRequest(key: request.key, bytes: bytes(text))
            next.condition = .matching(first.tag)
            let isLate = text == "three" || !rig.hasConditions
            let found = failure { () throws(StoreFailure) in try client.put(next) }
            #expect(found == (isLate ? .preconditionFailed : nil))
        }
        let expected = rig.hasConditions ? "two" : "one"
        #expect(try read(client, request.key) == bytes(expected))
        var other = PutRequest(key: try key("nothing there"), bytes: bytes("x"))
        other.condition = .matching(first.tag)
        let found = failure { () throws(StoreFailure) in try client.put(other) }
        #expect(found == .preconditionFailed || found == .notFound)
    }

    @Test(arguments: Rig.all) func otherBytesThanPromisedAreRefused(rig: Rig) throws {
        let client = try rig.client { $0.retry.attempts = 1 }
        let request = PutRequest(
            key: try key("k"),
            body: .bytes(bytes("evidence")),
            checksum: digest(bytes("other"))
        )
        guard case .corrupt = failure({ () throws(StoreFailure) in try client.put(request) })
        else {
            Issue.record("stored")
            return
        }
        let name = request.key
        #expect(
            failure { () throws(StoreFailure) in try client.head(name, version: nil) } == .notFound
        )
    }

    @Test(arguments: Rig.all) func largeFilesGoInOnePiece(rig: Rig) throws {
        let folder = try Folder()
        let content = (0..<9_000_000).map { UInt8(truncatingIfNeeded: $0 / 251) }
        let path = try folder.write("payload", content)
        let client = try rig.client()
        let part = Array(content[1_000...])
        let request = PutRequest(
            key: try key("large"),
            body: .file(path: path, offset: 1_000, sizeBytes: UInt64(part.count)),
            checksum: digest(part)
        )
        _ = try client.put(request)
        #expect(try digest(read(client, request.key)) == request.checksum)
    }

    @Test(arguments: Rig.all) func listingsGoOnWhereTheyEnded(rig: Rig) throws {
        let client = try rig.client()
        let names = try ["a b", "a+b", "b/c", "é", "🔒"].map { try key($0) }
        for name in names {
            for text in ["1", "22"] {
                _ = try client.put(PutRequest(key: name, bytes: bytes(text)))
            }
        }
        // A deletion without a version hides what is below it.
        _ = try client.perform(S3Call("DELETE", key: client.path(names[0])))
        for limit in 1...4 {
            let (entries, _) = try all(client, "", .all, limit: limit)
            #expect(entries.count == 11)
            #expect(Set(entries.map(\.name)).count == 11)
            #expect(entries.map(\.name.key) == entries.map(\.name.key).sorted())
            #expect(entries.count { $0.isLatest } == 5)
            #expect(entries.first?.content == .deleteMarker)
            #expect(entries.allSatisfy { $0.modified != nil })
            let sizes = entries.filter { $0.name.key == names[4] }.map { entry in
                guard case .object(let sizeBytes, _) = entry.content else { return UInt64.max }
                return sizeBytes
            }
            #expect(sizes == [2, 1])
        }
        let hidden = names[0]
        let found = failure { () throws(StoreFailure) in try client.head(hidden, version: nil) }
        #expect(found == .deleteMarker || found == .notFound)
        #expect(try all(client, "none", .all, limit: 9).0.isEmpty)
    }

    /// All pages of a listing.
    private func all(
        _ client: S3Client,
        _ prefix: String,
        _ depth: ListDepth,
        limit: Int
    ) throws -> ([VersionEntry], folders: [String]) {
        var entries: [VersionEntry] = []
        var folders: [String] = []
        var cursor: ListCursor?
        var pages = 0
        repeat {
            let page = try client.listVersions(
                prefix: prefix,
                depth: depth,
                after: cursor,
                limit: limit
            )
            #expect(page.entries.count + page.folders.count <= limit)
            entries += page.entries
            folders += page.folders
            cursor = page.next
            pages += 1
        } while cursor != nil && pages < 30
        return (entries, folders)
    }

    /// `payments/` stands behind `payments-eu/` among keys, before it among directories.
    @Test(arguments: Rig.all) func aWalkByLevelMissesNothing(rig: Rig) throws {
        let client = try rig.client()
        let names = ["p/payments/1", "p/payments/2", "p/payments-eu/1", "p/payments.x/1/2", "p/z"]
        for name in names { _ = try client.put(PutRequest(key: key(name), bytes: bytes("x"))) }
        var found: [String] = []
        var waiting = [""]
        while let prefix = waiting.popLast() {
            let (entries, folders) = try all(client, prefix, .level, limit: 1_000)
            #expect(folders.allSatisfy { $0.hasPrefix(prefix) && $0.hasSuffix("/") })
            found += entries.map(\.name.key.text)
            waiting += folders
        }
        #expect(found.sorted() == names.sorted())
    }

    @Test(arguments: Rig.all) func uploadsInParts(rig: Rig) throws {
        let client = try rig.client()
        var request = MultipartRequest(key: try key("parts"))
        request.lock = try lock(seconds: 86_400)
        let abandoned = try client.beginMultipart(request)
        let upload = try client.beginMultipart(request)
        let contents = [[UInt8](repeating: 1, count: 5 << 20), bytes("end")]
        let parts = try contents.enumerated().map { index, content in
            try client.uploadPart(
                upload,
                number: index + 1,
                body: .bytes(content),
                checksum: digest(content)
            )
        }
        #expect(
            Set(try client.listMultiparts(prefix: "", after: nil).uploads) == [abandoned, upload]
        )
        let result = try client.completeMultipart(upload, parts: parts, condition: .absent)
        try client.abortMultipart(abandoned)
        #expect(try client.listMultiparts(prefix: "", after: nil).uploads.isEmpty)
        let head = try client.head(request.key, version: result.version)
        #expect(head.sizeBytes == 5 << 20 + 3)
        #expect(head.lock == (rig.locksMultiparts ? request.lock : nil))
        if let checksum = head.checksum {
            #expect(checksum == ObjectChecksum(parts: parts.map(\.checksum)))
        }
        #expect(try digest(read(client, request.key)) == digest(contents.flatMap { $0 }))
        // Of another object at the key nothing is overwritten, where conditions are kept.
        let late = try client.beginMultipart(MultipartRequest(key: request.key))
        let part = try client.uploadPart(
            late,
            number: 1,
            body: .bytes(bytes("x")),
            checksum: digest(bytes("x"))
        )
        let found = failure { () throws(StoreFailure) in
            try client.completeMultipart(late, parts: [part], condition: .absent)
        }
        #expect(found == (rig.hasConditions ? .preconditionFailed : nil))
    }

    @Test(arguments: Rig.all) func presignedURLsNeedNoMore(rig: Rig) throws {
        let client = try rig.client()
        let request = PutRequest(key: try key("a b"), bytes: bytes("evidence"))
        _ = try client.put(request)
        let configuration = client.configuration
        let signing = try SigningRequest(
            method: "GET",
            host: configuration.endpoint.host,
            path: "/\(configuration.bucket)/\(client.path(request.key))",
            payload: .unsigned
        )
        var signer = Signer(credentials: try Rig.credentials(), region: configuration.region)
        let seconds = Clock.wallMilliseconds() / 1_000
        let query = signer.query(
            presigning: signing,
            at: try #require(SigningTime(secondsSince1970: seconds)),
            lifetime: try #require(PresignedLifetime(seconds: 60))
        )
        let http = HTTPClient(options: HTTPClient.Options(userAgent: "tests/1"))
        let url = "\(rig.url)\(signing.encodedPath)?\(query)"
        #expect(try http.perform(ClientRequest(url: url)).body == bytes("evidence"))
        let last = query.hasSuffix("0") ? "1" : "0"
        let forged = "\(url.dropLast())\(last)"
        #expect(try http.perform(ClientRequest(url: forged)).status == 403)
    }

    @Test(arguments: Rig.all) func keysOfTheStore(rig: Rig) throws {
        guard rig.encryptsWithKeys else { return }
        let client = try rig.client { $0.encryptionKey = "rig-kms-key" }
        let request = PutRequest(key: try key("k"), bytes: bytes("evidence"))
        _ = try client.put(request)
        #expect(try read(client, request.key) == bytes("evidence"))
        let other = try rig.client { $0.encryptionKey = "another" }
        #expect(failure { () throws(StoreFailure) in try other.put(request) } != nil)
    }
}
