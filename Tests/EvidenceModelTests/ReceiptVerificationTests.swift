import Cryptography
import EvidenceModel
import Testing
import TransparencyLog

private typealias Payload = (digest: SHA256Digest, sizeBytes: UInt64)

private struct ReceiptVectors: Decodable {
    struct Payload: Decodable {
        let sha256: String
        let size: UInt64
    }

    struct Vector: Decodable {
        let receipt: String
        let payload: Payload?
    }

    let verifierKey: String
    let receipts: [Vector]
}

/// The steps that succeeded, or the failure.
private func verified(
    _ receipt: Receipt,
    _ payload: Payload?,
    _ keys: [VerifierKey]
) throws(VerificationFailure) -> [VerificationStep] {
    try ReceiptVerification.verify(receipt, payload: payload, keys: keys).map(\.name)
}

private func failure(
    _ receipt: Receipt,
    _ payload: Payload?,
    _ keys: [VerifierKey]
) -> VerificationFailure? {
    error { () throws(VerificationFailure) in try verified(receipt, payload, keys) }
}

@Suite struct ReceiptVerificationTests {
    private let payload: Payload = (Samples.digest(of: "payload"), 1_234)
    private let log: SmallLog
    private let key: VerifierKey

    init() throws {
        log = try SmallLog.sample()
        key = log.signer.verifierKey
    }

    /// A receipt with parts exchanged.
    private func changed(
        _ receipt: Receipt,
        index: UInt64? = nil,
        treeSize: UInt64? = nil,
        record: [UInt8]? = nil,
        leafHash: MerkleHash? = nil,
        proof: [MerkleHash]? = nil,
        checkpoint: String? = nil,
        opening: SealedOpening?? = nil
    ) -> Receipt {
        Receipt(
            index: index.map { RecordIndex($0) } ?? receipt.index,
            treeSize: treeSize.map { TreeSize($0) } ?? receipt.treeSize,
            record: record ?? receipt.record,
            leafHash: leafHash ?? receipt.leafHash,
            proof: proof ?? receipt.proof,
            checkpoint: checkpoint ?? receipt.checkpoint,
            opening: opening ?? receipt.opening
        )
    }

    @Test(.tags(.golden)) func receiptsOfAnotherImplementationAreVerified() throws {
        let vectors = try Vectors.json("receipt/receipts.json", as: ReceiptVectors.self)
        let key = try VerifierKey(parsing: vectors.verifierKey)
        for vector in vectors.receipts {
            let bytes = Array(vector.receipt.utf8)
            let receipt = try parsedReceipt(bytes)
            #expect(receipt.encodedJSON == bytes)
            let payload = try vector.payload.map { payload in
                (digest: try #require(SHA256Digest(hex: payload.sha256)), sizeBytes: payload.size)
            }
            let steps = try verified(receipt, payload, [key])
            #expect(steps.contains(.payload) == (payload != nil))
            #expect(steps.contains(.opening) == (receipt.opening != nil))
            #expect(Array(steps.suffix(4)) == [.record, .leaf, .inclusion, .checkpoint])
        }
        #expect(vectors.receipts.count > 20)
    }

    @Test func stepsSayWhatWasCompared() throws {
        let sealed = try log.receipt(2)
        let steps = try ReceiptVerification.verify(sealed, payload: payload, keys: [key])
        #expect(steps.map(\.name) == VerificationStep.allCases)
        let expected: [VerificationStep: String] = [
            .payload: "1234 bytes",
            .opening: try Samples.opening().commitment.hex,
            .record: "evidence 41 of payments",
            .leaf: sealed.leafHash.base64,
            .inclusion: "3 hashes",
            .checkpoint: key.description,
        ]
        for step in steps {
            #expect(step.compared.contains(try #require(expected[step.name])), "\(step)")
            #expect(step.description.hasPrefix(step.name.rawValue + ": "))
        }
        let created = try ReceiptVerification.verify(
            try log.receipt(0),
            payload: nil,
            keys: [key]
        )
        #expect(created[0].compared.contains("log.created, received 2026-11-21"))
    }

    @Test func withoutAPayloadRecordAndProofAreChecked() throws {
        #expect(
            try verified(log.receipt(1), nil, [key]) == [.record, .leaf, .inclusion, .checkpoint]
        )
        #expect(
            try verified(log.receipt(2), nil, [key])
                == [.opening, .record, .leaf, .inclusion, .checkpoint]
        )
        let erased = changed(try log.receipt(2), opening: .some(nil))
        #expect(try verified(erased, nil, [key]) == [.record, .leaf, .inclusion, .checkpoint])
    }

    @Test func anotherPayloadIsRefused() throws {
        for index in [1, 2] {
            let receipt = try log.receipt(index)
            let other = failure(receipt, (Samples.digest(of: "other"), 1_234), [key])
            #expect(other?.step == .payload)
            #expect(other?.found.contains(Samples.digest(of: "other").hex) == true)
            #expect(other?.expected.contains(payload.digest.hex) == true)
            #expect(failure(receipt, (payload.digest, 1_235), [key])?.step == .payload)
        }
        #expect(failure(try log.receipt(0), payload, [key])?.step == .payload)
    }

    @Test func openingsBelongToSealedRecords() throws {
        let sealed = try log.receipt(2)
        let erased = changed(sealed, opening: .some(nil))
        #expect(failure(erased, payload, [key])?.step == .opening)
        let open = changed(try log.receipt(1), opening: try Samples.opening())
        #expect(failure(open, nil, [key])?.step == .opening)
        let other = SealedOpening(salt: [UInt8](1...32), evidence: try Samples.openDescription())
        let mismatch = failure(changed(sealed, opening: other), payload, [key])
        #expect(mismatch?.step == .opening)
        #expect(mismatch?.found == other.commitment.hex)
    }

    @Test func everyPartIsBound() throws {
        let receipt = try log.receipt(3)
        let hash = Samples.digest(of: "x")
        let other = try Samples.sealedRecord().encoded
        #expect(failure(changed(receipt, record: [0x7B]), nil, [key])?.step == .record)
        #expect(failure(changed(receipt, record: other), nil, [key])?.step == .leaf)
        #expect(failure(changed(receipt, leafHash: hash), nil, [key])?.step == .leaf)
        let moved = changed(
            receipt,
            record: other,
            leafHash: MerkleTree.leafHash(other.span)
        )
        #expect(failure(moved, nil, [key])?.step == .inclusion)
        for index in [UInt64(0), 1, 2, 4] {
            #expect(failure(changed(receipt, index: index), nil, [key])?.step == .inclusion)
        }
        #expect(failure(changed(receipt, index: 5), nil, [key])?.step == .inclusion)
        for size in [UInt64(4), 6, 1 << 60] {
            #expect(failure(changed(receipt, treeSize: size), nil, [key])?.step == .checkpoint)
        }
        for position in receipt.proof.indices {
            var proof = receipt.proof
            proof[position] = hash
            #expect(failure(changed(receipt, proof: proof), nil, [key])?.step == .inclusion)
            proof = receipt.proof
            proof.remove(at: position)
            #expect(failure(changed(receipt, proof: proof), nil, [key])?.step == .inclusion)
        }
        let long = changed(receipt, proof: receipt.proof + [hash])
        #expect(failure(long, nil, [key])?.step == .inclusion)
    }

    @Test func trustComesFromTheKeysAlone() throws {
        let receipt = try log.receipt(1)
        let other = try Samples.signer(seed: 8)
        let foreign = try Samples.signer("other.example", seed: 7)
        #expect(failure(receipt, nil, [])?.step == .checkpoint)
        #expect(failure(receipt, nil, [other.verifierKey])?.step == .checkpoint)
        #expect(failure(receipt, nil, [foreign.verifierKey])?.step == .checkpoint)
        #expect(throws: Never.self) {
            try verified(receipt, nil, [foreign.verifierKey, other.verifierKey, key])
        }
        // A key of another name does not vouch for this log, even if it signed the checkpoint.
        let vouched = changed(receipt, checkpoint: try log.checkpoint(by: [foreign]))
        let origin = failure(vouched, nil, [foreign.verifierKey])
        #expect(origin?.step == .checkpoint)
        #expect(origin?.found.contains("other.example") == true)
        // While a key is replaced both sign; either is enough.
        let both = changed(receipt, checkpoint: try log.checkpoint(by: [log.signer, other]))
        for keys in [[key], [other.verifierKey], [key, other.verifierKey]] {
            #expect(throws: Never.self) { try verified(both, nil, keys) }
        }
        // A true checkpoint of another log.
        let stranger = changed(
            receipt,
            checkpoint: try log.checkpoint(by: [foreign], origin: "other.example")
        )
        #expect(failure(stranger, nil, [key])?.step == .checkpoint)
        #expect(failure(changed(receipt, checkpoint: "x"), nil, [key])?.step == .checkpoint)
        let description = failure(receipt, nil, [])?.description
        #expect(description?.hasPrefix("checkpoint: expected a checkpoint signed by") == true)
    }

    /// Every byte of a receipt counts: none can be changed.
    @Test(arguments: [0, 1, 2]) func everyFlippedByteIsRefused(_ index: Int) throws {
        let bytes = try log.receipt(index).encodedJSON
        let payload = index == 0 ? nil : payload
        #expect(throws: Never.self) { try verified(parsedReceipt(bytes), payload, [key]) }
        for position in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[position] ^= 1 << UInt8(bit)
                guard let receipt = try? parsedReceipt(changed) else { continue }
                let isRefused = failure(receipt, payload, [key]) != nil
                #expect(isRefused, "byte \(position), bit \(bit)")
            }
        }
    }

    @Test(.tags(.property)) func whatIsChangedIsRefused() throws {
        var draw = Draw()
        let samples = try [1, 2].map { try log.receipt($0) }
        for _ in 0..<6_000 {
            let sample = draw.element(of: samples)
            var bytes = sample.encodedJSON
            for _ in 0..<draw.int(1...2) { draw.damage(&bytes) }
            // Damage may spell the same receipt otherwise, or take a change back.
            guard let receipt = try? parsedReceipt(bytes), receipt != sample else { continue }
            #expect(failure(receipt, payload, [key]) != nil, "\(text(bytes))")
        }
    }
}
