import Cryptography
import EvidenceModel
import Platform
import Testing
import TransparencyLog

@testable import EvidenceStore

/// A log that changes the key with which it signs.
@Suite struct RotationTests {
    /// The log's key file.
    private final class KeyFile: Sendable {
        let signers: Platform.Mutex<[NoteSigner]>
        private let isBroken = Platform.Mutex(false)

        init(_ signer: NoteSigner) { signers = Platform.Mutex([signer]) }

        func setBroken() { isBroken.withLock { $0 = true } }

        var keys: SigningKeys {
            SigningKeys(signers.withLock { $0 }) { [self] (all) throws(StoreError) in
                if isBroken.withLock({ $0 }) { throw .unavailable("read-only") }
                signers.withLock { $0 = all }
            }
        }

        func keep(_ isKept: (NoteSigner) -> Bool) {
            signers.withLock { $0 = $0.filter(isKept) }
        }
    }

    /// A log of which only the test has the directory open.
    private final class Site {
        let fixture: Fixture
        let file: KeyFile
        let clock: TestClock
        private(set) var store: EvidenceStore
        private let configuration: StoreConfiguration

        init() throws {
            let wall = try #require(Timestamp(milliseconds: Clock.wallMilliseconds()))
            let clock = TestClock(wall: wall)
            var configuration = StoreConfiguration()
            configuration.time = clock.source
            fixture = try Fixture(configuration: configuration)
            fixture.store.close()
            file = KeyFile(fixture.signer)
            self.clock = clock
            self.configuration = configuration
            store = try EvidenceStore(
                path: fixture.path,
                keys: file.keys,
                configuration: configuration
            ) { _ in }
        }

        deinit { store.close() }

        func reopen(_ change: () throws -> Void = {}) throws {
            store.close()
            try change()
            store = try EvidenceStore(
                path: fixture.path,
                keys: file.keys,
                configuration: configuration
            ) { _ in }
        }

        @discardableResult
        func rotate(overlap: String = "30d") throws -> VerifierKey {
            let outcome = try store.rotateKey(
                overlap: RetentionDuration(parsing: overlap),
                by: .anonymous,
                reason: ActTests.reason
            )
            #expect(outcome.acts.count == 1)
            return try #require(store.verifierKeys.last)
        }

        /// Makes the log grow by an act.
        func grow(_ name: String) throws {
            _ = try store.propose(
                .placeHold(
                    Matter(name),
                    .selection(
                        Selection(collection: CollectionName("a")),
                        before: RecordIndex(0),
                        count: 0,
                        digest: SelectionDigest().finalize(),
                        isStanding: true
                    )
                ),
                by: .anonymous,
                reason: ActTests.reason
            )
        }

        /// Who signed the newest checkpoint.
        func signers() throws -> [VerifierKey] {
            try SignedCheckpoint.open(store.checkpoint.note, keys: store.verifierKeys).signers
        }

        func check() throws {
            store.close()
            var fsck = try Fsck(path: fixture.path)
            let report = try fsck.run()
            #expect(report.findings.isEmpty, "\(report.findings)")
        }
    }

    @Test func bothKeysSignAndThenTheNewOne() throws {
        let site = try Site()
        let old = site.fixture.signer.verifierKey
        let new = try site.rotate()
        // The first tree that has the record is signed by both.
        #expect(try site.signers() == [old, new])
        site.clock.run(seconds: 29 * 86_400)
        try site.grow("a")
        #expect(try site.signers() == [old, new])
        site.clock.run(seconds: 2 * 86_400)
        try site.grow("b")
        #expect(try site.signers() == [new])
        // Earlier trees are signed anew by those who sign now, and have the roots that they had.
        let early = try site.store.signedCheckpoint(at: TreeSize(1))
        #expect(try SignedCheckpoint.open(early.note, keys: [new]).checkpoint.root == early.root)
        try site.check()
    }

    @Test func aRotatedLogOpensWithoutItsFirstKey() throws {
        let site = try Site()
        let new = try site.rotate(overlap: "1h")
        try site.reopen()
        site.clock.run(seconds: 3_601)
        try site.grow("a")
        try site.reopen { site.file.keep { $0.verifierKey == new } }
        #expect(try site.signers() == [new])
        try site.grow("b")
        try site.reopen { try FileSystem.removeTree(site.fixture.path + "/catalog") }
        #expect(try site.signers() == [new])
        try site.check()
    }

    /// Also while earlier keys should sign along: a stolen one can be taken out of the file.
    @Test func aRotatedLogDoesNotOpenWithoutItsPresentKey() throws {
        let site = try Site()
        let new = try site.rotate()
        try site.reopen { site.file.keep { $0.verifierKey == new } }
        #expect(try site.signers() == [new])
        let old = site.fixture.signer
        site.store.close()
        #expect {
            _ = try EvidenceStore(path: site.fixture.path, keys: SigningKeys(old)) { _ in }
        } throws: { error in
            "\(error)".contains("\(new)") && "\(error)".contains("\(old.verifierKey)")
        }
        try site.reopen()
        #expect(try site.signers() == [new])
    }

    /// Sealed segments keep the checkpoint of their time.
    @Test func sealedSegmentsOfEarlierKeysAreGood() throws {
        let site = try Site()
        for round in 0..<3 {
            for number in 0..<300 { try site.grow("m\(round)-\(number)") }
            try site.rotate(overlap: "1s")
            site.clock.run(seconds: 2)
        }
        try site.grow("end")
        while site.store.unsealedSegmentCount > 1 { Clock.sleep(milliseconds: 2) }
        let last = try #require(site.store.verifierKeys.last)
        #expect(site.store.verifierKeys.count == 4)
        #expect(try site.signers() == [last])
        try site.reopen { site.file.keep { $0.verifierKey == last } }
        try site.reopen { try FileSystem.removeTree(site.fixture.path + "/catalog") }
        #expect(try site.signers() == [last])
        try site.check()
    }

    /// The last key was taken out of the file before several segments were sealed.
    @Test func fullSegmentsBeforeAKeyAreSealedUnderIt() throws {
        let site = try Site()
        for number in 0..<200 { try site.grow("m\(number)") }
        try site.rotate(overlap: "1s")
        site.clock.run(seconds: 2)
        for number in 0..<400 { try site.grow("n\(number)") }
        let last = try #require(site.store.verifierKeys.last)
        let before = site.store.checkpoint.root
        try site.reopen { site.file.keep { $0.verifierKey == last } }
        #expect(site.store.checkpoint.root == before)
        try site.check()
    }

    @Test func aKeyThatLiesReadyIsTaken() throws {
        let site = try Site()
        let ready = try NoteSigner(
            name: site.fixture.signer.name,
            privateKey: Ed25519PrivateKey.generate()
        )
        let foreign = try NoteSigner(name: "other", privateKey: Ed25519PrivateKey.generate())
        try site.reopen { site.file.signers.withLock { $0 += [foreign, ready] } }
        #expect(try site.signers() == [site.fixture.signer.verifierKey])
        #expect(try site.rotate() == ready.verifierKey)
        let third = try site.rotate()
        #expect(site.file.signers.withLock { $0.last?.verifierKey } == third)
    }

    /// A key that is kept nowhere must never sign: the log could not be opened again.
    @Test func aKeyThatCannotBeKeptIsNotTaken() throws {
        let site = try Site()
        site.file.setBroken()
        let size = site.store.checkpoint.size
        #expect(throws: StoreError.unavailable("read-only")) { try site.rotate() }
        #expect(site.store.checkpoint.size == size)
        #expect(site.store.verifierKeys.count == 1)
        try site.grow("a")
        #expect(try site.signers() == [site.fixture.signer.verifierKey])
    }

    @Test func rotationsAtTheSameTimeFollowEachOther() throws {
        let site = try Site()
        let store = site.store
        let failures = Platform.Mutex(0)
        let threads = (0..<3).map { number in
            Thread(name: "rotation-\(number)") {
                do {
                    _ = try store.rotateKey(
                        overlap: RetentionDuration(1, .hours),
                        by: .anonymous,
                        reason: ActTests.reason
                    )
                } catch { failures.withLock { $0 += 1 } }
            }
        }
        for thread in threads { thread.join() }
        #expect(failures.withLock { $0 } == 0)
        #expect(store.verifierKeys.count == 4)
        #expect(try site.signers().count == 4)
        try site.check()
    }
}
