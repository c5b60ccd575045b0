import Cryptography
import Testing

@testable import TransparencyLog

@Suite("A witness's decisions")
struct WitnessStateTests {
    /// Two histories that part behind their second record, as in the vectors.
    private let histories = ["a": NaiveTree(below: 9), "b": NaiveTree(special: [0, 1])]

    private static let now: UInt64 = 1_000

    private func tree(_ history: String) throws -> NaiveTree {
        try #require(histories[history])
    }

    private func checkpoint(
        _ size: UInt64,
        _ history: String = "a",
        lines: [String] = []
    ) throws -> Checkpoint {
        try Checkpoint(
            origin: TestKey.log.name,
            size: TreeSize(size),
            root: try tree(history).root(size),
            extensionLines: lines
        )
    }

    private func proof(
        _ old: UInt64,
        _ new: UInt64,
        _ history: String = "a"
    ) throws
        -> [MerkleHash]
    {
        guard (1...max(new, 1)).contains(old), old <= new else { return [] }
        return try tree(history).consistency(old, 0..<new)
    }

    private func request(
        _ old: UInt64,
        _ new: UInt64,
        _ history: String = "a",
        proof given: [MerkleHash]? = nil,
        by keys: [TestKey] = [.log]
    ) throws -> AddCheckpointRequest {
        AddCheckpointRequest(
            oldSize: TreeSize(old),
            proof: try given ?? proof(old, new, history),
            checkpoint: try SignedNote.sign(
                checkpoint(new, history).text,
                by: keys.map { try $0.signer }
            )
        )
    }

    /// A witness that has cosigned this size last, of history a; 0 for one that never has.
    private func state(at size: UInt64) throws -> WitnessState {
        var state = WitnessState(keys: [try TestKey.log.verifier])
        if size > 0 {
            state.advance(to: try checkpoint(size), timestampSeconds: Self.now)
        }
        return state
    }

    private func refusal(
        _ state: WitnessState,
        _ request: AddCheckpointRequest,
        now: UInt64 = now
    ) -> WitnessRefusal? {
        guard case .refuse(let refusal) = state.decide(on: request, nowSeconds: now) else {
            return nil
        }
        return refusal
    }

    // MARK: - The table

    @Test func everyRequestOfSmallTreesIsAnsweredAsByAnotherWitness() throws {
        let rows = try Vectors.rows("witness/answers.txt")
        #expect(rows.count == 4860)
        var cosigned = 0
        for row in rows {
            let numbers = try row[..<3].map { try #require(UInt64($0)) }
            let (last, old, new) = (numbers[0], numbers[1], numbers[2])
            let history = String(row[3])
            let state = try state(at: last)
            let given: [MerkleHash]
            switch row[4] {
            case "right": given = try proof(old, new, history)
            case "latest": given = try proof(last, new, history)
            case "none": given = []
            default: given = try changed(proof(old, new, history))
            }
            let request = try request(old, new, history, proof: given)
            let decision = state.decide(on: request, nowSeconds: Self.now)
            switch decision {
            case .cosign(let signed):
                #expect(row[5] == "200", "\(row)")
                #expect(signed.checkpoint == (try checkpoint(new, history)))
                // Whatever another implementation may say: nothing but growth.
                #expect(new >= last && (history == "a" || last < 3), "\(row)")
                cosigned += 1
            case .refuse(let refusal):
                #expect("\(refusal.response.status)" == row[5], "\(row): \(refusal)")
                if row[5] == "409" {
                    #expect(refusal.response == .conflict(TreeSize(last)), "\(row)")
                    #expect(row[6] == "\(last)")
                }
            }
        }
        #expect(cosigned == 149)
    }

    private func changed(_ proof: [MerkleHash]) throws -> [MerkleHash] {
        guard let first = proof.first else {
            return [try merkleHash([UInt8](repeating: 0, count: 32))]
        }
        var bytes = first.bytes
        bytes[0] ^= 1
        return [try merkleHash(bytes)] + proof.dropFirst()
    }

    // MARK: - Whole lives

    @Test func nothingButGrowthIsEverCosigned() throws {
        var chance = Chance()
        for _ in 0..<60 {
            var state = try state(at: 0)
            var seen: [UInt64: MerkleHash] = [:]
            var size: UInt64 = 0
            var time: UInt64 = 1
            for _ in 0..<40 {
                let old =
                    Bool.random(using: &chance) ? size : UInt64.random(in: 0...8, using: &chance)
                let new = UInt64.random(in: 0...8, using: &chance)
                let history = Bool.random(using: &chance) ? "a" : "b"
                time += UInt64.random(in: 0...2, using: &chance)
                let request = try request(old, new, history)
                guard case .cosign(let signed) = state.decide(on: request, nowSeconds: time) else {
                    continue
                }
                state.advance(to: signed.checkpoint, timestampSeconds: time)
                #expect(new >= size, "the size went back")
                let root = seen[new] ?? signed.checkpoint.root
                #expect(root == signed.checkpoint.root, "two roots of size \(new)")
                seen[new] = root
                size = new
            }
            // All that was cosigned is of one history.
            for history in histories.values
            where seen.allSatisfy({ history.root($0.key) == $0.value }) {
                seen = [:]
            }
            #expect(seen.isEmpty, "cosigned of both histories: \(seen.keys.sorted())")
        }
    }

    @Test func growthFromNothingStepByStep() throws {
        var state = try state(at: 0)
        var last: UInt64 = 0
        for size: UInt64 in [0, 0, 1, 2, 2, 5, 8] {
            let request = try request(last, size)
            guard case .cosign(let signed) = state.decide(on: request, nowSeconds: Self.now) else {
                Issue.record("from \(last) to \(size)")
                return
            }
            state.advance(to: signed.checkpoint, timestampSeconds: Self.now)
            #expect(state.latest?.size == TreeSize(size))
            last = size
        }
        // The same request again: the witness has moved on.
        #expect(refusal(state, try request(5, 8)) == .conflict(latest: TreeSize(8)))
    }

    // MARK: - Each refusal

    @Test func aForkIsNamed() throws {
        let state = try state(at: 5)
        let size = TreeSize(5)
        let honest = refusal(state, try request(5, 5, "b"))
        #expect(honest == .fork(size: size, stated: size))
        #expect(honest?.isEvidence == true && honest?.response.status == 422)
        // A fork is a fork, whatever old size stands in front of it.
        let sly = refusal(state, try request(4, 5, "b"))
        #expect(sly == .fork(size: size, stated: TreeSize(4)))
        #expect(sly?.isEvidence == true && sly?.response == .conflict(size))
        // Another history that has grown on: its own proof does not start at our root.
        let grown = refusal(state, try request(5, 8, "b"))
        guard case .inconsistent(.oldRootMismatch) = grown else {
            Issue.record("\(String(describing: grown))")
            return
        }
        #expect(grown?.isEvidence == true)
    }

    @Test func aRollbackIsNamed() throws {
        let state = try state(at: 5)
        #expect(
            refusal(state, try request(3, 4))
                == .rollback(latest: TreeSize(5), offered: TreeSize(4))
        )
        #expect(
            refusal(state, try request(5, 4))
                == .oldSizeTooLarge(stated: TreeSize(5), offered: TreeSize(4))
        )
        #expect(
            refusal(state, try request(0, 0))
                == .rollback(latest: TreeSize(5), offered: .zero)
        )
    }

    @Test func onlyTheLogsOwnKeysCount() throws {
        let state = try state(at: 3)
        #expect(refusal(state, try request(3, 4, by: [.renewed])) == .untrusted(.noKnownSignature))
        #expect(refusal(state, try request(3, 4, by: [.renewed, .log])) == nil)
        let both = WitnessState(keys: [try TestKey.log.verifier, try TestKey.renewed.verifier])
        #expect(refusal(both, try request(0, 4, by: [.renewed])) == nil)
        #expect(refusal(both, try request(0, 4, by: [.log])) == nil)
        // A claim of a known key that is false condemns the rest.
        let log = try TestKey.log.verifier
        let request = try request(3, 4)
        let falseLine = try NoteSignature(
            name: log.name,
            keyID: log.keyID,
            bytes: TestKey.log.signer.sign("another\n").bytes
        )
        let note = try SignedNote(text: request.checkpoint.text, signatures: [falseLine])
            .adding(TestKey.renewed.signer.sign(request.checkpoint.text))
        let forged = AddCheckpointRequest(
            oldSize: request.oldSize,
            proof: request.proof,
            checkpoint: note
        )
        #expect(
            refusal(state, forged)
                == .untrusted(.invalidSignature(name: log.name, keyID: log.keyID))
        )
    }

    @Test func anotherLogIsUnknown() throws {
        let text = "\(TestKey.other.name)\n0\n\(MerkleTree.emptyRoot.base64)\n"
        let note = try SignedNote.sign(text, by: [TestKey.log.signer, TestKey.other.signer])
        let request = AddCheckpointRequest(oldSize: .zero, proof: [], checkpoint: note)
        let refused = refusal(try state(at: 0), request)
        #expect(refused == .unknownLog(origin: TestKey.other.name))
        #expect(refused?.response.status == 404)
    }

    @Test func aTextThatIsNoCheckpointIsMalformed() throws {
        let good = try checkpoint(4).text
        for text in ["\n" + good, good + "\n", "\(TestKey.log.name)\n4\n", good + "\nx\n", "x\n"] {
            let request = AddCheckpointRequest(
                oldSize: .zero,
                proof: [],
                checkpoint: try SignedNote.sign(text, by: [TestKey.log.signer])
            )
            let refused = refusal(try state(at: 0), request)
            guard case .malformed(.malformedCheckpoint) = refused else {
                Issue.record("\(text): \(String(describing: refused))")
                continue
            }
            #expect(refused?.response.status == 400)
        }
    }

    @Test func aTreeWithoutLeavesHasOneRoot() throws {
        let root = try tree("a").root(4).base64
        let text = "\(TestKey.log.name)\n0\n\(root)\n"
        func request(by key: TestKey) throws -> AddCheckpointRequest {
            AddCheckpointRequest(
                oldSize: .zero,
                proof: [],
                checkpoint: try SignedNote.sign(text, by: [key.signer])
            )
        }
        let refused = refusal(try state(at: 0), try request(by: .log))
        #expect(refused == .wrongEmptyRoot)
        #expect(refused?.response.status == 422 && refused?.isEvidence == true)
        #expect(
            refusal(try state(at: 0), try request(by: .renewed)) == .untrusted(.noKnownSignature)
        )
    }

    @Test func timeNeverGoesBack() throws {
        let state = try state(at: 3)
        let request = try request(3, 4)
        #expect(refusal(state, request, now: Self.now) == nil)
        for now: UInt64 in [0, 1, Self.now - 1] {
            let refused = refusal(state, request, now: now)
            #expect(refused == .clock(nowSeconds: now, latestSeconds: Self.now))
            #expect(refused?.response.status == 503)
        }
        let fresh = try self.state(at: 0)
        let first = try self.request(0, 4)
        for (now, isAllowed) in [
            (0, false), (1, true), (UInt64(Int64.max), true), (UInt64(Int64.max) + 1, false),
        ] as [(UInt64, Bool)] {
            #expect((refusal(fresh, first, now: now) == nil) == isAllowed, "\(now)")
        }
    }

    @Test func everyFlippedByteOfARequestIsRefused() throws {
        let state = try state(at: 3)
        let good = try request(3, 8).encoded
        #expect(refusal(state, try AddCheckpointRequest(parsing: good)) == nil)
        for (position, bytes) in flips(of: good) {
            guard let request = try? AddCheckpointRequest(parsing: bytes) else { continue }
            #expect(refusal(state, request) != nil, "byte \(position)")
        }
    }

    @Test func extensionLinesAreCosignedAsTheyStand() throws {
        let text = try checkpoint(4, lines: ["one"]).text
        let request = AddCheckpointRequest(
            oldSize: TreeSize(3),
            proof: try proof(3, 4),
            checkpoint: try SignedNote.sign(text, by: [TestKey.log.signer])
        )
        guard case .cosign(let signed) = try state(at: 3).decide(on: request, nowSeconds: Self.now)
        else {
            Issue.record("extension lines are allowed")
            return
        }
        #expect(signed.checkpoint.extensionLines == ["one"])
    }

    @Test func everyRefusalSaysSomething() throws {
        let size = TreeSize(1)
        let refusals: [(WitnessRefusal, Int)] = [
            (.malformed(.malformedCheckpoint(detail: "x")), 400), (.unknownLog(origin: "x"), 404),
            (.untrusted(.noKnownSignature), 403),
            (.oldSizeTooLarge(stated: size, offered: .zero), 400), (.conflict(latest: size), 409),
            (.rollback(latest: size, offered: .zero), 409), (.fork(size: size, stated: size), 422),
            (.fork(size: size, stated: .zero), 409),
            (.inconsistent(.wrongLength(expected: 1, found: 0)), 422), (.wrongEmptyRoot, 422),
            (.clock(nowSeconds: 1, latestSeconds: 2), 503),
        ]
        for (refusal, status) in refusals {
            #expect(refusal.response.status == status, "\(refusal)")
            #expect(!refusal.description.isEmpty)
        }
    }
}
