import Cryptography
import EvidenceModel
import Platform
import Testing
import TransparencyLog

@testable import strongroom

/// A small log in memory that gives receipts.
private struct Log {
    let signer: NoteSigner
    let digests: [SHA256Digest]
    let records: [[UInt8]]

    init(count: Int, names: (Int) -> String = { "dir/\($0)" }) throws {
        signer = try SigningKey.make(origin: "log.example/test")
        let time = try #require(Timestamp(milliseconds: 1_800_000_000_123))
        var digests: [SHA256Digest] = []
        var records: [[UInt8]] = []
        for number in 0..<count {
            let digest = SHA256.hash(Array("payload \(number)".utf8).span)
            digests.append(digest)
            let evidence = OpenEvidence(
                collection: try CollectionName("bench"),
                description: EvidenceDescription(
                    name: try EvidenceName(names(number)),
                    payloadDigest: digest,
                    payloadSize: 1000
                ),
                lock: try RetentionPolicy.standard.grant(.standard, at: time),
                received: time,
                sequence: try #require(SequenceNumber(UInt64(number + 1)))
            )
            records.append(Record.evidence(evidence).encoded)
        }
        self.digests = digests
        self.records = records
    }

    func receipt(_ index: Int) throws -> [UInt8] {
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
        ).encodedJSON
    }
}

@Suite struct ReceiptScannerTests {
    @Test func itTakesOutWhatTheFullReaderDoes() throws {
        let log = try Log(count: 13) { #"q"uote\back/é\#($0)"# }
        var scanner = ReceiptScanner()
        for index in 0..<13 {
            let bytes = try log.receipt(index)
            let full = try Receipt(parsing: bytes.span)
            let isUnderstood = scanner.scan(bytes.span)
            #expect(isUnderstood)
            #expect(scanner.index == full.index.value && scanner.treeSize == full.treeSize.value)
            #expect(scanner.record == full.record && scanner.leafHash == full.leafHash)
            #expect(scanner.proof == full.proof)
        }
    }

    @Test func whatIsAnywhereElseIsNotUnderstood() throws {
        let bytes = try Log(count: 5).receipt(2)
        var scanner = ReceiptScanner()
        for count in 0..<bytes.count {
            let isUnderstood = scanner.scan(bytes.span.extracting(first: count))
            #expect(!isUnderstood)
        }
        for other in [
            bytes + [UInt8(ascii: "\n")], bytes.dropLast() + Array(#","opening":{}}"#.utf8),
        ] {
            let isUnderstood = scanner.scan(other.span)
            #expect(!isUnderstood)
        }
    }
}

@Suite struct ReplyVerifierTests {
    @Test func soundReceiptsPass() throws {
        let log = try Log(count: 9)
        var verifier = ReplyVerifier(keys: [log.signer.verifierKey])
        for round in 0..<2 {
            for index in 0..<9 {
                let bytes = try log.receipt(index)
                try verifier.verify(
                    bytes.span,
                    .appended(log.digests[index], sizeBytes: 1000)
                )
                try verifier.verify(bytes.span, .receipt(index: UInt64(index)))
            }
            #expect(round < 2)
        }
    }

    @Test func everyFlippedBitIsRefused() throws {
        let log = try Log(count: 9)
        let good = try log.receipt(4)
        var verifier = ReplyVerifier(keys: [log.signer.verifierKey])
        // Warm: the checkpoint is known, so the quick way is taken.
        try verifier.verify(good.span, .appended(log.digests[4], sizeBytes: 1000))
        for place in good.indices {
            var bad = good
            bad[place] ^= 1
            #expect(throws: CommandFailure.self, "byte \(place)") {
                try verifier.verify(bad.span, .appended(log.digests[4], sizeBytes: 1000))
            }
        }
    }

    @Test func receiptsOfOtherThingsAreRefused() throws {
        let log = try Log(count: 9)
        let bytes = try log.receipt(4)
        var verifier = ReplyVerifier(keys: [log.signer.verifierKey])
        for _ in 0..<2 {
            #expect(throws: CommandFailure.self) {
                try verifier.verify(bytes.span, .appended(log.digests[5], sizeBytes: 1000))
            }
            #expect(throws: CommandFailure.self) {
                try verifier.verify(bytes.span, .appended(log.digests[4], sizeBytes: 100))
            }
            #expect(throws: CommandFailure.self) {
                try verifier.verify(bytes.span, .receipt(index: 5))
            }
            try verifier.verify(bytes.span, .receipt(index: 4))
        }
        var stranger = ReplyVerifier(keys: [try Log(count: 1).signer.verifierKey])
        #expect(throws: CommandFailure.self) {
            try stranger.verify(bytes.span, .receipt(index: 4))
        }
    }
}

@Suite struct ReceiptCheckerTests {
    @Test func withoutAKeyOnlyTheSignatureIsLeftOut() throws {
        let log = try Log(count: 9)
        let checker = ReceiptChecker(keys: [])
        let bytes = try log.receipt(3)
        let checked = try checker.check(bytes.span)
        #expect(checked.description?.name.text == "dir/3" && !checker.isPinned)
        let text = String(decoding: bytes, as: UTF8.self)
        let other = text.replacing("\"index\":3", with: "\"index\":2")
        #expect(throws: CommandFailure.self) { _ = try checker.check(Array(other.utf8).span) }
    }

    @Test func aReceiptIsReadInBothForms() throws {
        let log = try Log(count: 9)
        let json = try log.receipt(3)
        let receipt = try ReceiptText.parse(json)
        let proof = TlogProof(
            index: receipt.index,
            path: receipt.proof,
            checkpoint: try SignedNote(parsing: receipt.checkpoint),
            extra: receipt.record
        )
        #expect(try ReceiptText.parse(Array(proof.encoded.utf8)) == receipt)
        let bare = TlogProof(
            index: receipt.index,
            path: receipt.proof,
            checkpoint: try SignedNote(parsing: receipt.checkpoint)
        )
        #expect(throws: ReceiptTextError.self) {
            _ = try ReceiptText.parse(Array(bare.encoded.utf8))
        }
        #expect(throws: ReceiptTextError.self) { _ = try ReceiptText.parse([]) }
    }
}

@Suite struct TrustedKeysTests {
    private func read(_ keys: [String]) throws -> [VerifierKey] {
        let words = keys.flatMap { ["--key", $0] } + ["f"]
        let arguments = try ArgumentParser.parse(words, for: VerifyCommand.command.specification)
        return try TrustedKeys.read(arguments, badKey: .verificationFailed)
    }

    @Test func textsAndFiles() throws {
        let first = try SigningKey.make(origin: "a.example/one").verifierKey
        let second = try SigningKey.make(origin: "a.example/two").verifierKey
        let path = "/tmp/strongroom-keys-\(TemporaryName.make())"
        defer { try? FileSystem.unlink(path) }
        try FileSystem.writeDurably(
            Array("# keys\n\n\(second)\n\(first)\n".utf8).span,
            to: path,
            permissions: 0o600
        )
        #expect(try read(["\(first)", path]) == [first, second, first])
    }

    @Test func aChangedKeyIsAFailedVerification() throws {
        let text = try SigningKey.make(origin: "a.example/one").verifierKey.description
        for place in stride(from: 0, to: text.utf8.count, by: 7) {
            var bytes = Array(text.utf8)
            bytes[place] ^= 1
            do {
                _ = try read([String(decoding: bytes, as: UTF8.self)])
                Issue.record("accepted with byte \(place) changed")
            } catch let failure as CommandFailure {
                #expect(failure.code == .verificationFailed)
                #expect(failure.text.hasPrefix("signature: "))
            }
        }
    }
}
