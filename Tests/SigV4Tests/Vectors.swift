import Cryptography
import Foundation
import SigV4
import Testing

extension Tag {
    /// Compared with vectors of an independent source.
    @Tag static var golden: Self
}

/// Files below Tests/Vectors/sigv4; `scripts/vectors/sigv4_vectors.py` builds them with botocore.
enum Vectors {
    private static func data(_ name: String) throws -> Data {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        return try Data(contentsOf: folder.appendingPathComponent("../Vectors/sigv4/\(name)"))
    }

    static func suite() throws -> PublishedSuite {
        try JSONDecoder().decode(PublishedSuite.self, from: data("cases.json"))
    }

    /// The drawn requests with their signatures.
    static func drawn() throws -> [DrawnRequest] {
        let lines = String(decoding: try data("random.tsv"), as: UTF8.self).split(separator: "\n")
        return try lines.dropFirst().map { try DrawnRequest(line: $0) }
    }
}

/// The cases of AWS's published test suite that apply to S3.
struct PublishedSuite: Decodable {
    struct Case: Decodable {
        let name: String
        let method: String
        let path: String
        let query: [[String]]
        let fields: [[String]]
        let body: String
        let token: String?
        let canonicalRequest: String
        let stringToSign: String
        let signature: String
        let presignedSignature: String?
    }

    let accessKey: String
    let secretKey: String
    let time: Int64
    let host: String
    let skipped: [String: String]
    let cases: [Case]
}

/// One line of random.tsv.
struct DrawnRequest {
    let credentials: SigningCredentials
    let region: ScopeName
    let request: SigningRequest
    let time: SigningTime
    /// Of a presigned URL; `nil` for a signature in the fields.
    let lifetime: PresignedLifetime?
    let signature: String

    init(line: Substring) throws {
        let cells = line.split(separator: "\t", omittingEmptySubsequences: false)
        func cell<Value: Decodable>(_ index: Int, as type: Value.Type = Value.self) throws -> Value
        {
            try JSONDecoder().decode(type, from: Data(cells[index].utf8))
        }
        let lifetimeSeconds = try cell(11, as: Int.self)
        lifetime = PresignedLifetime(seconds: lifetimeSeconds)
        let body = Array(try cell(5, as: String.self).utf8)
        request = try SigningRequest(
            method: cell(0),
            host: cell(1),
            path: cell(2),
            query: items(cell(3)),
            fields: items(cell(4)),
            payload: lifetime == nil ? .signed(SHA256.hash(body.span)) : .unsigned
        )
        credentials = try #require(
            SigningCredentials(
                accessKeyID: cell(6),
                secretAccessKey: cell(7),
                sessionToken: cell(8, as: String?.self)
            )
        )
        region = try #require(ScopeName(cell(9)))
        time = try #require(SigningTime(secondsSince1970: cell(10)))
        signature = String(cells[12])
    }
}

func items(_ pairs: [[String]]) -> [SigningRequest.Item] {
    pairs.map { SigningRequest.Item($0[0], $0[1]) }
}
