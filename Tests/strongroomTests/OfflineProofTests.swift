import Cryptography
import EvidenceModel
import Platform
import Testing
import TransparencyLog

@testable import strongroom

/// A log in memory: 1 and 3 evidence, 2 a certificate for 1, 4 a census; receipts as files.
private final class ProofFolder {
    let path = "/tmp/strongroom-proofs-\(TemporaryName.make())"
    let signer: NoteSigner
    private var records: [[UInt8]] = []

    init() throws {
        signer = try SigningKey.make(origin: "log.example/test")
        try FileSystem.makeDirectory(path)
        try addEvidence(1)
        try addCertificate(of: 0)
        try addEvidence(2)
        try add(
            .census(
                before: RecordIndex(3),
                part: 1,
                parts: 1,
                collections: [
                    CollectionName("ci"): CensusEntry(
                        count: #require(SequenceNumber(2)),
                        last: RecordIndex(2)
                    )
                ]
            )
        )
    }

    deinit { try? FileSystem.removeTree(path) }

    private func addEvidence(_ number: UInt64) throws {
        let evidence = OpenEvidence(
            collection: try CollectionName("ci"),
            description: EvidenceDescription(
                name: try EvidenceName("n\(number)"),
                payloadDigest: SHA256.hash("payload \(number)".utf8.span),
                payloadSize: 9
            ),
            lock: try lock(),
            received: try Timestamp(userInput: "2026-11-21"),
            sequence: try #require(SequenceNumber(number))
        )
        records.append(Record.evidence(evidence).encoded)
    }

    private func lock() throws -> Lock {
        try #require(Lock(mode: .compliance, until: Timestamp(userInput: "2033-11-22")))
    }

    private func addCertificate(of index: Int) throws {
        var digest = ErasureDigest()
        let record = records[index]
        let leaf = MerkleTree.leafHash(record.span)
        digest.append(RecordIndex(UInt64(index)), leafHash: leaf)
        let time = try Timestamp(userInput: "2033-11-23")
        try add(
            .payloadErased(
                PayloadErased(
                    collection: CollectionName("ci"),
                    ground: .expired,
                    items: [
                        .init(
                            records: IndexRanges(RecordIndex(UInt64(index))),
                            lock: lock(),
                            history: []
                        )
                    ],
                    policy: nil,
                    clock: ClockReading(compliance: time, wall: time),
                    count: 1,
                    digest: digest.finalize()
                )
            )
        )
    }

    private func add(_ act: Act) throws {
        let record = ActRecord(
            act: act,
            principal: .strongroom,
            reason: nil,
            received: try Timestamp(userInput: "2033-11-23")
        )
        records.append(Record.act(record).encoded)
    }

    func receipt(_ index: Int) throws -> Receipt {
        let leaves = records.map { MerkleTree.leafHash($0.span) }
        let size = TreeSize(UInt64(records.count))
        let path = InclusionProof.path(for: LeafIndex(UInt64(index)), in: size) { node in
            let first = Int(node.firstLeaf.value)
            return MerkleTree.root(over: Array(leaves[first...Int(node.lastLeaf.value)]))
        }
        let checkpoint = try Checkpoint(
            origin: signer.name,
            size: size,
            root: MerkleTree.root(over: leaves)
        )
        return Receipt(
            index: LeafIndex(UInt64(index)),
            treeSize: size,
            record: records[index],
            leafHash: leaves[index],
            proof: path,
            checkpoint: try SignedCheckpoint.sign(checkpoint, by: signer).encoded
        )
    }

    /// Writes the receipt of a record.
    @discardableResult func write(_ index: Int, as name: String) throws -> String {
        try write(receipt(index).encodedJSON, as: name)
    }

    @discardableResult func write(_ bytes: [UInt8], as name: String) throws -> String {
        var directory = path
        for part in name.split(separator: "/").dropLast() {
            directory += "/\(part)"
            try FileSystem.makeDirectoryIfAbsent(directory)
        }
        let file = try File("\(path)/\(name)", .create(permissions: 0o600))
        try file.write(bytes.span)
        return "\(path)/\(name)"
    }

    /// Runs `verify` with the log's key.
    func verify(_ words: String...) throws -> ExitCode {
        let arguments = try ArgumentParser.parse(
            words + ["--key", "\(signer.verifierKey)", "--json"],
            for: VerifyCommand.command.specification
        )
        do {
            return try VerifyCommand.command.run(arguments, Console(command: "verify"))
        } catch {
            return error.code
        }
    }
}

@Suite struct VerifyCertificateTests {
    @Test func aCertificateIsVerifiedWithTheReceiptAndTheFile() throws {
        let folder = try ProofFolder()
        let receipt = try folder.write(0, as: "r.json")
        let certificate = try folder.write(1, as: "c.json")
        let payload = try folder.write(Array("payload 1".utf8), as: "n1")
        #expect(try folder.verify("--receipt", receipt, "--certificate", certificate) == .done)
        #expect(
            try folder.verify(payload, "--receipt", receipt, "--certificate", certificate) == .done
        )
        let other = try folder.write(Array("payload 2".utf8), as: "n2")
        #expect(
            try folder.verify(other, "--receipt", receipt, "--certificate", certificate)
                == .verificationFailed
        )
    }

    @Test func aWrongCertificateIsAFailedVerification() throws {
        let folder = try ProofFolder()
        let receipt = try folder.write(0, as: "r.json")
        let uncovered = try folder.write(2, as: "r2.json")
        let certificate = try folder.write(1, as: "c.json")
        let census = try folder.write(3, as: "census.json")
        let broken = try folder.write(Array("{}".utf8), as: "broken.json")
        let foreign = try folder.write(ProofFolder().receipt(1).encodedJSON, as: "foreign.json")
        for wrong in [census, broken, foreign, uncovered, receipt] {
            #expect(
                try folder.verify("--receipt", receipt, "--certificate", wrong)
                    == .verificationFailed
            )
        }
        #expect(
            try folder.verify("--receipt", uncovered, "--certificate", certificate)
                == .verificationFailed
        )
        #expect(
            try folder.verify("--receipt", receipt, "--certificate", folder.path + "/none")
                == .notFound
        )
    }

    @Test func whatItSaysIsShown() throws {
        let folder = try ProofFolder()
        let proof = try CertificateVerification.verify(
            folder.receipt(1),
            of: folder.receipt(0),
            keys: [folder.signer.verifierKey]
        )
        #expect(
            ErasureText.lines(proof) == [
                "erased      2033-11-23T00:00:00.000Z, by strongroom (the retention job)",
                "ground      expired: the lock was over and no hold was on it",
                "lock        COMPLIANCE until 2033-11-22T00:00:00Z, as it was granted",
                "policy      the standard one, of collection ci",
                "clocks      compliance clock 2033-11-23T00:00:00.000Z, wall clock "
                    + "2033-11-23T00:00:00.000Z",
                "certificate record 1",
            ]
        )
        #expect(ErasureText.conclusion(proof).contains("lawfully erased after its lock was over"))
        #expect(
            ErasureText.json(proof)
                == #"{"index":0,"erased":1,"at":"2033-11-23T00:00:00.000Z","#
                + #""principal":"strongroom","ground":"expired","lock":{"mode":"COMPLIANCE","#
                + #""until":"2033-11-22T00:00:00Z"},"history":[],"#
                + #""compliance":"2033-11-23T00:00:00.000Z","wall":"2033-11-23T00:00:00.000Z","#
                + #""digestCompared":true}"#
        )
    }
}

@Suite struct VerifyCompleteTests {
    @Test func receiptsOfADirectoryAreCounted() throws {
        let folder = try ProofFolder()
        try folder.write(0, as: "receipts/n1.receipt.json")
        #expect(try folder.verify("--complete", "ci", folder.path) == .done)
        let census = try folder.write(3, as: "receipts/deep/census.json")
        #expect(try folder.verify("--complete", "ci", folder.path) == .verificationFailed)
        try folder.write(2, as: "receipts/deep/er/n2.receipt.json")
        #expect(try folder.verify("--complete", "ci", folder.path) == .done)
        #expect(try folder.verify("--complete", "other", folder.path) == .verificationFailed)
        #expect(try folder.verify("--complete", "ci", census) == .verificationFailed)
        #expect(try folder.verify("--complete", "ci") == .usage)
        #expect(try folder.verify("--complete", "UPPER", folder.path) == .usage)
        #expect(try folder.verify("--complete", "ci", folder.path + "/none") == .notFound)
    }

    @Test func whatIsNoReceiptIsAFailureOrLeftOut() throws {
        let folder = try ProofFolder()
        try folder.write(0, as: "d/n1.receipt.json")
        try folder.write(Array("payload".utf8), as: "d/n1.xml")
        try folder.write(Array("x".utf8), as: "d/.hidden.json")
        let walk = try ReceiptWalk([folder.path])
        #expect(walk.paths == ["\(folder.path)/d/n1.receipt.json"] && walk.skippedCount == 2)
        #expect(try folder.verify("--complete", "ci", folder.path) == .done)
        try folder.write(Array("{}".utf8), as: "d/other.json")
        #expect(try folder.verify("--complete", "ci", folder.path) == .verificationFailed)
    }

    @Test func whatIsMissingIsPrinted() throws {
        let folder = try ProofFolder()
        func finding(_ indexes: Int...) throws -> Completeness.Finding {
            var completeness = Completeness(
                of: try CollectionName("ci"),
                keys: [folder.signer.verifierKey]
            )
            for index in indexes { try completeness.add(folder.receipt(index)) }
            return try completeness.finding()
        }
        let short = try finding(0, 3)
        #expect(CompletenessText.lines(short).last == "MISSING     2")
        #expect(
            CompletenessText.json(short, isComplete: false)
                == #"{"collection":"ci","origin":"log.example/test","receipts":2,"held":1,"#
                + #""reach":2,"missing":[[2,2]],"census":{"index":3,"before":3,"count":2,"#
                + #""last":2,"received":"2033-11-23T00:00:00.000Z"},"endProven":true,"#
                + #""complete":false}"#
        )
        let open = try finding(0)
        #expect(CompletenessText.lines(open).contains { $0.contains("NONE GIVEN") })
        #expect(CompletenessText.conclusion(open).contains("whether there are more is NOT proven"))
        #expect(CompletenessText.json(open, isComplete: true).contains(#""endProven":false"#))
        let whole = try finding(0, 2, 3)
        #expect(CompletenessText.conclusion(whole).hasPrefix("all 2 records that ci had below"))
    }
}
