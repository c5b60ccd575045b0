import Testing

@testable import TransparencyLog

@Suite("tlog-policy")
struct PolicyTests {
    struct Files: Decodable {
        struct Accepted: Decodable {
            let name: String
            let policy: String
        }
        struct Refused: Decodable {
            let why: String
            let line: Int
            let policy: String
        }
        let accepted: [Accepted]
        let refused: [Refused]
    }

    struct Verdicts: Decodable {
        struct Policy: Decodable {
            let name: String
            let policy: String
            let quorum: String
            let groups: Int
            let accepted: [String]
        }
        let checkpoint: String
        let cosignatures: [String: String]
        let policies: [Policy]
    }

    private func files() throws -> Files {
        try Vectors.json("policy/files.json", as: Files.self)
    }

    private func verdicts() throws -> Verdicts {
        try Vectors.json("policy/verdicts.json", as: Verdicts.self)
    }

    private func fault(_ text: String) -> TlogPolicyError? {
        do throws(TlogPolicyError) {
            _ = try TlogPolicy(parsing: text)
            return nil
        } catch {
            return error
        }
    }

    @Test func filesAreRead() throws {
        let vectors = try files().accepted
        #expect(vectors.count == 10)
        var policies: [String: TlogPolicy] = [:]
        for vector in vectors {
            let error = fault(vector.policy)
            #expect(error == nil, "\(vector.name): \(error?.description ?? "")")
            policies[vector.name] = try TlogPolicy(parsing: vector.policy)
        }
        let smallest = try #require(policies["the smallest"])
        #expect(smallest.quorum == nil && smallest.witnesses.isEmpty && smallest.logs.isEmpty)
        #expect(policies["comments and empty lines"] == smallest)
        let urls = try #require(policies["URLs"])
        #expect(urls.logs.map(\.url) == ["https://log.example/"])
        #expect(urls.witnesses.map(\.url) == ["https://witness.example/x1"])
        #expect(policies["several logs"]?.logs.count == 3)
        #expect(policies["a name that is a number"]?.groups.map(\.threshold) == [1])
        let many = try #require(policies["32 of each"])
        #expect([many.logs.count, many.witnesses.count, many.groups.count] == [32, 32, 32])
        #expect(many.quorum?.description == "g31")
    }

    @Test func everyBrokenRuleIsRefusedWithItsLine() throws {
        let vectors = try files().refused
        #expect(vectors.count == 49)
        for vector in vectors {
            let error = try #require(fault(vector.policy), "\(vector.why)")
            switch error {
            case .line(let number, _): #expect(number == vector.line, "\(vector.why): \(error)")
            case .noQuorum, .unfinished: #expect(vector.line == 0, "\(vector.why): \(error)")
            case .tooLarge: Issue.record("\(vector.why): \(error)")
            }
            #expect(!error.description.isEmpty)
        }
    }

    @Test func refusalsNameTheRule() throws {
        let refused = try files().refused
        func fault(_ why: String) throws -> TlogPolicyError.Fault? {
            let vector = try #require(refused.first { $0.why == why })
            guard case .line(_, let fault) = self.fault(vector.policy) else { return nil }
            return fault
        }
        let (x1, none) = (name("X1"), name("none"))
        #expect(try fault("a name twice") == .takenName(x1))
        #expect(try fault("a witness called none") == .takenName(none))
        #expect(try fault("none in a group") == .unknownName(none))
        #expect(try fault("a member of two groups") == .repeatedMember(x1))
        #expect(try fault("a key of a witness under another name") == .repeatedKey(line: 1))
        #expect(try fault("a log with the key of a witness") == .key(.unsupportedKeyType(4)))
        #expect(try fault("a witness with the key of a log") == .key(.unsupportedKeyType(1)))
        #expect(try fault("a threshold beyond the members") == .threshold("2", members: 1))
        #expect(try fault("carriage returns") == .byte(13))
        #expect(try fault("two quorums") == .secondQuorum)
        #expect(try fault("an unknown word") == .keyword("server"))
    }

    @Test func namesAreBytes() throws {
        let key = try TestKey.witness.cosigner.cosignatureKey
        let line = Array("\nquorum ".utf8)
        // A Kelvin sign is no K, and bytes that are not UTF-8 are a name like others.
        for name: [UInt8] in [Array("\u{212a}".utf8), [0xff], [0x80, 0x81]] {
            let bytes = Array("witness ".utf8) + name + Array(" \(key)".utf8) + line
            let policy = try TlogPolicy(parsing: bytes + name + [10])
            #expect(policy.quorum?.bytes == name)
            #expect(throws: TlogPolicyError.self) {
                try TlogPolicy(parsing: bytes + Array("K\n".utf8))
            }
        }
        #expect(throws: TlogPolicyError.self) {
            try TlogPolicy(parsing: Array("log \u{fffd}".utf8.dropLast()) + Array("\n".utf8))
        }
    }

    @Test func aFileBeyondTheLimitIsNotRead() {
        let comment = String(repeating: "#", count: TlogPolicy.maximumBytes - 13) + "\n"
        #expect(fault(comment + "quorum none\n") == nil)
        #expect(
            fault("#" + comment + "quorum none\n")
                == .tooLarge(limitBytes: TlogPolicy.maximumBytes)
        )
    }

    @Test func verdictsOverEverySubsetOfCosignersAgree() throws {
        let vectors = try verdicts()
        let names = vectors.cosignatures.keys.sorted()
        #expect(names.count == 5 && vectors.policies.count == 10)
        let checkpoint = try SignedNote(parsing: vectors.checkpoint)
        for vector in vectors.policies {
            let policy = try TlogPolicy(parsing: vector.policy)
            #expect(policy.groups.count == vector.groups)
            for subset in 0..<(1 << names.count) {
                let chosen = names.indices.filter { subset >> $0 & 1 == 1 }.map { names[$0] }
                let lines = chosen.compactMap { vectors.cosignatures[$0] }
                let note = try SignedNote(parsing: checkpoint.encoded + lines.joined())
                let verdict = policy.judge(note)
                let isAccepted = vector.accepted.contains(chosen.joined(separator: " "))
                #expect(verdict.isAccepted == isAccepted, "\(vector.name), \(chosen)")
                #expect(verdict.cosignatures.map(\.witness.description) == chosen)
                #expect(verdict.checkpoint?.checkpoint.size == TreeSize(42))
            }
        }
    }

    @Test func everyReasonIsNamed() throws {
        let vectors = try verdicts()
        let vector = try #require(vectors.policies.first { $0.name == "two organizations" })
        let policy = try TlogPolicy(parsing: vector.policy)
        let line = try #require(vectors.cosignatures["X2"])
        let note = try SignedNote(parsing: vectors.checkpoint + line)
        let group = { (group: String, found: Int, needed: Int) in
            PolicyVerdict.Shortcoming.tooFew(group: name(group), found: found, needed: needed)
        }
        #expect(
            policy.judge(note).shortcomings == [
                group("both", 0, 2), group("xs", 1, 2), .notCosigned(name("X1")),
                .notCosigned(name("X3")), group("ys", 0, 1), .notCosigned(name("Y1")),
                .notCosigned(name("Y2")),
            ]
        )
        // What has enough is not spoken of.
        let more = vectors.cosignatures
        let enough = [more["X1"], more["X2"]].compactMap { $0 }.joined()
        let shortcomings = policy.judge(try SignedNote(parsing: vectors.checkpoint + enough))
            .shortcomings
        #expect(
            shortcomings == [
                group("both", 1, 2), group("ys", 0, 1), .notCosigned(name("Y1")),
                .notCosigned(name("Y2")),
            ]
        )
        for shortcoming in shortcomings { #expect(!shortcoming.description.isEmpty) }
    }

    @Test func aFalseCosignatureIsAReasonEvenWhereTheRestIsEnough() throws {
        let checkpoint = try TestCheckpoint.of(size: 3)
        let (one, two) = (try TestKey.witness.cosigner, try TestKey.other.cosigner)
        let policy = try TlogPolicy(
            parsing: """
                log \(try TestKey.log.verifier)
                witness A \(one.cosignatureKey)
                witness B \(two.cosignatureKey)
                group any-of-them any A B
                quorum any-of-them

                """
        )
        let good = one.cosign(checkpoint, timestampSeconds: 5)
        var bytes = two.cosign(checkpoint, timestampSeconds: 5).signature.bytes
        bytes[20] ^= 1
        let bad = try NoteSignature(
            name: two.name,
            keyID: two.cosignatureKey.keyID,
            bytes: bytes
        )
        let note = try SignedNote.sign(checkpoint.text, by: [TestKey.log.signer])
        #expect(policy.judge(try note.adding(good.signature)).isAccepted)
        let verdict = policy.judge(try note.adding(good.signature).adding(bad))
        #expect(verdict.shortcomings == [.invalidCosignature(name("B"))])
        #expect(verdict.cosignatures.map(\.cosignature) == [good])
    }

    @Test func theLogMustHaveSignedUnderItsOwnName() throws {
        let checkpoint = try TestCheckpoint.of(size: 3)
        let other = try SignedNote.sign(checkpoint.text, by: [TestKey.other.signer])
        let byOther = try TlogPolicy(
            parsing: "log \(try TestKey.other.verifier)\nquorum none\n"
        )
        let mismatch = NoteError.originMismatch(
            expected: TestKey.other.name,
            found: TestKey.log.name
        )
        #expect(byOther.judge(other).shortcomings == [.log(mismatch)])
        let byLog = try TlogPolicy(parsing: "log \(try TestKey.log.verifier)\nquorum none\n")
        #expect(byLog.judge(other).shortcomings == [.log(.noKnownSignature)])
        #expect(byLog.judge(other).checkpoint == nil)
        let text = try SignedNote.sign("no checkpoint\n", by: [TestKey.log.signer])
        guard case .log(.malformedCheckpoint) = byLog.judge(text).shortcomings.first else {
            Issue.record("a text that is no checkpoint must be refused")
            return
        }
    }

    @Test func aLogCanBeKnownFromElsewhere() throws {
        let checkpoint = try TestCheckpoint.of(size: 3)
        let note = try SignedNote.sign(checkpoint.text, by: [TestKey.log.signer])
        let policy = try TlogPolicy(parsing: "quorum none\n")
        #expect(policy.judge(note).shortcomings == [.noLogKnown])
        #expect(policy.judge(note, logKeys: [try TestKey.log.verifier]).isAccepted)
        #expect(!policy.judge(note, logKeys: [try TestKey.other.verifier]).isAccepted)
    }
}

private func name(_ text: String) -> TlogPolicy.Name { TlogPolicy.Name(bytes: Array(text.utf8)) }
