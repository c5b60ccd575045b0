import Testing

@testable import TransparencyLog

@Suite("Messages of tlog-witness")
struct AddCheckpointTests {
    struct File: Decodable {
        struct Accepted: Decodable {
            let name: String
            let oldSize: UInt64
            let proof: [String]
            let note: String
            let body: String
        }
        struct Refused: Decodable {
            let why: String
            let body: String
        }
        let accepted: [Accepted]
        let good: String
        let refused: [Refused]
    }

    private func file() throws -> File {
        try Vectors.json("witness/requests.json", as: File.self)
    }

    private func parse(
        _ status: Int,
        _ body: String,
        type: String? = "text/plain"
    ) throws -> AddCheckpointResponse {
        try AddCheckpointResponse(status: status, contentType: type, body: Array(body.utf8))
    }

    @Test func requestsOfAnotherImplementationAreRead() throws {
        let vectors = try file().accepted
        #expect(vectors.count == 5)
        for vector in vectors {
            let request = try AddCheckpointRequest(parsing: Array(vector.body.utf8))
            #expect(request.oldSize == TreeSize(vector.oldSize), "\(vector.name)")
            #expect(request.proof == (try Vectors.hashes(vector.proof)))
            #expect(request.checkpoint.encoded == vector.note)
            #expect(request.origin == "log.example/strongroom")
            let made = AddCheckpointRequest(
                oldSize: request.oldSize,
                proof: request.proof,
                checkpoint: request.checkpoint
            )
            #expect(made == request)
            #expect(made.encoded == Array(vector.body.utf8))
        }
    }

    @Test func everyBrokenRuleIsRefused() throws {
        let vectors = try file()
        _ = try AddCheckpointRequest(parsing: Array(vectors.good.utf8))
        #expect(vectors.refused.count == 27)
        for vector in vectors.refused {
            #expect(throws: AddCheckpointError.self, "\(vector.why)") {
                try AddCheckpointRequest(parsing: Array(vector.body.utf8))
            }
        }
    }

    @Test func whatIsTooLargeIsNotRead() throws {
        let signer = try TestKey.log.signer
        let room = SignedNote.maximumBytes - signer.sign("\n").line.utf8.count - 2
        let text = String(repeating: "x", count: room) + "\n"
        let proof = [MerkleHash](repeating: MerkleTree.emptyRoot, count: 63)
        let largest = AddCheckpointRequest(
            oldSize: TreeSize.maximum,
            proof: proof,
            checkpoint: try SignedNote.sign(text, by: [signer])
        )
        #expect(largest.encoded.count <= AddCheckpointRequest.maximumBytes)
        #expect(try AddCheckpointRequest(parsing: largest.encoded) == largest)
        let more = [UInt8](repeating: 10, count: AddCheckpointRequest.maximumBytes + 1)
        #expect(throws: AddCheckpointError.self) { try AddCheckpointRequest(parsing: more) }
    }

    @Test func responsesAreReadAsTheyAreWritten() throws {
        let checkpoint = try TestCheckpoint.of(size: 3)
        let lines = try [TestKey.witness, .other].map { key in
            try key.cosigner.cosign(checkpoint, timestampSeconds: 5).signature
        }
        let responses: [AddCheckpointResponse] =
            [
                .cosigned([lines[0]]), .cosigned(lines), .conflict(.zero),
                .conflict(TreeSize.maximum), .failed(status: 503, detail: "later"),
                .failed(status: 429, detail: ""), .failed(status: 302, detail: "elsewhere"),
            ]
            + AddCheckpointResponse.Refusal.allCases.map { .refused($0, detail: "no") }
        for response in responses {
            let read = try AddCheckpointResponse(
                status: response.status,
                contentType: response.contentType,
                body: response.body
            )
            #expect(read == response)
        }
        #expect(AddCheckpointResponse.conflict(TreeSize(7)).body == Array("7\n".utf8))
        #expect(AddCheckpointResponse.conflict(TreeSize(7)).contentType == "text/x.tlog.size")
    }

    @Test func aSizeMustBeOne() throws {
        let type = AddCheckpointResponse.sizeMediaType
        for accepted in [type, type + "; charset=utf-8", "Text/X.Tlog.Size", type + " ;x=y"] {
            #expect(try parse(409, "7\n", type: accepted) == .conflict(TreeSize(7)))
        }
        for body in ["", "\n", "7", "07\n", "7\n\n", " 7\n", "-1\n", "9007199254740992\n", "x\n"] {
            #expect(throws: AddCheckpointError.self, "\(body)") {
                try parse(409, body, type: type)
            }
        }
        for other in [nil, "", "text/plain", type + "x", "application/json"] {
            #expect(throws: AddCheckpointError.self) { try parse(409, "7\n", type: other) }
        }
    }

    @Test func linesMustBeSignatures() throws {
        let checkpoint = try TestCheckpoint.of(size: 3)
        let line = try TestKey.witness.cosigner.cosign(checkpoint, timestampSeconds: 5)
            .signature.line
        for body in [
            "", "\n", "\n" + line, line + "\n", String(line.dropLast()), line + "x\n", "OK\n",
            checkpoint.text + "\n" + line, String(repeating: line, count: 101),
        ] {
            #expect(throws: AddCheckpointError.self, "\(body)") { try parse(200, body) }
        }
        let large = String(repeating: "x", count: AddCheckpointResponse.maximumBytes + 1)
        #expect(throws: AddCheckpointError.self) { try parse(500, large) }
    }

    @Test func whatAStrangerSaysCannotReachATerminal() throws {
        let said = "no\u{1b}[31m\r\nnever\u{9b}\u{7f}\n"
        let response = try parse(403, said + String(repeating: "x", count: 5000))
        guard case .refused(.untrusted, let detail) = response else {
            Issue.record("403 is a refusal")
            return
        }
        #expect(detail.utf8.count <= 510)
        #expect(detail.hasPrefix("no [31m  never"))
        #expect(detail.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f })
    }

    @Test func errorsSaySomething() {
        for error in [
            AddCheckpointError.malformed(detail: "this rule"), .checkpoint(.noKnownSignature),
        ] {
            #expect(!error.description.isEmpty)
        }
    }
}
