import EvidenceModel
import HTTPMessage
import Platform
import Replication
import SigV4
import Testing

@testable import S3

/// Attempts, waits, the circuit and the pool.
@Suite struct AttemptTests {
    @Test func whatPassesIsTriedAgain() throws {
        let time = FakeTime()
        let server = try FakeServer([
            .error(503, "SlowDown"), .error(500, "InternalError"), .text(200, "x"),
        ])
        defer { server.stop() }
        let client = try client(server, time: time)
        var received = 0
        _ = try client.get(key("k"), version: nil, range: nil) { received += $0.count }
        #expect(received == 1)
        #expect(time.slept == [200, 400])
        #expect(client.statistics.requests == 3)
        #expect(client.statistics.repetitions == 2)
        #expect(client.statistics.faults == 2)
        #expect(client.statistics.circuit == .closed)
    }

    @Test func attemptsAreSpent() throws {
        let server = try FakeServer([.error(500, "InternalError")])
        defer { server.stop() }
        let client = try client(server)
        let name = try key("k")
        guard
            case .unavailable = failure({ () throws(StoreFailure) in
                try client.head(name, version: nil)
            })
        else {
            Issue.record("not unavailable")
            return
        }
        #expect(server.requests.count == 3)
    }

    @Test func whatStaysIsNotTriedAgain() throws {
        let server = try FakeServer([.error(403, "AccessDenied")])
        defer { server.stop() }
        let client = try client(server)
        _ = failure { () throws(StoreFailure) in try client.bucketFacts() }
        #expect(server.requests.count == 1)
    }

    /// Each attempt is signed with the time that it is sent at.
    @Test func attemptsAreSignedAnew() throws {
        let server = try FakeServer([.error(500, "InternalError"), .text(200, "x")])
        defer { server.stop() }
        let client = try client(server) { configuration in
            configuration.retry.baseMilliseconds = 2_000
        }
        _ = try client.get(key("k"), version: nil, range: nil) { _ in }
        let dates = server.requests.map { $0.fields["x-amz-date"] }
        #expect(dates == ["20261121T000000Z", "20261121T000002Z"])
    }

    @Test func theCircuitOpensAndCloses() throws {
        let time = FakeTime()
        let server = try FakeServer { _, number in
            number < 5 ? .error(500, "InternalError") : .text(200, "x")
        }
        defer { server.stop() }
        let client = try client(server, time: time) { configuration in
            configuration.retry.baseMilliseconds = 0
            configuration.breaker.openMilliseconds = 10_000
        }
        let name = try key("k")
        func get() -> StoreFailure? {
            failure { () throws(StoreFailure) in
                try client.get(name, version: nil, range: nil) { _ in }
            }
        }
        _ = get()
        // The fault that opens it ends the attempts, and is what is told.
        guard case .unavailable = get() else {
            Issue.record("not unavailable")
            return
        }
        #expect(server.requests.count == 5)
        #expect(client.statistics.circuit == .open)
        #expect(client.statistics.circuitOpenings == 1)
        #expect(get() == .circuitOpen(retryAfterMilliseconds: 10_000))
        #expect(server.requests.count == 5)
        time.pass(milliseconds: 10_000)
        #expect(get() == nil)
        #expect(client.statistics.circuit == .closed)
    }

    /// A refusal is an answer: it keeps the circuit closed.
    @Test func refusalsAreNoFaults() throws {
        let server = try FakeServer([.error(403, "AccessDenied")])
        defer { server.stop() }
        let client = try client(server)
        for _ in 0..<20 { _ = failure { () throws(StoreFailure) in try client.bucketFacts() } }
        #expect(client.statistics.circuit == .closed)
        #expect(client.statistics.faults == 0)
    }

    @Test func connectionsAreBoundedAndReused() throws {
        let most = Mutex((now: 0, most: 0))
        let server = try FakeServer { _, _ in
            most.withLock { count in
                count.now += 1
                count.most = max(count.most, count.now)
            }
            Clock.sleep(milliseconds: 5)
            most.withLock { $0.now -= 1 }
            return .stored
        }
        defer { server.stop() }
        let client = try client(server) { $0.connections = 2 }
        let request = PutRequest(key: try key("k"), bytes: bytes("x"))
        let failures = Mutex(0)
        let threads = (0..<6).map { _ in
            Thread(name: "put") {
                for _ in 0..<5 {
                    let found = failure { () throws(StoreFailure) in try client.put(request) }
                    if found != nil { failures.withLock { $0 += 1 } }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(failures.withLock { $0 } == 0)
        #expect(server.requests.count == 30)
        #expect(most.withLock { $0.most } <= 2)
    }

    /// What a caller has been given cannot be taken back.
    @Test func aBrokenReadIsNotRepeatedOnceItHasBegun() throws {
        let server = try FakeServer { _, _ in
            Response(status: 200, body: .stream(lengthBytes: 100_000, Broken()))
        }
        defer { server.stop() }
        var received = 0
        let client = try client(server)
        let name = try key("k")
        guard
            case .transport(.unknown, _) = failure({ () throws(StoreFailure) in
                try client.get(name, version: nil, range: nil) { received += $0.count }
            })
        else {
            Issue.record("taken for whole")
            return
        }
        #expect(received > 0 && received < 100_000)
        #expect(server.requests.count == 1)
    }

    @Test func whatDripsIsEnded() throws {
        let time = FakeTime()
        let server = try FakeServer([.text(200, String(repeating: "x", count: 500_000))])
        defer { server.stop() }
        let client = try client(server, time: time)
        let name = try key("k")
        guard
            case .transport(.unknown, let detail) = failure({ () throws(StoreFailure) in
                try client.get(name, version: nil, range: nil) { _ in
                    // Each piece takes longer than a megabyte may.
                    time.pass(milliseconds: 90_000)
                }
            })
        else {
            Issue.record("waited for ever")
            return
        }
        #expect(detail.contains("too slowly"))
        #expect(client.statistics.faults == 1)
    }

    private struct Full: Error {}

    @Test func whatReceivesMayGiveUp() throws {
        let server = try FakeServer([.text(200, "x")])
        defer { server.stop() }
        let client = try client(server)
        let name = try key("k")
        guard
            case .local = failure({ () throws(StoreFailure) in
                try client.get(name, version: nil, range: nil) { _ in throw Full() }
            })
        else {
            Issue.record("not told as a local fault")
            return
        }
        #expect(client.statistics.faults == 0)
        #expect(server.requests.count == 1)
    }

    @Test func expiredCredentialsAreRenewedOnce() throws {
        let issued = Mutex(0)
        let server = try FakeServer { request, _ in
            request.fields["authorization"]?.contains("Credential=KEY1/") == true
                ? .error(400, "ExpiredToken") : .stored
        }
        defer { server.stop() }
        let provider = CountingProvider { number throws(StoreFailure) in
            issued.withLock { $0 = number }
            guard
                let credentials = SigningCredentials(
                    accessKeyID: "KEY\(number)",
                    secretAccessKey: "s"
                )
            else { throw .none("no key") }
            return IssuedCredentials(credentials, expires: nil)
        }
        let client = S3Client(
            try configuration(server.url),
            credentials: CredentialCache(provider)
        )
        let request = PutRequest(key: try key("k"), bytes: bytes("x"))
        _ = try client.put(request)
        _ = try client.put(request)
        #expect(issued.withLock { $0 } == 2)
        #expect(server.requests.count == 3)
    }

    @Test func credentialsThatStayExpiredAreToldSo() throws {
        let server = try FakeServer([.error(400, "ExpiredToken")])
        defer { server.stop() }
        let client = try client(server)
        guard
            case .invalid(.expiredCredentials, _) = failure({
                () throws(StoreFailure) in try client.bucketFacts()
            })
        else {
            Issue.record("not told as expired")
            return
        }
        #expect(server.requests.count == 2)
        #expect(client.statistics.circuit == .closed)
    }
}

/// Gives half of what it promised.
///
/// `@unchecked Sendable`: one thread reads it.
private final class Broken: BodyReader, @unchecked Sendable {
    private var left = 50_000

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(BodyInterrupted) -> Int {
        guard left > 0 else { throw BodyInterrupted("told to go wrong") }
        let count = min(left, buffer.count)
        unsafe buffer[..<count].initializeMemory(as: UInt8.self, repeating: 7)
        left -= count
        return count
    }
}

/// A provider that a closure stands for; it gets the number of the call, from 1.
final class CountingProvider: CredentialProvider {
    private let body: @Sendable (Int) throws(StoreFailure) -> IssuedCredentials
    private let count = Mutex(0)

    init(_ body: @escaping @Sendable (Int) throws(StoreFailure) -> IssuedCredentials) {
        self.body = body
    }

    func issue() throws(StoreFailure) -> IssuedCredentials {
        try body(
            count.withLock { count in
                count += 1
                return count
            }
        )
    }
}
