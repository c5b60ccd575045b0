import Cryptography
import EvidenceModel
import Platform
import Testing
import TransparencyLog

@testable import EvidenceStore

/// What `fsck` says of targets and of a predecessor.
@Suite struct FsckTargetTests {
    private func check(_ path: String) throws -> FsckReport {
        var fsck = try Fsck(path: path)
        return try fsck.run()
    }

    private func propose(_ proposal: ActProposal, in fixture: Fixture) throws {
        _ = try fixture.store.propose(
            proposal,
            by: .anonymous,
            reason: try Reason("because")
        )
    }

    private func addTarget(in fixture: Fixture) throws {
        let description = TargetDescription(
            name: try TargetName("s3"),
            bucket: "evidence",
            region: "eu-central-1",
            logRetention: try RetentionDuration(parsing: "10y")
        )
        try propose(.addTarget(description), in: fixture)
    }

    private func change(
        _ from: TargetPhase,
        _ to: TargetPhase,
        _ size: TreeSize,
        _ root: MerkleHash,
        in fixture: Fixture
    ) throws {
        let change = TargetPhaseChange(
            target: try TargetName("s3"),
            from: from,
            to: to,
            size: size,
            localRoot: root,
            targetRoot: root
        )
        try propose(.changePhase(change), in: fixture)
    }

    @Test func comparisonsWithTargetsAreWorkedOutAnew() throws {
        let fixture = try Fixture()
        try fixture.fill(300)
        try addTarget(in: fixture)
        let old = fixture.store.checkpoint
        try fixture.fill(20)
        try change(.local, .dual, old.size, old.root, in: fixture)
        try fixture.fill(300)
        let new = fixture.store.checkpoint
        try change(.dual, .s3Primary, new.size, new.root, in: fixture)
        fixture.waitForSeals()
        let exported = fixture.store.withState { $0.exported }
        try fixture.reopen {
            let report = try check(fixture.path)
            #expect(report.findings == [])
        }
        #expect(fixture.store.withState { $0.exported } == exported)
        let target = try TargetName("s3")
        #expect(fixture.store.withState { $0.targets[target]?.phase } == .s3Primary)
        // A root of another size.
        try change(.s3Primary, .dual, new.size, old.root, in: fixture)
        let index = fixture.store.checkpoint.size.value - 1
        try fixture.reopen {
            let report = try check(fixture.path)
            #expect(!report.isClean)
            #expect(report.findings.count == 1)
            let detail = report.findings.first?.detail ?? ""
            #expect(detail.hasPrefix("record \(index) compares a root at size \(new.size)"))
        }
    }

    @Test func aSuccessorNamesItsPredecessor() throws {
        let fixture = try Fixture()
        try fixture.fill(20)
        let checkpoint = fixture.store.checkpoint
        let predecessor = try Predecessor(
            checkpoint: checkpoint.note,
            keys: [fixture.signer.verifierKey],
            lost: checkpoint.size.value...checkpoint.size.value + 4
        )
        try fixture.reopen {
            let report = try check(fixture.path)
            #expect(report.predecessor == nil)
        }
        let signer = try NoteSigner(
            name: "log.example/next",
            privateKey: Ed25519PrivateKey.generate()
        )
        let geometry = try #require(SegmentGeometry(height: 8))
        let path = fixture.path + "-next"
        defer { try? FileSystem.removeTree(path) }
        _ = try EvidenceStore.create(
            at: path,
            geometry: geometry,
            signer: signer,
            founders: ["tester"],
            predecessor: predecessor
        )
        let report = try check(path)
        #expect(report.findings.filter { $0.severity == .damage } == [])
        #expect(report.predecessor == predecessor)
        let store = try EvidenceStore(path: path, keys: SigningKeys(signer), configuration: .init())
        { error in
            preconditionFailure("the log stopped: \(error)")
        }
        let receipt = try store.receipt(for: RecordIndex(0))
        store.close()
        guard case .logCreated(let creation) = try Record(parsing: receipt.record.span) else {
            Issue.record("record 0 is another kind")
            return
        }
        #expect(creation.predecessor == predecessor && creation.origin == signer.name)
    }

    @Test func aLogIsNotMadeAsItsOwnSuccessor() throws {
        let fixture = try Fixture()
        let checkpoint = fixture.store.checkpoint
        let predecessor = try Predecessor(
            checkpoint: checkpoint.note,
            keys: [fixture.signer.verifierKey],
            lost: nil
        )
        let geometry = try #require(SegmentGeometry(height: 8))
        let path = fixture.path + "-same"
        defer { try? FileSystem.removeTree(path) }
        #expect(throws: StoreError.self) {
            try EvidenceStore.create(
                at: path,
                geometry: geometry,
                signer: fixture.signer,
                founders: [],
                predecessor: predecessor
            )
        }
        let isLog = try FileSystem.exists(path + "/log.json")
        #expect(!isLog)
    }
}
