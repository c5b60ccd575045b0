import Cryptography
import EvidenceModel
import Foundation
import Testing
import TransparencyLog

/// Files below Schemas.
enum SchemaFile {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../Schemas")

    static func json(_ name: String) throws -> JSONValue {
        let data = try Data(contentsOf: folder.appendingPathComponent(name))
        return try parsedJSON(Array(data), .any)
    }
}

/// The examples of the normative documents are what they say they are.
@Suite struct SchemaTests {
    private let folder = SchemaFile.folder

    private func examples(_ file: String) throws -> [JSONValue] {
        guard case .object(let schema) = try SchemaFile.json(file),
            case .array(let examples) = schema["examples"]
        else { return [] }
        return examples
    }

    @Test func recordsOfTheSchemaAreRecords() throws {
        let examples = try examples("record.schema.json")
        for example in examples {
            let bytes = CanonicalJSON.encode(example)
            #expect(try parsedRecord(bytes).encoded == bytes)
        }
        #expect(examples.count == 24)
    }

    /// The schema allows every record of the vectors, and none in which a member is missing or
    /// there is one too many.
    @Test func theSchemaKnowsEveryRecord() throws {
        struct Vector: Decodable {
            let error: String?
            let record: String
        }
        let validator = SchemaValidator(try SchemaFile.json("record.schema.json"))
        for file in ["records", "log-created", "acts"] {
            for vector in try Vectors.json("record/\(file).json", as: [Vector].self) {
                let fault = validator.fault(try parsedJSON(vector.record))
                #expect(fault == nil, "\(vector.record.prefix(200))")
            }
        }
        let successors = try Vectors.json("record/successors.json", as: Successors.self)
        for vector in successors.accepted {
            #expect(validator.fault(try parsedJSON(vector.record)) == nil, "\(vector.title)")
        }
        for file in ["refused", "acts-refused"] {
            for vector in try Vectors.json("record/\(file).json", as: [Vector].self)
            where ["missingMember", "unknownMember"].contains(vector.error) {
                let fault = validator.fault(try parsedJSON(vector.record))
                #expect(fault != nil, "\(vector.record.prefix(200))")
            }
        }
    }

    @Test func receiptsOfTheSchemaAreTrue() throws {
        struct Keys: Decodable { let verifierKey: String }
        let text = try Vectors.json("receipt/receipts.json", as: Keys.self).verifierKey
        let key = try VerifierKey(parsing: text)
        let examples = try examples("receipt.schema.json")
        for example in examples {
            let receipt = try parsedReceipt(CanonicalJSON.encode(example))
            #expect(throws: Never.self) {
                try ReceiptVerification.verify(receipt, payload: nil, keys: [key])
            }
        }
        #expect(examples.count == 2)
    }

    /// Whole lines of the page that are JSON objects: records, and the description of one.
    @Test func recordsOfThePageAreRecords() throws {
        let pages = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
            $0.hasPrefix("record") && $0.hasSuffix(".md")
        }
        var lines: [[UInt8]] = []
        for page in pages {
            let data = try Data(contentsOf: folder.appendingPathComponent(page))
            lines += data.split(separator: UInt8(ascii: "\n")).map { Array($0) }
        }
        let records = lines.filter { line in
            line.starts(with: "{".utf8) && text(line).contains("\"kind\":")
        }
        for record in records { #expect(try parsedRecord(record).encoded == record) }
        #expect(records.count == 15)

        let description = try #require(lines.first { $0.starts(with: "{\"idempotency".utf8) })
        let salt = try #require(
            Hex.decode("63479ad69a090b258277ec8fba6f99419a2ffb248981510657c944ccd1148e97")
        )
        let opening = try SealedOpening(salt: salt, description: description)
        let sealed: [SHA256Digest] = try records.compactMap { bytes in
            guard case .sealedEvidence(let evidence) = try parsedRecord(bytes) else { return nil }
            return evidence.commitment
        }
        #expect(sealed == [opening.commitment])
    }
}
