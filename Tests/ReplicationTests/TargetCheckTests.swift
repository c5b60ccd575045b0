import Cryptography
import EvidenceModel
import Replication
import StoreDouble
import Testing
import TransparencyLog

@Suite struct TargetCheckTests {
    private static let origin = "log.example/1"

    private let bucket = MemoryBucket()
    private let signer: NoteSigner
    private let description: TargetDescription

    init() throws {
        signer = try NoteSigner(name: Self.origin, privateKey: .generate())
        bucket.setClock(try time("2026-01-01T00:00:00Z"))
        var description = TargetDescription(
            name: try TargetName("second"),
            bucket: "evidence",
            region: "eu-west-1",
            logRetention: try RetentionDuration(parsing: "10y")
        )
        description.endpoint = "https://store.example"
        description.prefix = "strongroom/"
        description.profile = "writer"
        description.retentionProfile = "remover"
        self.description = description
    }

    /// The log has 5 records.
    private static func root(_ size: TreeSize) -> MerkleHash? {
        let text = Array("root \(size)".utf8)
        return size.value <= 5 ? SHA256.hash(text.span) : nil
    }

    private func run(
        writing: Set<StoreOperation> = StoreOperation.writing,
        deleting: Set<StoreOperation>? = StoreOperation.deleting,
        ahead: Int64 = 0
    ) throws(TargetError) -> BucketFacts {
        let bucket = bucket
        return try TargetCheck.run(
            MemoryStore(bucket, prefix: "strongroom/", allowing: writing),
            description,
            origin: Self.origin,
            keys: [signer.verifierKey],
            deleting: deleting.map {
                MemoryStore(bucket, prefix: "strongroom/", allowing: $0)
            },
            clock: ProbeClock(
                now: { bucket.now.adding(milliseconds: ahead) ?? .latest },
                sleep: { bucket.advance(milliseconds: Int64($0)) }
            ),
            root: Self.root
        )
    }

    private func failure(_ body: () throws(TargetError) -> BucketFacts) -> TargetError? {
        do throws(TargetError) {
            _ = try body()
            return nil
        } catch {
            return error
        }
    }

    /// The text of the refusal; each names the place.
    private func refusal(_ body: () throws(TargetError) -> BucketFacts) throws -> String {
        guard case .unsuitable(let text) = failure(body) else {
            Issue.record("it was found suitable")
            return ""
        }
        #expect(text.contains("the bucket evidence at https://store.example"))
        #expect(text.contains("; "), "nothing is said of what to do: \(text)")
        return text
    }

    private func refusal() throws -> String {
        try refusal { () throws(TargetError) in try run() }
    }

    private func register(_ text: String) throws {
        bucket.overwrite(try key("strongroom/log/checkpoint"), with: bytes(text))
    }

    private func signed(
        _ size: UInt64,
        root: MerkleHash?,
        origin: String = origin,
        by signer: NoteSigner? = nil
    ) throws -> String {
        let checkpoint = try Checkpoint(
            origin: origin,
            size: TreeSize(size),
            root: try #require(root)
        )
        return try SignedCheckpoint.sign(checkpoint, by: signer ?? self.signer).encoded
    }

    /// What the check leaves is locked, for seconds, and not held.
    private func expectTidy(_ comment: Comment? = nil) {
        for version in bucket.versions() where version.name.key.text.contains("probe/") {
            #expect(version.lock?.mode == .compliance, comment)
            #expect(version.hold != .on, comment)
            let soon = bucket.now.adding(milliseconds: 10_000) ?? .latest
            #expect(version.lock.map { $0.until < soon } == true, comment)
        }
    }

    @Test func aFittingBucketIsTaken() throws {
        let facts = try run()
        #expect(facts.versioning == .enabled)
        #expect(bucket.versions().count == 1)
        expectTidy()
        bucket.advance(milliseconds: 10_000)
        // The lock probe, which comes next, takes it away.
        let bucket = bucket
        let clock = ProbeClock(
            now: { bucket.now },
            sleep: { bucket.advance(milliseconds: Int64($0)) }
        )
        let store = MemoryStore(bucket, prefix: "strongroom/")
        #expect(try LockProbe(store, deleting: nil, clock: clock).run().isCompliant)
        #expect(bucket.versions().isEmpty)
    }

    @Test func withoutCredentialsThatDeleteNothingIsDeleted() throws {
        _ = try run(deleting: nil)
        #expect(bucket.versions().count == 1)
        expectTidy()
    }

    @Test func theBucketIsSetUpForIt() throws {
        bucket.setUp(versioning: .never, hasObjectLock: false)
        var text = try refusal()
        #expect(text.contains("versioning is off and it has no Object Lock"))
        bucket.setUp(versioning: .suspended)
        text = try refusal()
        #expect(text.contains("versioning is suspended"))
        bucket.setUp(hasObjectLock: false)
        text = try refusal()
        #expect(text.contains("it has no Object Lock") && !text.contains("versioning is"))
        bucket.setUp(defaultLock: (.governance, 30))
        text = try refusal()
        #expect(text.contains("default retention (GOVERNANCE, 30 days)"))
        #expect(bucket.versions().isEmpty)
    }

    @Test(arguments: [
        (StoreFailure.SetupFault.bucketMissing, "make the bucket"),
        (.wrongRegion("eu-west-2"), "--region eu-west-2"), (.wrongRegion(nil), "--region"),
        (.unknownAccessKey, "check the access key"), (.wrongSecretKey, "secret access key"),
        (.expiredCredentials, "renew"), (.noCredentials, "give the server some"),
        (.clockSkew, "NTP"), (.tls, "replication.caFile"), (.encryptionKey, "kms:"),
        (.bucketState, "Object Lock enabled"),
    ])
    func setupFaultsSayWhatToDo(fault: StoreFailure.SetupFault, advice: String) throws {
        for operation in [StoreOperation.bucketFacts, .get, .put, .listVersions] {
            bucket.fail([operation], with: .invalid(fault, detail: "the store's words"))
            let text = try refusal()
            #expect(text.contains("\(fault)") && text.contains("the store's words"))
            #expect(text.contains(advice), "\(text)")
            bucket.heal()
            expectTidy()
        }
    }

    @Test(arguments: [
        (StoreOperation.bucketFacts, "read how it is set up"), (.get, "read its register"),
        (.put, "write objects under a lock"), (.head, "read what is told"),
        (.listVersions, "list"), (.setRetention, "extend locks"),
        (.setLegalHold, "release legal holds"),
    ])
    func missingRightsAreNamed(operation: StoreOperation, words: String) throws {
        let text = try refusal { () throws(TargetError) in
            try run(writing: StoreOperation.writing.subtracting([operation]))
        }
        #expect(text.contains("may not \(words)") && text.contains("ops/aws"), "\(text)")
    }

    @Test func credentialsThatDeleteMustDelete() throws {
        let text = try refusal { () throws(TargetError) in try run(deleting: []) }
        #expect(text.contains("the profile remover"))
    }

    /// What may pass is told apart from what does not.
    @Test func failuresThatPassAreNotTheBuckets() throws {
        let failures: [StoreFailure] = [
            .transport(.notSent, detail: "x"), .unavailable(detail: "x"), .throttled(detail: "x"),
        ]
        for failure in failures {
            bucket.fail([.bucketFacts], with: failure)
            let error = self.failure { () throws(TargetError) in try run() }
            guard case .store(let found, let activity) = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(found == failure)
            #expect(activity.contains("the bucket evidence at https://store.example"))
        }
    }

    @Test func aRegisterOfThisLogIsWelcome() throws {
        for size: UInt64 in [3, 5] {
            try register(try signed(size, root: Self.root(TreeSize(size))))
            _ = try run()
        }
    }

    @Test func aRegisterOfAnotherLogIsNot() throws {
        let other = try NoteSigner(name: "other.example", privateKey: .generate())
        try register(
            try signed(3, root: Self.root(TreeSize(3)), origin: "other.example", by: other)
        )
        #expect(try refusal().contains("belongs to another log, other.example"))
        let namesake = try NoteSigner(name: Self.origin, privateKey: .generate())
        try register(try signed(3, root: Self.root(TreeSize(3)), by: namesake))
        #expect(try refusal().contains("not its signature"))
        #expect(bucket.versions(below: "strongroom/probe/").isEmpty)
    }

    @Test func aRegisterThatThisLogDoesNotHaveIsNot() throws {
        try register(try signed(6, root: Self.root(TreeSize(4))))
        #expect(try refusal().contains("a checkpoint of 6 records, and this log is smaller"))
        try register(try signed(4, root: Self.root(TreeSize(3))))
        #expect(try refusal().contains("its checkpoint of 4 records has another root"))
    }

    @Test func whatIsNoRegisterIsNot() throws {
        try register("hello")
        #expect(try refusal().contains("is no checkpoint"))
        try register(String(repeating: "a", count: 200_000))
        #expect(try refusal().contains("is no checkpoint"))
        bucket.mark(try key("strongroom/log/checkpoint"))
        #expect(try refusal().contains("delete marker"))
    }

    @Test func aCopyWithoutARegisterIsNot() throws {
        bucket.overwrite(try key("strongroom/packs/c/x"), with: bytes("x"))
        #expect(try refusal().contains("objects below packs/, but no register"))
    }

    /// Other things in the bucket, and other prefixes, are nobody's business.
    @Test func otherObjectsAreLeftAlone() throws {
        bucket.overwrite(try key("packs/c/x"), with: bytes("x"))
        bucket.overwrite(try key("strongroom/notes.txt"), with: bytes("x"))
        _ = try run()
    }

    @Test(arguments: [
        (StoreRule.lockKept, "the lock that is told of it is none"),
        (.lockTold, "the lock that is told of it is none"),
    ])
    func locksMustBeTold(off: StoreRule, words: String) throws {
        bucket.ignoring = [off]
        #expect(try refusal().contains(words))
    }

    @Test func aClockThatIsFarOffIsNamed() throws {
        let text = try refusal { () throws(TargetError) in try run(ahead: 400_000) }
        #expect(text.contains("its clock is 400 s behind this machine's"))
    }

    /// Of any failure nothing is left but what is locked.
    @Test func failuresLeaveNothingBehind() throws {
        let operations: [StoreOperation] = [.head, .get, .listVersions, .setRetention, .delete]
        for operation in operations {
            bucket.fail([operation], below: "strongroom/probe/", with: .throttled(detail: "x"))
            #expect(throws: TargetError.self, "\(operation)") { try run() }
            bucket.heal()
            for version in bucket.versions() where version.lock == nil {
                // The credentials that write cannot delete, and those that delete have failed.
                #expect(operation == .delete, "\(version.name)")
            }
            #expect(bucket.versions().allSatisfy { $0.hold != .on }, "\(operation)")
        }
    }
}
