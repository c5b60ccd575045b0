import EvidenceModel
import Platform
import Testing
import TransparencyLog

@testable import EvidenceStore

@Suite struct KeyTests {
    private func time(_ milliseconds: Int64) throws -> Timestamp {
        try #require(Timestamp(milliseconds: milliseconds))
    }

    private func key(_ byte: UInt8) throws -> KeyHash {
        let hash = KeyHash([UInt8](repeating: byte, count: 16).span)
        return try #require(hash)
    }

    private func use(_ index: UInt64, at time: Timestamp) throws -> IdempotencyKeys.Use {
        let fingerprint = RequestFingerprint([UInt8](repeating: 9, count: 16).span)
        return IdempotencyKeys.Use(
            index: RecordIndex(index),
            fingerprint: try #require(fingerprint),
            received: time
        )
    }

    @Test func equalKeysWithinARequestAreJoined() throws {
        let fixture = try Fixture()
        let outcomes = try fixture.append([
            fixture.submission([1], key: "a"), fixture.submission([2], key: "b"),
            fixture.submission([1], key: "a"), fixture.submission([3]),
            fixture.submission([3]), fixture.submission([2], key: "b"),
        ])
        #expect(outcomes.map(\.index.value) == [1, 2, 1, 3, 4, 2])
        guard case .existing = outcomes[2], case .existing = outcomes[5] else {
            Issue.record("joined submissions are existing: \(outcomes)")
            return
        }
        #expect(fixture.store.checkpoint.size.value == 5)
        try fixture.reopen {
            let findings = try fsck(fixture.path).findings
            #expect(findings == [])
        }
    }

    @Test func aKeyForTwoThingsWithinARequestIsAConflict() throws {
        let fixture = try Fixture()
        #expect(throws: StoreError.conflict(nil)) {
            try fixture.append([
                fixture.submission([1], key: "a"), fixture.submission([2], key: "a"),
            ])
        }
        #expect(fixture.store.checkpoint.size.value == 1)
        // Nothing remembers the key.
        #expect(try fixture.append(fixture.submission([2], key: "a")).value == 1)
    }

    @Test func equalRequestsInFlightMakeOneRecord() throws {
        let fixture = try Fixture()
        let submissions = try (0..<200).map { number in
            try fixture.submission([1], key: "k\(number % 10)", isSealed: number % 10 < 5)
        }
        let answers = Platform.Mutex<[UInt64?]>([UInt64?](repeating: nil, count: 200))
        let arrived = Condition()
        for (number, submission) in submissions.enumerated() {
            fixture.store.append([submission]) { result in
                answers.withLock { $0[number] = (try? result.get())?[0].index.value ?? .max }
                arrived.signal()
            }
        }
        let indexes = answers.withLock(when: { !$0.contains(nil) }, on: arrived) { $0 }
        #expect(fixture.store.checkpoint.size.value == 11)
        for number in 0..<200 { #expect(indexes[number] == indexes[number % 10]) }
    }

    @Test func keysOfSealedRecordsOutliveSealAndRestart() throws {
        let fixture = try Fixture()
        let first = try fixture.append(
            fixture.submission([1], name: "n", key: "k", isSealed: true)
        )
        for _ in 0..<3 {
            let again = try fixture.append(
                fixture.submission([1], name: "n", key: "k", isSealed: true)
            )
            #expect(again == first)
            #expect(throws: StoreError.conflict(first)) {
                try fixture.append(fixture.submission([1], name: "m", key: "k", isSealed: true))
            }
            // Another collection, another scope.
            let other = try fixture.append(
                fixture.submission([1], name: "n", collection: "other", key: "k")
            )
            #expect(other != first)
            try fixture.fill(256)
            fixture.waitForSeals()
            try fixture.reopen()
        }
    }

    @Test func keyIsForgottenAfterItsWindow() throws {
        var keys = IdempotencyKeys(windowSeconds: 10)
        let (key, other) = (try key(1), try key(2))
        let first = try use(5, at: time(100_000))
        keys.insert(key, first, segment: SegmentNumber(0))
        func find(_ milliseconds: Int64) throws -> IdempotencyKeys.Use? {
            try keys.lastUse(of: key, at: time(milliseconds)) { _, _ throws(StoreError) in first }
        }
        #expect(try find(100_000) == first)
        #expect(try find(110_000) == first)
        #expect(try find(110_001) == nil)
        keys.seal(SegmentNumber(0), filter: KeyFilter([key]), lastReceived: try time(101_000))
        #expect(try find(110_000) == first)
        #expect(try find(110_001) == nil)
        let probed = try keys.lastUse(of: other, at: time(101_000)) { _, _ throws(StoreError) in
            throw .invalid("the filter says no")
        }
        #expect(probed == nil)
    }

    @Test func filtersOutsideTheWindowAreDropped() throws {
        var keys = IdempotencyKeys(windowSeconds: 10)
        for number in 0..<100 {
            keys.seal(
                SegmentNumber(UInt64(number)),
                filter: KeyFilter([try key(1)]),
                lastReceived: try time(Int64(number) * 1000)
            )
            #expect(keys.filterCount <= 11)
        }
    }

    @Test(arguments: [0, 1, UInt64.max / 1000 + 1, 1 << 61, .max])
    func everyWindowIsTakenAsItIs(_ seconds: UInt64) throws {
        var keys = IdempotencyKeys(windowSeconds: seconds)
        let use = try use(1, at: .earliest)
        keys.insert(try key(1), use, segment: SegmentNumber(0))
        let found = try keys.lastUse(of: key(1), at: .latest) { _, _ throws(StoreError) in nil }
        #expect((found == use) == (seconds > 1))
    }
}
