import EvidenceModel
import Platform
import Testing
import TransparencyLog

@testable import EvidenceStore

/// What happens when the log cannot go on.
@Suite struct FailureTests {
    private struct Seen {
        var answers: [Int: [Bool]] = [:]
        var failures: [StoreError] = []
    }

    /// After a failed commit each request that waits is refused once, nothing of it is published,
    /// and the next start finds a whole log.
    @Test func everyRequestIsAnsweredOnceAfterAFailedCommit() throws {
        let fixture = try Fixture()
        _ = try fixture.append(fixture.submission([1]))
        fixture.store.close()
        let seen = Mutex(Seen())
        let changed = Condition()
        let held = Mutex(true)
        let isReached = Mutex(false)
        let (released, reached) = (Condition(), Condition())
        let store = try EvidenceStore(path: fixture.path, keys: SigningKeys(fixture.signer)) {
            error in
            seen.withLock { $0.failures.append(error) }
            changed.broadcast()
        }
        let before = store.checkpoint
        // The first request holds the sequencer, so that several batches wait behind it.
        store.append([]) { _ in
            isReached.withLock { $0 = true }
            reached.broadcast()
            held.withLock(when: { !$0 }, on: released) { _ in }
        }
        isReached.withLock(when: { $0 }, on: reached) { _ in }
        let count = 24
        for number in 0..<count {
            let payload = Random.bytes(count: number.isMultiple(of: 3) ? 1_100_000 : 1 << 20)
            let submission = try fixture.submission(payload, name: "\(number)", in: store)
            store.append([submission]) { result in
                seen.withLock { $0.answers[number, default: []].append((try? result.get()) == nil) }
                changed.broadcast()
            }
        }
        #expect(store.queueDepth == count)
        store.view.close()
        held.withLock { $0 = false }
        released.broadcast()
        seen.withLock(when: { $0.answers.count == count && !$0.failures.isEmpty }, on: changed) {
            #expect($0.answers.values.allSatisfy { $0 == [true] })
        }
        #expect(throws: StoreError.self) { try store.checkReadiness() }
        #expect(throws: StoreError.self) { try store.beginUpload(expectedSizeBytes: nil) }
        let late = Mutex<[Bool]>([])
        store.append([]) { result in late.withLock { $0.append((try? result.get()) == nil) } }
        #expect(late.withLock { $0 } == [true])
        #expect(store.checkpoint.size == before.size && store.checkpoint.note == before.note)
        store.close()
        #expect(seen.withLock { $0.failures.count } == 1)
        #expect(try fsck(fixture.path).isClean)
        try fixture.reopen()
        #expect(fixture.store.checkpoint.note == before.note)
        #expect(try FileSystem.list(StorePaths(fixture.path).incoming) == [])
        _ = try fixture.append(fixture.submission([2]))
    }

    @Test func closingFinishesWhatWasAccepted() throws {
        let fixture = try Fixture()
        let answered = Mutex((taken: 0, refused: 0))
        for number in 0..<400 {
            let submission = try fixture.submission([UInt8(number % 256)], name: "\(number)")
            fixture.store.append([submission]) { result in
                answered.withLock { if case .success = result { $0.taken += 1 } }
            }
        }
        fixture.store.close()
        #expect(answered.withLock { $0.taken } == 400)
        let refusal = Mutex<StoreError?>(nil)
        fixture.store.append([]) { result in
            if case .failure(let error) = result { refusal.withLock { $0 = error } }
        }
        guard case .unavailable = refusal.withLock({ $0 }) else {
            Issue.record("an append to a closed log is refused")
            return
        }
        // Closing again does nothing.
        fixture.store.close()
        #expect(try fsck(fixture.path).findings == [])
        try fixture.reopen()
        // With `log.created` and the census behind the first segment.
        #expect(fixture.store.checkpoint.size.value == 402)
    }

    @Test func fullQueueRefusesBeforeAnythingIsPromised() throws {
        let queue = AppendQueue(limitRecords: 2, limitBytes: 1 << 20)
        let fixture = try Fixture()
        let submission = try fixture.submission([1])
        func enqueue(_ count: Int) throws(StoreError) {
            try queue.enqueue(
                .append(
                    AppendRequest(
                        submissions: [Submission](repeating: submission, count: count),
                        enqueuedNanoseconds: 0,
                        completion: { _ in }
                    )
                )
            )
        }
        // What alone exceeds a limit is taken when nothing else waits.
        try enqueue(3)
        #expect(throws: StoreError.overloaded(retryAfterSeconds: 1)) { try enqueue(1) }
        #expect(queue.dequeue()?.count == 1)
        try enqueue(1)
        try enqueue(1)
        #expect(queue.depth == 2)
        #expect(throws: StoreError.overloaded(retryAfterSeconds: 1)) { try enqueue(1) }
        queue.close(because: .unavailable("first"))
        queue.close(because: .unavailable("second"))
        #expect(queue.closedBecause == .unavailable("first"))
        #expect(throws: StoreError.unavailable("first")) { try enqueue(1) }
        #expect(queue.dequeue()?.count == 2)
        #expect(queue.dequeue() == nil)
    }

    @Test func batchesAreBounded() throws {
        let queue = AppendQueue(limitRecords: 100_000, limitBytes: 1 << 30)
        let fixture = try Fixture()
        let small = try fixture.submission([1])
        let large = try fixture.submission(Random.bytes(count: 1 << 20))
        for submission in [large, small] {
            let count = submission.payload.sizeBytes > 1 ? 20 : 5000
            for _ in 0..<count {
                try queue.enqueue(
                    .append(
                        AppendRequest(
                            submissions: [submission],
                            enqueuedNanoseconds: 0,
                            completion: { _ in }
                        )
                    )
                )
            }
        }
        var taken: [Int] = []
        while queue.depth > 0 { taken.append(try #require(queue.dequeue()).count) }
        #expect(taken.reduce(0, +) == 5020)
        #expect(taken.allSatisfy { $0 <= 4096 })
        #expect(taken[0] == 7 && taken[1] == 7)
    }

    @Test func logThatIsTakenOrIsNoneIsNotOpened() throws {
        let fixture = try Fixture()
        let (path, signer) = (fixture.path, fixture.signer)
        #expect(throws: StoreError.busy(path: path)) {
            try EvidenceStore(path: path, keys: SigningKeys(signer)) { _ in }
        }
        let directory = try TemporaryDirectory()
        #expect(throws: StoreError.notALog(path: directory.path)) {
            try EvidenceStore(path: directory.path, keys: SigningKeys(signer)) { _ in }
        }
        let other = try Fixture()
        other.store.close()
        #expect(throws: StoreError.self) {
            try EvidenceStore(path: other.path, keys: SigningKeys(signer)) { _ in }
        }
        try other.reopen()
        #expect(throws: StoreError.self) {
            try EvidenceStore.create(
                at: path,
                geometry: other.store.description.geometry,
                signer: signer,
                founders: []
            )
        }
    }
}
