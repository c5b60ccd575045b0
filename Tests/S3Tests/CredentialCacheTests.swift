import EvidenceModel
import Platform
import Replication
import SigV4
import Testing

@testable import S3

@Suite struct CredentialCacheTests {
    private let time = FakeTime()

    /// Issues `KEY1`, `KEY2`, … each good for an hour.
    private func cache(
        failing: @escaping @Sendable (Int) -> Bool = { _ in false }
    ) -> CredentialCache {
        let time = time
        let provider = CountingProvider { number throws(StoreFailure) in
            guard !failing(number),
                let credentials = SigningCredentials(
                    accessKeyID: "KEY\(number)",
                    secretAccessKey: "s"
                )
            else { throw .none("told to fail") }
            return IssuedCredentials(
                credentials,
                expires: Timestamp(milliseconds: time.wallMilliseconds + 3_600_000)
            )
        }
        return CredentialCache(provider, surroundings: time.surroundings)
    }

    private func id(_ cache: CredentialCache) -> String? {
        guard let held = try? cache.current() else { return nil }
        return held.credentials.accessKeyID
    }

    @Test func areRenewedFiveMinutesBeforeTheirEnd() {
        let cache = cache()
        #expect(id(cache) == "KEY1")
        time.pass(milliseconds: 3_300_000 - 1)
        #expect(id(cache) == "KEY1")
        time.pass(milliseconds: 1)
        #expect(id(cache) == "KEY2")
        #expect(id(cache) == "KEY2")
    }

    @Test func theOldOnesAreUsedAsLongAsTheyAreGood() {
        let asked = Mutex(0)
        let cache = cache { number in
            asked.withLock { $0 = number }
            return number > 1 && number < 4
        }
        #expect(id(cache) == "KEY1")
        time.pass(milliseconds: 3_300_000)
        for _ in 0..<3 { #expect(id(cache) == "KEY1") }
        // Not at every request.
        #expect(asked.withLock { $0 } == 2)
        time.pass(milliseconds: 15_000)
        #expect(id(cache) == "KEY1")
        #expect(asked.withLock { $0 } == 3)
        time.pass(milliseconds: 285_000)
        #expect(id(cache) == "KEY4")
    }

    @Test func withoutGoodOnesTheFailureIsTold() {
        let cache = cache { $0 != 3 }
        for _ in 0..<2 {
            let found = failure { () throws(StoreFailure) in try cache.current().generation }
            #expect(found == .invalid(.noCredentials, detail: "told to fail"))
        }
        #expect(id(cache) == "KEY3")
    }

    @Test func whatIsIssuedTooLateIsNotUsed() throws {
        let issued = IssuedCredentials(
            try credentials(),
            expires: Timestamp(milliseconds: time.wallMilliseconds)
        )
        let cache = CredentialCache(
            CountingProvider { _ in issued },
            surroundings: time.surroundings
        )
        let found = failure { () throws(StoreFailure) in try cache.current().generation }
        guard case .invalid(.expiredCredentials, _) = found else {
            Issue.record("used")
            return
        }
    }

    @Test func discardedOnesAreRenewedOnce() throws {
        let cache = cache()
        let first = try cache.current()
        #expect(cache.discard(first))
        #expect(id(cache) == "KEY2")
        // Somebody who still has the first says so too late.
        #expect(cache.discard(first))
        #expect(id(cache) == "KEY2")
    }

    @Test func manyThreadsFetchOnce() {
        let asked = Mutex(0)
        let cache = cache { number in
            asked.withLock { $0 = number }
            Clock.sleep(milliseconds: 20)
            return false
        }
        let ids = Mutex([String?]())
        let threads = (0..<8).map { _ in
            Thread(name: "fetch") {
                let id = (try? cache.current())?.credentials.accessKeyID
                ids.withLock { $0.append(id) }
            }
        }
        for thread in threads { thread.join() }
        #expect(ids.withLock { $0 } == [String?](repeating: "KEY1", count: 8))
        #expect(asked.withLock { $0 } == 1)
    }

    /// Those that wait for a fetch share its failure: they do not try one after the other.
    @Test func manyThreadsFailOnce() {
        let asked = Mutex(0)
        let gate = Mutex(0)
        let arrived = Condition()
        let cache = cache { number in
            asked.withLock { $0 = number }
            // Until all others have looked, and found this fetch under way.
            gate.withLock(when: { $0 == 7 }, on: arrived) { _ in }
            Clock.sleep(milliseconds: 100)
            return true
        }
        let first = Thread(name: "first") { _ = try? cache.current() }
        while asked.withLock({ $0 }) == 0 { Clock.sleep(milliseconds: 1) }
        let others = (0..<7).map { _ in
            Thread(name: "other") {
                gate.withLock { $0 += 1 }
                arrived.broadcast()
                _ = try? cache.current()
            }
        }
        for thread in others + [first] { thread.join() }
        // A late one may have come after its end, and is right to try again.
        #expect(asked.withLock { $0 } < 8)
    }
}
