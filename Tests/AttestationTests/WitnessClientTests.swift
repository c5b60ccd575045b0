import Cryptography
import EvidenceStore
import Platform
import Testing
import TransparencyLog

@testable import Attestation

/// One witness that is asked, and all that it can answer.
@Suite struct WitnessClientTests {
    private let signer: NoteSigner
    private let doubles: DoubleWitnesses
    private let log: SmallLog

    init() throws {
        signer = try NoteSigner(name: "log.example/w", privateKey: Ed25519PrivateKey.generate())
        doubles = try DoubleWitnesses(["a", "b"], of: [signer.verifierKey])
        log = SmallLog(signer)
    }

    private func client(_ url: String = DoubleWitnesses.url("a") + "/") throws -> WitnessClient {
        WitnessClient(
            name: try doubles.policy(["a"], needing: 1).witnesses[0].name,
            key: doubles.key("a"),
            url: url,
            known: [doubles.key("a"), doubles.key("b")],
            transport: doubles
        )
    }

    private func ask(
        _ size: UInt64,
        of log: SmallLog? = nil,
        from known: UInt64 = 0
    ) throws -> WitnessClient.Answer {
        let log = log ?? self.log
        return try client().ask(
            for: log.note(size),
            size: TreeSize(size),
            from: TreeSize(known),
            deadlineNanoseconds: Clock.monotonicNanoseconds() + 60_000_000_000
        ) { (old) throws(StoreError) in log.proof(from: old, to: size) }
    }

    private func failure(_ body: () throws -> WitnessClient.Answer) -> WitnessFailure? {
        do {
            _ = try body()
            return nil
        } catch { return error as? WitnessFailure }
    }

    @Test func growthIsCosigned() throws {
        var last: UInt64 = 0
        for size: UInt64 in [1, 2, 7, 8, 64, 100, 100] {
            let answer = try ask(size, from: last)
            #expect(answer.cosignatures.map(\.key) == [doubles.key("a")])
            #expect(answer.otherLines.isEmpty)
            last = size
        }
        // Each was right at once: the size was known.
        #expect(doubles.requests("a").count == 7)
    }

    @Test func aSizeThatIsNotKnownIsAskedFor() throws {
        _ = try ask(40)
        #expect(try ask(70, from: 0).cosignatures.count == 1)
        #expect(try ask(90, from: 60).cosignatures.count == 1)
        // A size that is larger than the log cannot be right.
        #expect(try ask(95, from: 1000).cosignatures.count == 1)
        #expect(doubles.requests("a").map(\.oldSize.value) == [0, 0, 40, 60, 70, 0, 90])
    }

    @Test func aForkIsTold() throws {
        _ = try ask(40)
        let other = SmallLog(signer, tag: "b", common: 20)
        for (size, known): (UInt64, UInt64) in [(40, 40), (40, 0), (50, 40), (50, 0), (50, 20)] {
            let found = failure { try ask(size, of: other, from: known) }
            #expect(found?.kind == .inconsistent, "\(size) \(known): \(String(describing: found))")
            #expect(found?.isContradiction == true)
        }
        // Of the records that both have it can say nothing.
        #expect(doubles.with("a") { $0.state.latest?.size } == TreeSize(40))
    }

    @Test func aLogThatWasSetBackIsTold() throws {
        _ = try ask(40)
        for known: UInt64 in [0, 30, 40] {
            let found = failure { try ask(30, from: known) }
            #expect(found == .ahead(witness: TreeSize(40), log: TreeSize(30)))
            #expect(found?.isContradiction == true)
        }
    }

    @Test func refusalsKeepTheirKind() throws {
        let statuses: [(Int, WitnessFailure.Kind)] = [
            (400, .refused), (403, .refused), (404, .refused), (422, .inconsistent),
            (429, .failing), (500, .failing), (503, .failing), (302, .failing), (204, .failing),
        ]
        for (status, kind) in statuses {
            doubles.set(
                "a",
                .fixed(AttestationResponse(status: status, mediaType: "", body: Array("no\n".utf8)))
            )
            #expect(failure { try ask(5) }?.kind == kind, "\(status)")
        }
        doubles.set("a", .silent)
        #expect(failure { try ask(5) } == .silent("connection refused"))
    }

    @Test func garbageIsRefused() throws {
        let size = "text/x.tlog.size"
        let answers: [(Int, String, String)] = [
            (200, "", ""), (200, "", "\n"), (200, "", "hello\n"), (200, "text/html", "<html>\n"),
            (200, "", "— a.example AAAA"), (409, size, "abc\n"), (409, size, "-1\n"),
            (409, size, "007\n"), (409, size, "5"), (409, "text/plain", "5\n"),
            (409, size, "99999999999999999999999999\n"),
            (200, "", String(repeating: "x", count: 200_000) + "\n"),
        ]
        for (status, type, body) in answers {
            doubles.set(
                "a",
                .fixed(
                    AttestationResponse(status: status, mediaType: type, body: Array(body.utf8))
                )
            )
            #expect(failure { try ask(5) }?.kind == .garbage, "\(status) \(body.prefix(30))")
        }
    }

    @Test func aWitnessThatNamesAnotherSizeEachTimeIsGivenUp() throws {
        let answer = { (size: Int) in
            AttestationResponse(
                status: 409,
                mediaType: "text/x.tlog.size",
                body: Array("\(size)\n".utf8)
            )
        }
        doubles.set("a", .fixed(answer(3)))
        #expect(failure { try ask(5) } == .unsettled(TreeSize(3)))
        #expect(doubles.requests("a").count == 2)
        // The very size that is offered, again and again: another root.
        doubles.set("a", .fixed(answer(5)))
        #expect(failure { try ask(5) }?.kind == .inconsistent)
    }

    @Test func onlyAValidCosignatureOfItsOwnCounts() throws {
        func line(_ name: String, _ size: UInt64) throws -> String {
            let checkpoint = try Checkpoint(parsing: log.note(size).text)
            return doubles.with(name) { witness in
                witness.cosigner.cosign(checkpoint, timestampSeconds: 1_800_000_000)
                    .signature.line
            }
        }
        let other = try line("b", 5)
        let wrong = try line("a", 4)
        for (lines, what) in [
            (other, "another's"), (wrong, "of another tree"), (wrong + other, ""),
        ] {
            doubles.set(
                "a",
                .fixed(AttestationResponse(status: 200, mediaType: "", body: Array(lines.utf8)))
            )
            #expect(failure { try ask(5) }?.kind == .invalid, "\(what)")
        }
        doubles.set("a", .adorned(before: [other], after: []))
        #expect(try ask(5).cosignatures.map(\.key) == [doubles.key("a"), doubles.key("b")])
    }

    @Test func linesOfOthersMakeNoNoteVoid() throws {
        func line(_ name: String, _ id: UInt8, _ count: Int = 72) throws -> String {
            let key = [0, 0, 0, id] + [UInt8](repeating: 7, count: count)
            return "— \(name) \(Base64.encode(key.span))\n"
        }
        // A forged line that claims the other witness: it would make every verifier refuse.
        let claim = doubles.key("b")
        let text = "\(claim)".split(separator: "+")[1]
        let id = stride(from: 0, to: 8, by: 2).compactMap { place in
            UInt8(text.dropFirst(place).prefix(2), radix: 16)
        }
        let bytes = id + [UInt8](repeating: 0, count: 7) + [1] + [UInt8](repeating: 9, count: 64)
        let forged = "— \(claim.name) \(Base64.encode(bytes.span))\n"
        doubles.set(
            "a",
            .adorned(
                before: [
                    forged, try line("log.example/w", 1), try line("stranger.example", 2),
                    try line("a.example", 3), try line("a.example", 4, 60_000),
                ],
                after: [try line("a.example", 5, 2428), try line("a.example", 6)]
            )
        )
        let answer = try ask(5)
        #expect(answer.cosignatures.map(\.key) == [doubles.key("a")])
        // Of its own name it may send more, of kinds that are not known here, but not too much.
        #expect(answer.otherLines.map(\.bytes.count) == [72, 2428])
        #expect(answer.otherLines.allSatisfy { $0.name == "a.example" })
    }

    @Test func aProofThatCannotBeReadIsTheLogsFault() throws {
        _ = try ask(3)
        let client = try client()
        let note = try log.note(5)
        let found = failure {
            try client.ask(
                for: note,
                size: TreeSize(5),
                from: .zero,
                deadlineNanoseconds: .max
            ) { _ throws(StoreError) in throw StoreError.unavailable("closed") }
        }
        #expect(found?.kind == .log)
    }

    @Test func aDeadlineThatIsOverAsksNobody() throws {
        let client = try client()
        let note = try log.note(5)
        let found = failure {
            try client.ask(for: note, size: TreeSize(5), from: .zero, deadlineNanoseconds: 1) {
                _ throws(StoreError) in []
            }
        }
        #expect(found?.kind == .silent)
        #expect(doubles.requests("a").isEmpty)
    }
}
