import EvidenceModel
import Replication
import Testing

@testable import S3

/// Locks and holds on real stores.
@Suite(.rigs, .tags(.network)) struct StoreLockTests {
    private func stored(
        _ client: S3Client,
        _ text: String = "k",
        lock: ObjectLock? = nil
    ) throws -> VersionedKey {
        var request = PutRequest(key: try key(text), bytes: bytes("evidence"))
        request.lock = lock
        return VersionedKey(request.key, try #require(try client.put(request).version))
    }

    private func isLocked(_ failure: StoreFailure?) -> Bool {
        guard case .locked = failure else { return false }
        return true
    }

    @Test(arguments: Rig.all) func nothingUndoesACompliantLock(rig: Rig) throws {
        let client = try rig.client()
        let granted = try lock(seconds: 200_000)
        let name = try stored(client, lock: granted)
        #expect(isLocked(failure { () throws(StoreFailure) in try client.delete(name) }))
        let weaker = [
            try lock(seconds: 100_000), try lock(seconds: 200_000, mode: .governance),
            try lock(seconds: 300_000, mode: .governance),
        ]
        for lock in weaker {
            let found = failure { () throws(StoreFailure) in
                try client.setRetention(lock, of: name)
            }
            #expect(isLocked(found), "\(lock): \(String(describing: found))")
        }
        #expect(try client.retention(of: name) == granted)
        #expect(try client.head(name.key, version: name.version).lock == granted)
    }

    @Test(arguments: Rig.all) func aLockIsExtended(rig: Rig) throws {
        let client = try rig.client()
        let name = try stored(client, lock: try lock(seconds: 100_000))
        let longer = try lock(seconds: 200_000)
        try client.setRetention(longer, of: name)
        #expect(try client.retention(of: name) == longer)
    }

    @Test(arguments: Rig.all) func governanceIsNeverBypassed(rig: Rig) throws {
        let client = try rig.client()
        let name = try stored(client, lock: try lock(seconds: 100_000, mode: .governance))
        #expect(isLocked(failure { () throws(StoreFailure) in try client.delete(name) }))
        let longer = try lock(seconds: 200_000, mode: .governance)
        try client.setRetention(longer, of: name)
        #expect(try client.retention(of: name) == longer)
        // These stores take even the stronger mode for a change that needs the bypass.
        let stronger = try lock(seconds: 300_000)
        let found = failure { () throws(StoreFailure) in
            try client.setRetention(stronger, of: name)
        }
        #expect(isLocked(found))
    }

    @Test(arguments: Rig.all) func aHoldForbidsDeletion(rig: Rig) throws {
        let client = try rig.client()
        let name = try stored(client)
        #expect(try client.retention(of: name) == nil)
        #expect(try client.legalHold(of: name) == .off)
        try client.setLegalHold(.on, of: name)
        #expect(try client.legalHold(of: name) == .on)
        #expect(try client.head(name.key, version: name.version).hold == .on)
        #expect(isLocked(failure { () throws(StoreFailure) in try client.delete(name) }))
        try client.setLegalHold(.off, of: name)
        try client.delete(name)
    }

    @Test(arguments: Rig.all) func ofManyOnlyTheFreeAreDeleted(rig: Rig) throws {
        let client = try rig.client()
        let free = try stored(client, "free & <b>")
        let locked = try stored(client, "locked", lock: try lock(seconds: 100_000))
        let outcomes = try client.delete([free, locked])
        #expect(outcomes.map(\.name) == [free, locked])
        #expect(outcomes[0].failure == nil)
        #expect(isLocked(outcomes[1].failure))
        let entries = try client.listVersions(prefix: "", depth: .all, after: nil, limit: 10)
            .entries
        #expect(entries.map(\.name) == [locked])
    }

    @Test(arguments: Rig.all) func aLockThatHasEndedIsNotInForce(rig: Rig) throws {
        let client = try rig.client()
        var (seconds, isTried) = (Int64(3), false)
        while !isTried {
            let short = try lock(seconds: seconds)
            let name = try stored(client, "k\(seconds)", lock: short)
            let found = failure { () throws(StoreFailure) in try client.delete(name) }
            // On a busy machine it may have ended before that: then a longer one.
            isTried = client.surroundings.wallMilliseconds() < short.until.milliseconds
            seconds *= 3
            guard isTried else { continue }
            #expect(isLocked(found))
            let now = client.surroundings.wallMilliseconds()
            client.surroundings.sleep(UInt64(max(0, short.until.milliseconds - now)) + 1_500)
            try client.delete(name)
        }
    }

    @Test(arguments: Rig.all) func aLockThatLiesBackIsRefused(rig: Rig) throws {
        let client = try rig.client()
        var request = PutRequest(key: try key("k"), bytes: bytes("x"))
        request.lock = try lock(until: "2020-01-01T00:00:00Z")
        guard case .rejected = failure({ () throws(StoreFailure) in try client.put(request) })
        else {
            Issue.record("stored")
            return
        }
    }
}

/// What `target add` must tell apart.
@Suite(.rigs, .tags(.network)) struct StoreSetupTests {
    private func failureOfFacts(_ client: S3Client) -> StoreFailure? {
        failure { () throws(StoreFailure) in try client.bucketFacts() }
    }

    private func fault(_ failure: StoreFailure?) -> StoreFailure.SetupFault? {
        guard case .invalid(let fault, _) = failure else { return nil }
        return fault
    }

    @Test(arguments: Rig.all) func aBucketThatLocks(rig: Rig) throws {
        let facts = try rig.client().bucketFacts()
        #expect(facts.versioning == .enabled)
        #expect(facts.objectLocking?.defaultRetention == nil)
        #expect(facts.objectLocking != nil)
    }

    @Test(arguments: Rig.all) func aBucketThatDoesNot(rig: Rig) throws {
        let name = "plain-bucket"
        try rig.makeBucket(name)
        let client = try rig.client { $0.bucket = BucketName(name) ?? $0.bucket }
        let facts = try client.bucketFacts()
        #expect(facts.objectLocking == nil)
        #expect(facts.versioning == .never)
        var request = PutRequest(key: try key("k"), bytes: bytes("x"))
        request.lock = try lock(seconds: 1_000)
        #expect(failure { () throws(StoreFailure) in try client.put(request) } != nil)
    }

    @Test(arguments: Rig.all) func aBucketWithADefault(rig: Rig) throws {
        let name = "default-bucket"
        try rig.makeBucket(name, fields: [("x-amz-bucket-object-lock-enabled", "true")])
        let client = try rig.client { $0.bucket = BucketName(name) ?? $0.bucket }
        var call = S3Call("PUT", query: [("object-lock", "")])
        call.attach(
            "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>"
                + "<DefaultRetention><Mode>COMPLIANCE</Mode><Days>3</Days></DefaultRetention>"
                + "</Rule></ObjectLockConfiguration>"
        )
        _ = try client.perform(call)
        let facts = try client.bucketFacts()
        #expect(facts.objectLocking?.defaultRetention == "COMPLIANCE, 3 days")
    }

    @Test(arguments: Rig.all) func aBucketThatIsNotThere(rig: Rig) throws {
        let client = try rig.client { $0.bucket = BucketName("nobody-made-it") ?? $0.bucket }
        #expect(fault(failureOfFacts(client)) == .bucketMissing)
        let request = PutRequest(key: try key("k"), bytes: bytes("x"))
        #expect(
            fault(failure { () throws(StoreFailure) in try client.put(request) }) == .bucketMissing
        )
    }

    @Test(arguments: Rig.all) func wrongKeys(rig: Rig) throws {
        let stranger = try rig.client(credentials: Rig.credentials(id: "NOBODY"))
        #expect(fault(failureOfFacts(stranger)) == .unknownAccessKey)
        let forger = try rig.client(credentials: Rig.credentials(secret: "another"))
        #expect(fault(failureOfFacts(forger)) == .wrongSecretKey)
    }

    @Test(arguments: Rig.all, [-3_600_000, 3_600_000] as [Int64])
    func aClockThatIsWrong(rig: Rig, milliseconds: Int64) throws {
        var surroundings = Surroundings.machine
        let wall = surroundings.wallMilliseconds
        surroundings.wallMilliseconds = { wall() + milliseconds }
        let client = try rig.client(surroundings: surroundings)
        let found = failureOfFacts(client)
        #expect(fault(found) == .clockSkew, "\(String(describing: found))")
    }
}
