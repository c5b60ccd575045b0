import Cryptography
import EvidenceModel
import Foundation
import Testing
import TransparencyLog

@Suite struct ReceiptTests {
    @Test func isWrittenOnOneLineInThisOrder() throws {
        let log = try SmallLog.sample()
        let open = try log.receipt(1)
        let json = text(open.encodedJSON)
        #expect(json.hasPrefix(#"{"type":"strongroom-receipt-v1","index":1,"treeSize":5,"#))
        let members = ["type", "index", "treeSize", "record", "leafHash", "proof", "checkpoint"]
        var positions = members.compactMap { json.firstRange(of: "\"\($0)\":")?.lowerBound }
        #expect(positions == positions.sorted() && positions.count == members.count)
        #expect(!json.contains("\n") && !json.contains("opening"))
        let sealed = text(try log.receipt(2).encodedJSON)
        positions = (members + ["opening", "salt", "description"]).compactMap {
            sealed.firstRange(of: "\"\($0)\":")?.lowerBound
        }
        #expect(positions == positions.sorted() && positions.count == 10)
    }

    /// Another JSON implementation reads the same values.
    @Test func isReadByOthers() throws {
        let receipt = try SmallLog.sample().receipt(2)
        let object = try JSONSerialization.jsonObject(with: Data(receipt.encodedJSON))
        let members = try #require(object as? [String: Any])
        #expect(members["record"] as? String == text(receipt.record))
        #expect(members["leafHash"] as? String == receipt.leafHash.base64)
        #expect(members["proof"] as? [String] == receipt.proof.map(\.base64))
        #expect(members["checkpoint"] as? String == receipt.checkpoint)
        let opening = try #require(members["opening"] as? [String: String])
        #expect(opening["description"] == receipt.opening.map { text($0.description) })
        #expect(opening["salt"] == receipt.opening.map { Base64.encode($0.salt.span) })
    }

    @Test func isReadBackAsWritten() throws {
        let log = try SmallLog.sample()
        for index in log.records.indices {
            let receipt = try log.receipt(index)
            #expect(try parsedReceipt(receipt.encodedJSON) == receipt)
        }
    }

    /// People format receipts; what has to be exact stands inside strings.
    @Test(arguments: [
        JSONSerialization.WritingOptions.prettyPrinted, .sortedKeys,
        [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes],
    ])
    func isReadInAnyFormatting(_ options: JSONSerialization.WritingOptions) throws {
        let receipt = try SmallLog.sample().receipt(2)
        let object = try JSONSerialization.jsonObject(with: Data(receipt.encodedJSON))
        let data = try JSONSerialization.data(withJSONObject: object, options: options)
        let surrounded = Array(" \r\n".utf8) + Array(data) + Array("\t\n".utf8)
        #expect(try parsedReceipt(surrounded) == receipt)
    }

    @Test(arguments: [
        ("\"strongroom-receipt-v1\"", "\"strongroom-receipt-v2\"", "of the type"),
        ("\"strongroom-receipt-v1\"", "1", "\"type\": must be a string"),
        ("\"index\":2,", "", "\"index\" is missing"),
        ("\"index\":2,", "\"index\":2,\"index\":2,", "a key that occurs twice"),
        ("\"index\":2,", "\"index\":2,\"x\":2,", "unknown member \"x\""),
        ("\"index\":2", "\"index\":5", "below treeSize"),
        ("\"index\":2", "\"index\":-1", "an integer from 0"),
        ("\"index\":2", "\"index\":\"2\"", "an integer from 0"),
        ("\"index\":2", "\"index\":2.0", "fraction"),
        ("\"treeSize\":5", "\"treeSize\":0", "below treeSize"),
        ("\"treeSize\":5", "\"treeSize\":9007199254740992", "beyond 2^53"),
        ("\"proof\":[", "\"proof\":[1,", "32 bytes in base64"),
        ("\"proof\":[", "\"proof\":[\"AAAA\",", "32 bytes in base64"),
        ("\"leafHash\":\"", "\"leafHash\":\" ", "32 bytes in base64"),
        ("\"salt\":\"A", "\"salt\":\"*", "\"salt\": must be base64"),
        ("\"salt\":\"A", "\"salt\":\"AAAAA", "must have 32 bytes"),
        ("\"opening\":{", "\"opening\":{\"x\":1,", "unknown member \"x\""),
        ("\"opening\":{", "\"opening\":[{}],\"x\":{", "object"),
        ("\\\"submitter\\\"", "\\\"x\\\"", "\"opening\":"),
        ("{\"type\"", "[{\"type\"", "not JSON"),
    ])
    func theseAreNoReceipts(_ old: String, _ new: String, _ expected: String) throws {
        let json = text(try SmallLog.sample().receipt(2).encodedJSON)
        let range = try #require(json.firstRange(of: old))
        let changed = json.replacingCharacters(in: range, with: new)
        let found = error { () throws(ReceiptError) in try parsedReceipt(Array(changed.utf8)) }
        #expect(found?.description.contains(expected) == true, "\(found as Any)")
    }

    @Test func garbageAroundAReceiptIsRefused() throws {
        let json = try SmallLog.sample().receipt(1).encodedJSON
        for (before, after) in [
            ("", "x"), ("", "{}"), ("", "\u{0}"), ("\u{FEFF}", ""), ("x", ""), ("[", "]"),
            ("", ","),
        ] {
            let bytes = Array(before.utf8) + json + Array(after.utf8)
            #expect(throws: ReceiptError.self) { try parsedReceipt(bytes) }
        }
        for text in ["", "null", "[]", "1", "\"x\"", "{}"] {
            #expect(throws: ReceiptError.self) { try parsedReceipt(Array(text.utf8)) }
        }
    }

    @Test func sizesAreLimited() throws {
        let log = try SmallLog.sample()
        let receipt = try log.receipt(1)
        func reason(_ change: (Receipt) -> Receipt) -> String? {
            error { () throws(ReceiptError) in
                try parsedReceipt(change(receipt).encodedJSON)
            }?.description
        }
        func changed(
            record: [UInt8]? = nil,
            proof: [MerkleHash]? = nil,
            checkpoint: String? = nil
        ) -> Receipt {
            Receipt(
                index: receipt.index,
                treeSize: receipt.treeSize,
                record: record ?? receipt.record,
                leafHash: receipt.leafHash,
                proof: proof ?? receipt.proof,
                checkpoint: checkpoint ?? receipt.checkpoint
            )
        }
        #expect(reason { _ in changed(record: [UInt8](repeating: 0x20, count: 65_535)) } == nil)
        #expect(
            reason { _ in changed(record: [UInt8](repeating: 0x20, count: 65_536)) }?
                .contains("65,535") == true
        )
        let hash = receipt.leafHash
        #expect(reason { _ in changed(proof: Array(repeating: hash, count: 53)) } == nil)
        #expect(
            reason { _ in changed(proof: Array(repeating: hash, count: 54)) }?.contains("53")
                == true
        )
        let long = String(repeating: "x", count: 128 << 10)
        #expect(reason { _ in changed(checkpoint: long) } == nil)
        #expect(reason { _ in changed(checkpoint: long + "x") }?.contains("128 KiB") == true)
        let spaces = [UInt8](repeating: 0x20, count: Receipt.maximumSizeBytes)
        let padded = receipt.encodedJSON + spaces.dropLast(receipt.encodedJSON.count)
        #expect(try parsedReceipt(padded) == receipt)
        #expect(throws: ReceiptError.tooLarge(sizeBytes: padded.count + 1)) {
            try parsedReceipt(padded + [0x20])
        }
    }

    @Test(.tags(.property)) func damagedReceiptsNeverTrap() throws {
        var draw = Draw()
        let log = try SmallLog.sample()
        let samples = try log.records.indices.map { try log.receipt($0).encodedJSON }
        for _ in 0..<6_000 {
            var bytes = draw.element(of: samples)
            for _ in 0..<draw.int(1...4) { draw.damage(&bytes) }
            guard let receipt = try? parsedReceipt(bytes) else { continue }
            #expect(try parsedReceipt(receipt.encodedJSON) == receipt)
        }
        for _ in 0..<2_000 { _ = try? parsedReceipt(draw.bytes(draw.int(0...300))) }
    }
}
