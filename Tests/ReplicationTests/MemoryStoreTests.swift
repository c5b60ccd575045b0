import Cryptography
import EvidenceModel
import Platform
import Replication
import StoreDouble
import Testing

/// The double is strict, or what is tested with it is not tested.
@Suite struct MemoryStoreTests {
    private let store: MemoryStore
    private var bucket: MemoryBucket { store.bucket }

    init() throws {
        store = MemoryStore(prefix: "p/")
        store.bucket.setClock(try time("2026-01-01T00:00:00Z"))
    }

    private func stored(
        _ text: String,
        _ content: String = "evidence",
        lock: ObjectLock? = nil,
        hold: LegalHold = .off
    ) throws -> VersionedKey {
        var request = PutRequest(key: try key(text), bytes: bytes(content))
        request.lock = lock
        request.hold = hold
        return VersionedKey(request.key, try #require(try store.put(request).version))
    }

    private func read(_ name: VersionedKey, range: ClosedRange<UInt64>? = nil) throws -> [UInt8] {
        var received: [UInt8] = []
        _ = try store.get(name.key, version: name.version, range: range) { span in
            for place in span.indices { received.append(span[place]) }
        }
        return received
    }

    private func deletion(_ name: VersionedKey) -> StoreFailure? {
        failure { () throws(StoreFailure) in try store.delete(name) }
    }

    @Test func whatIsStoredIsTold() throws {
        let granted = try lock(until: "2033-01-01T00:00:00Z")
        let name = try stored("k", lock: granted, hold: .on)
        let head = try store.head(name.key, version: name.version)
        #expect(head.sizeBytes == 8 && head.lock == granted && head.hold == .on)
        let content = bytes("evidence")
        #expect(head.checksum == .whole(SHA256.hash(content.span)))
        #expect(try read(name) == content)
        #expect(try read(name, range: 2...4) == bytes("ide"))
        #expect(try store.retention(of: name) == granted)
        #expect(bucket.versions().map(\.name.key.text) == ["p/k"])
        #expect(bucket.bytes(of: try key("p/k")) == content)
    }

    @Test func locksHoldUntilTheyEnd() throws {
        let name = try stored("k", lock: try lock(until: "2026-01-01T00:01:00Z"))
        bucket.advance(milliseconds: 60_000)
        #expect(try #require(deletion(name)).isLocked, "the last second counts")
        bucket.advance(milliseconds: 1)
        #expect(deletion(name) == nil)
        #expect(deletion(name) == nil, "once more: nothing to do")
        #expect(bucket.versions().isEmpty)
    }

    @Test func locksAreOnlyExtended() throws {
        let name = try stored("k", lock: try lock(until: "2030-01-01T00:00:00Z"))
        let weaker = [
            try lock(until: "2029-12-31T23:59:59Z"),
            try lock(.governance, until: "2031-01-01T00:00:00Z"),
        ]
        for lock in weaker {
            let found = failure { () throws(StoreFailure) in
                try store.setRetention(lock, of: name)
            }
            #expect(try #require(found).isLocked)
        }
        let longer = try lock(until: "2031-01-01T00:00:00Z")
        try store.setRetention(longer, of: name)
        #expect(try store.retention(of: name) == longer)
    }

    @Test func holdsHoldWithoutALock() throws {
        let name = try stored("k", hold: .on)
        #expect(try #require(deletion(name)).isLocked)
        try store.setLegalHold(.off, of: name)
        #expect(try store.legalHold(of: name) == .off)
        #expect(deletion(name) == nil)
    }

    @Test func manyAreDeletedEachOnItsOwn() throws {
        let free = try stored("free")
        let locked = try stored("locked", lock: try lock(until: "2030-01-01T00:00:00Z"))
        let outcomes = try store.delete([free, locked])
        #expect(outcomes.map(\.name) == [free, locked])
        #expect(outcomes[0].failure == nil)
        #expect(try #require(outcomes[1].failure).isLocked)
        #expect(bucket.versions().map(\.name.version) == [locked.version])
    }

    @Test func conditions() throws {
        var request = PutRequest(key: try key("register"), bytes: bytes("one"))
        request.condition = .absent
        let first = try store.put(request)
        #expect(
            failure { () throws(StoreFailure) in try store.put(request) } == .preconditionFailed
        )
        request = PutRequest(key: request.key, bytes: bytes("two"))
        request.condition = .matching(first.tag)
        _ = try store.put(request)
        #expect(
            failure { () throws(StoreFailure) in try store.put(request) } == .preconditionFailed
        )
        bucket.mark(try key("p/register"))
        #expect(failure { () throws(StoreFailure) in try store.put(request) } == .notFound)
        let name = request.key
        #expect(
            failure { () throws(StoreFailure) in try store.head(name, version: nil) }
                == .deleteMarker
        )
        request.condition = .absent
        _ = try store.put(request)
    }

    @Test func otherBytesThanPromisedAreRefused() throws {
        let promised = bytes("x")
        let request = PutRequest(
            key: try key("k"),
            body: .bytes(bytes("y")),
            checksum: SHA256.hash(promised.span)
        )
        guard case .corrupt = failure({ () throws(StoreFailure) in try store.put(request) })
        else {
            Issue.record("stored")
            return
        }
        #expect(bucket.versions().isEmpty)
    }

    @Test func locksNeedABucketForThem() throws {
        bucket.setUp(hasObjectLock: false)
        let found = #expect(throws: StoreFailure.self) {
            try stored("k", lock: try lock(until: "2030-01-01T00:00:00Z"))
        }
        guard case .rejected = found else {
            Issue.record("\(String(describing: found))")
            return
        }
        bucket.setUp(defaultLock: (.compliance, 1))
        let name = try stored("k")
        #expect(try store.retention(of: name) == lock(until: "2026-01-02T00:00:00Z"))
        let facts = try store.bucketFacts()
        #expect(facts.objectLocking?.defaultRetention == "COMPLIANCE, 1 days")
    }

    @Test func listingsGoOnWhereTheyEnded() throws {
        for text in ["a/1", "a/2", "a-b", "b", "c/1"] {
            for content in ["one", "two"] { _ = try stored(text, content) }
        }
        bucket.mark(try key("p/b"))
        for limit in 1...4 {
            var names: [VersionedKey] = []
            var latest = 0
            var cursor: ListCursor?
            repeat {
                let page = try store.listVersions(
                    prefix: "",
                    depth: .all,
                    after: cursor,
                    limit: limit
                )
                #expect(page.entries.count <= limit)
                names += page.entries.map(\.name)
                latest += page.entries.count(where: \.isLatest)
                cursor = page.next
            } while cursor != nil
            #expect(names.count == 11 && Set(names).count == 11 && latest == 5)
            #expect(names.map(\.key) == names.map(\.key).sorted())
        }
    }

    @Test func listingsByLevel() throws {
        for text in ["a/1", "a/2", "a-b", "a/b/c", "b"] { _ = try stored(text) }
        for limit in 1...4 {
            var found: [String] = []
            var cursor: ListCursor?
            repeat {
                let page = try store.listVersions(
                    prefix: "",
                    depth: .level,
                    after: cursor,
                    limit: limit
                )
                found += page.entries.map(\.name.key.text) + page.folders
                cursor = page.next
            } while cursor != nil
            #expect(found.sorted() == ["a-b", "a/", "b"], "pages of \(limit)")
        }
        let below = try store.listVersions(prefix: "a/", depth: .level, after: nil, limit: 9)
        #expect(below.entries.map(\.name.key.text) == ["a/1", "a/2"])
        #expect(below.folders == ["a/b/"])
    }

    @Test func uploadsInParts() throws {
        let first = [UInt8](repeating: 1, count: MemoryStore.minimumPartBytes)
        var begun = MultipartRequest(key: try key("k"))
        begun.lock = try lock(until: "2030-01-01T00:00:00Z")
        let upload = try store.beginMultipart(begun)
        #expect(try store.listMultiparts(prefix: "", after: nil).uploads == [upload])
        let parts = try [first, bytes("end")].enumerated().map { number, content in
            try store.uploadPart(
                upload,
                number: number + 1,
                body: .bytes(content),
                checksum: SHA256.hash(content.span)
            )
        }
        let done = try store.completeMultipart(upload, parts: parts, condition: .absent)
        let head = try store.head(begun.key, version: done.version)
        #expect(head.sizeBytes == UInt64(first.count + 3))
        #expect(head.lock == begun.lock)
        #expect(head.checksum == ObjectChecksum(parts: parts.map(\.checksum)))
        #expect(bucket.openUploads == 0)
        let again = failure { () throws(StoreFailure) in
            try store.completeMultipart(upload, parts: parts, condition: .none)
        }
        #expect(again == .notFound)
    }

    @Test func faultsComeAsOften() throws {
        let fault = StoreFailure.unavailable(detail: "x")
        bucket.fail(next: 2, [.put], below: "p/a", with: fault)
        bucket.fail([.put], below: "p/b", with: fault, effect: .done)
        for _ in 1...2 {
            #expect(throws: fault) { try stored("a") }
        }
        _ = try stored("a")
        #expect(throws: fault) { try stored("b") }
        #expect(bucket.versions().map(\.name.key.text) == ["p/a", "p/b"])
        #expect(bucket.requests.count == 4)
        #expect(store.statistics.requests == 4 && store.statistics.faults == 3)
    }

    @Test func credentialsAllowWhatTheyAllow() throws {
        let name = try stored("k", lock: try lock(until: "2030-01-01T00:00:00Z"))
        let free = try stored("free")
        let writer = MemoryStore(bucket, prefix: "p/", allowing: StoreOperation.writing)
        let refused = failure { () throws(StoreFailure) in try writer.delete(free) }
        #expect(try #require(refused).isDenied)
        let remover = MemoryStore(bucket, prefix: "p/", allowing: StoreOperation.deleting)
        let unseen = failure { () throws(StoreFailure) in try remover.delete(name) }
        #expect(try #require(unseen).isDenied, "the lock cannot be looked at")
        try remover.delete(free)
        let head = failure { () throws(StoreFailure) in
            try remover.head(name.key, version: name.version)
        }
        #expect(try #require(head).isDenied)
    }

    @Test func damageAsksNoLock() throws {
        let name = try stored("k", lock: try lock(until: "2030-01-01T00:00:00Z"))
        let whole = VersionedKey(try key("p/k"), name.version)
        bucket.flipBit(of: whole, at: 0)
        #expect(try read(name) == bytes("dvidence"))
        bucket.vanish(whole)
        #expect(bucket.versions().isEmpty)
    }
}
