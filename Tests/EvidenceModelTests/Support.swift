import EvidenceModel
import Foundation
import Testing

extension Tag {
    /// Compared with vectors of an independent source.
    @Tag static var golden: Self
    /// Checked on drawn input; replayed with STRONGROOM_SEED.
    @Tag static var property: Self
}

// `#expect` cannot take a `Span` apart, so the tests speak of arrays and texts.

func parsedRecord(_ bytes: [UInt8]) throws(RecordError) -> Record {
    try Record(parsing: bytes.span)
}

func parsedRecord(_ text: String) throws(RecordError) -> Record {
    try parsedRecord(Array(text.utf8))
}

func parsedReceipt(_ bytes: [UInt8]) throws(ReceiptError) -> Receipt {
    try Receipt(parsing: bytes.span)
}

func parsedJSON(_ bytes: [UInt8], _ form: JSONForm = .canonical) throws(JSONError) -> JSONValue {
    try JSONValue(parsing: bytes.span, form: form)
}

func parsedJSON(_ text: String, _ form: JSONForm = .canonical) throws(JSONError) -> JSONValue {
    try parsedJSON(Array(text.utf8), form)
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// The error that `body` throws, `nil` if it throws none.
func error<Value, Failure: Error>(_ body: () throws(Failure) -> Value) -> Failure? {
    do throws(Failure) {
        _ = try body()
        return nil
    } catch {
        return error
    }
}

/// Files below Tests/Vectors.
enum Vectors {
    static func data(_ path: String) throws -> Data {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        return try Data(contentsOf: folder.appendingPathComponent("../Vectors/\(path)"))
    }

    static func json<Value: Decodable>(_ path: String, as type: Value.Type) throws -> Value {
        try JSONDecoder().decode(type, from: data(path))
    }

    /// The rows of a tab-separated file, without its header.
    static func rows(_ path: String) throws -> [[String]] {
        let lines = String(decoding: try data(path), as: UTF8.self).split(separator: "\n")
        return lines.dropFirst().map { line in
            line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        }
    }
}
