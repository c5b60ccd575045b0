import Replication
import Testing

@testable import S3

/// Real stores behind a network that goes wrong.
@Suite(.rigs, .tags(.network)) struct StoreFaultTests {
    /// A client behind a proxy, and one that goes straight to the same keys.
    private struct Bench {
        let proxy: FaultProxy
        let near: S3Client
        let direct: S3Client

        init(_ rig: Rig, _ change: (inout S3Configuration) -> Void = { _ in }) throws {
            let proxy = try FaultProxy(rig)
            let near = try rig.client(through: proxy.url) { configuration in
                configuration.retry.baseMilliseconds = 10
                change(&configuration)
            }
            self.proxy = proxy
            self.near = near
            direct = try rig.client { $0.prefix = near.configuration.prefix }
        }

        func versions() throws -> [VersionEntry] {
            try direct.listVersions(prefix: "", depth: .all, after: nil, limit: 100).entries
        }

        func put(_ text: String = "evidence") throws -> (PutResult?, StoreFailure?) {
            var request = PutRequest(key: try key("k"), bytes: bytes(text))
            request.condition = .absent
            do throws(StoreFailure) {
                return (try near.put(request), nil)
            } catch {
                return (nil, error)
            }
        }
    }

    @Test(arguments: Rig.all) func aLostReplyIsLookedAfter(rig: Rig) throws {
        let bench = try Bench(rig)
        defer { bench.proxy.stop() }
        // The second request goes over a connection that was used: libcurl must not repeat it.
        _ = try bench.near.bucketFacts()
        _ = try bench.proxy.seen()
        try bench.proxy.set(#"{"fault": "lost-reply", "method": "PUT", "count": 1}"#)
        let (result, _) = try bench.put()
        #expect(result?.confirmation == .found)
        #expect(try bench.proxy.seen() == ["PUT", "HEAD"])
        let versions = try bench.versions()
        #expect(versions.map(\.name.version) == [try #require(result?.version)])
    }

    @Test(arguments: Rig.all) func aLostReplyOfAFailedConditionIsNotASuccess(rig: Rig) throws {
        guard rig.hasConditions else { return }
        let bench = try Bench(rig)
        defer { bench.proxy.stop() }
        _ = try bench.direct.put(PutRequest(key: key("k"), bytes: bytes("another")))
        try bench.proxy.set(#"{"fault": "lost-reply", "method": "PUT", "count": 1}"#)
        let (_, failure) = try bench.put()
        #expect(failure == .preconditionFailed)
        #expect(try bench.versions().count == 1)
    }

    /// Without a checksum and without an MD5 for a tag, the bytes are read.
    @Test(arguments: Rig.all) func aLostReplyOfAnEncryptedObject(rig: Rig) throws {
        guard rig.encryptsWithKeys else { return }
        let bench = try Bench(rig) { $0.encryptionKey = "rig-kms-key" }
        defer { bench.proxy.stop() }
        try bench.proxy.set(#"{"fault": "lost-reply", "method": "PUT", "count": 1}"#)
        let (result, _) = try bench.put()
        #expect(result?.confirmation == .found)
        #expect(try bench.versions().count == 1)
    }

    @Test(arguments: Rig.all, ["reset", "status", "corrupt-request"])
    func passingFaultsPass(rig: Rig, fault: String) throws {
        let bench = try Bench(rig)
        defer { bench.proxy.stop() }
        try bench.proxy.set(
            "{\"fault\": \"\(fault)\", \"code\": 503, \"method\": \"PUT\", \"count\": 2}"
        )
        let (result, failure) = try bench.put()
        #expect(result?.version != nil, "\(String(describing: failure))")
        #expect(try bench.versions().count == 1)
        #expect(bench.near.statistics.repetitions == 2)
        var received: [UInt8] = []
        _ = try bench.direct.get(key("k"), version: nil, range: nil) {
            unsafe $0.withUnsafeBufferPointer { unsafe received.append(contentsOf: $0) }
        }
        #expect(received == bytes("evidence"))
    }

    @Test(arguments: Rig.all) func lastingFaultsOpenTheCircuit(rig: Rig) throws {
        let bench = try Bench(rig) { configuration in
            configuration.retry.attempts = 5
            configuration.breaker.openMilliseconds = 100
        }
        defer { bench.proxy.stop() }
        try bench.proxy.set(#"{"fault": "status", "code": 503}"#)
        let (_, failure) = try bench.put()
        guard case .throttled = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(bench.near.statistics.circuit == .open)
        #expect(bench.near.statistics.faults == 5)
        try bench.proxy.set()
        bench.near.surroundings.sleep(150)
        let (result, _) = try bench.put()
        #expect(result?.confirmation == .reply)
        #expect(bench.near.statistics.circuit == .closed)
        #expect(bench.near.statistics.circuitOpenings == 1)
    }

    @Test(arguments: Rig.all) func silenceEnds(rig: Rig) throws {
        let bench = try Bench(rig) { configuration in
            configuration.deadlines.attemptMilliseconds = 1_500
            configuration.retry.attempts = 1
        }
        defer { bench.proxy.stop() }
        try bench.proxy.set(#"{"fault": "black-hole"}"#)
        let (_, failure) = try bench.put()
        guard case .transport(.unknown, _) = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        let name = try key("k")
        let read = S3Tests.failure { () throws(StoreFailure) in
            try bench.near.get(name, version: nil, range: nil) { _ in }
        }
        guard case .transport(.unknown, _) = read else {
            Issue.record("\(String(describing: read))")
            return
        }
        #expect(try bench.versions().isEmpty)
    }

    /// The store takes the object after nobody waits for it any more.
    @Test(arguments: Rig.all) func whatComesTooLateIsFoundTheNextTime(rig: Rig) throws {
        let bench = try Bench(rig) { configuration in
            configuration.deadlines.attemptMilliseconds = 1_500
            configuration.retry.attempts = 1
        }
        defer { bench.proxy.stop() }
        try bench.proxy.set(
            #"{"fault": "delay", "seconds": 3, "method": "PUT", "count": 1}"#
        )
        let (_, failure) = try bench.put()
        guard case .transport(.unknown, _) = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        var tries = 0
        while try bench.versions().isEmpty, tries < 600 {
            bench.near.surroundings.sleep(100)
            tries += 1
        }
        #expect(try bench.versions().count == 1)
    }

    @Test(arguments: Rig.all) func truncatedRepliesAreNoReplies(rig: Rig) throws {
        let bench = try Bench(rig) { $0.retry.attempts = 2 }
        defer { bench.proxy.stop() }
        let name = try key("k")
        let content = [UInt8](repeating: 7, count: 200_000)
        _ = try bench.direct.put(PutRequest(key: name, bytes: content))
        try bench.proxy.set(#"{"fault": "truncate", "bytes": 100000}"#)
        var received = 0
        let failure = S3Tests.failure { () throws(StoreFailure) in
            try bench.near.get(name, version: nil, range: nil) { received += $0.count }
        }
        guard case .transport(.unknown, _) = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(received <= 100_000)
        // A listing is collected before it is read: it can be asked for again.
        try bench.proxy.set(#"{"fault": "truncate", "bytes": 20, "count": 1}"#)
        #expect(
            try bench.near.listVersions(prefix: "", depth: .all, after: nil, limit: 9).entries.count
                == 1
        )
    }

    @Test(arguments: Rig.all) func aLostReplyOfACompletionIsLookedAfter(rig: Rig) throws {
        let bench = try Bench(rig)
        defer { bench.proxy.stop() }
        let upload = try bench.near.beginMultipart(MultipartRequest(key: key("k")))
        let part = try bench.near.uploadPart(
            upload,
            number: 1,
            body: .bytes(bytes("evidence")),
            checksum: digest(bytes("evidence"))
        )
        try bench.proxy.set(#"{"fault": "lost-reply", "method": "POST", "count": 1}"#)
        let result = try bench.near.completeMultipart(upload, parts: [part], condition: .absent)
        #expect(result.confirmation == .found)
        #expect(try bench.versions().map(\.name.version) == [try #require(result.version)])
    }
}
