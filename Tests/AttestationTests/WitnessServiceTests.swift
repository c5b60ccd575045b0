import Cryptography
import EvidenceModel
import EvidenceStore
import Platform
import Testing
import TransparencyLog

@testable import Attestation

/// All witnesses of a policy, over a real log.
@Suite struct WitnessServiceTests {
    @Test func aRoundGivesWhatThePolicyAsksFor() throws {
        let fixture = try WitnessFixture()
        fixture.service.start()
        try fixture.grow(3)
        let roll = try #require(fixture.attest())
        #expect(roll.checkpoint.isCosigned && roll.checkpoint.size == TreeSize(4))
        #expect(
            roll.voices.map(\.cosignedSeconds) == [1_800_000_000, 1_800_000_000, 1_800_000_000]
        )
        #expect(roll.voices.allSatisfy { $0.missing.isEmpty })
        // Everybody can check it, with nothing but the keys.
        let verdict = fixture.policy.judge(
            try SignedNote(parsing: roll.checkpoint.note.encoded),
            logKeys: [fixture.signer.verifierKey]
        )
        #expect(verdict.isAccepted && verdict.cosignatures.count == 3)
        #expect(fixture.service.newest(covering: TreeSize(4))?.size == TreeSize(4))
        #expect(fixture.service.newest(covering: TreeSize(5)) == nil)
        #expect(fixture.service.accepted.size == TreeSize(4))
        #expect(fixture.service.accepted.seconds == 1_800_000_000)
        for name in ["a", "b", "c"] {
            #expect(fixture.status(name).standing?.size == TreeSize(4))
            #expect(fixture.status(name).failures.isEmpty)
        }
    }

    @Test func itGoesOnFromWhatEachHasSeen() throws {
        let fixture = try WitnessFixture()
        fixture.service.start()
        for _ in 0..<4 {
            try fixture.grow(70)
            #expect(fixture.attest()?.checkpoint.isCosigned == true)
        }
        let sizes = fixture.witnesses.requests("a").map(\.oldSize.value)
        // No request was in vain.
        #expect(sizes.last == 211 && Set(sizes).count == sizes.count, "\(sizes)")
        try fixture.reopen()
        fixture.service.start()
        try fixture.grow()
        _ = try #require(fixture.attest())
        #expect(!fixture.witnesses.requests("a").dropFirst().contains { $0.oldSize == .zero })
    }

    @Test func whoIsSilentIsNamed() throws {
        let fixture = try WitnessFixture()
        fixture.witnesses.set("c", .silent)
        fixture.service.start()
        try fixture.grow()
        let roll = try #require(fixture.attest())
        #expect(roll.checkpoint.isCosigned)
        #expect(roll.voices[2].cosignedSeconds == nil)
        #expect(roll.voices[2].missing == "no answer: connection refused")
        #expect((fixture.status("c").failures[.silent] ?? 0) >= 1)
        #expect(fixture.status("c").successSeconds == nil)
        fixture.witnesses.set("b", .silent)
        try fixture.grow()
        let second = try #require(fixture.attest())
        #expect(!second.checkpoint.isCosigned && second.checkpoint.size == TreeSize(3))
        #expect(fixture.service.newest(covering: TreeSize(3)) == nil)
        #expect(fixture.service.newest(covering: TreeSize(2))?.size == TreeSize(2))
        fixture.witnesses.set("b", .honest)
        #expect(try #require(fixture.attest()).checkpoint.isCosigned)
        #expect(fixture.status("b").contradiction == nil)
    }

    @Test func whoIsSlowHoldsUpNobody() throws {
        let fixture = try WitnessFixture()
        fixture.witnesses.set("a", .slow)
        fixture.service.start()
        for count in 1...5 {
            try fixture.grow()
            // It is not waited for: what others said counts as soon as it is there.
            let size = fixture.store.checkpoint.size
            let end = Clock.monotonicNanoseconds() + 60_000_000_000
            _ = fixture.service.attest(
                covering: size,
                deadlineNanoseconds: Clock.monotonicNanoseconds()
            )
            while fixture.service.newest(covering: size) == nil {
                try #require(Clock.monotonicNanoseconds() < end, "round \(count)")
                Clock.sleep(milliseconds: 5)
            }
        }
        #expect(fixture.status("b").standing?.size == TreeSize(6))
        #expect(fixture.status("a").standing == nil)
    }

    @Test func aStopDoesNotWaitForWhoIsSlow() throws {
        let fixture = try WitnessFixture(["a"], needing: 1)
        fixture.witnesses.set("a", .slow)
        fixture.service.start()
        try fixture.grow()
        _ = fixture.attest(seconds: 0)
        let end = Clock.monotonicNanoseconds() + 60_000_000_000
        while fixture.witnesses.waiting == 0 {
            try #require(Clock.monotonicNanoseconds() < end)
            Clock.sleep(milliseconds: 5)
        }
        fixture.service.stop()
        // It has not been answered yet, and will not be for a minute.
        #expect(fixture.witnesses.waiting == 1)
        #expect(fixture.service.statuses[0].standing == nil)
        #expect(fixture.attest() == nil)
    }

    @Test func aContradictionIsTold() throws {
        let fixture = try WitnessFixture()
        fixture.service.start()
        try fixture.grow(4)
        _ = try #require(fixture.attest())
        // One has seen another history of this log, another a larger one.
        let forged = SmallLog(fixture.signer, tag: "forged")
        for (name, size) in [("a", UInt64(5)), ("b", 900)] {
            fixture.witnesses.with(name) { witness in
                witness.state = WitnessState(
                    keys: [fixture.signer.verifierKey],
                    latest: WitnessState.Latest(
                        size: TreeSize(size),
                        root: forged.root(size),
                        timestampSeconds: 1
                    )
                )
            }
        }
        try fixture.grow()
        let roll = try #require(fixture.attest())
        #expect(!roll.checkpoint.isCosigned)
        #expect(fixture.status("a").contradiction?.kind == .inconsistent)
        #expect(
            fixture.status("b").contradiction
                == .ahead(witness: TreeSize(900), log: TreeSize(6))
        )
        #expect(fixture.status("c").contradiction == nil)
        let told = fixture.events.withLock { events in
            events.compactMap { event -> String? in
                if case .contradicted(let name, _) = event { "\(name)" } else { nil }
            }
        }
        #expect(Set(told) == ["a", "b"])
        // The log itself goes on: a witness's word must not stop it.
        try fixture.grow()
        #expect(fixture.store.checkpoint.size == TreeSize(7))
    }

    @Test func whatWasSaidSurvives() throws {
        let fixture = try WitnessFixture()
        fixture.service.start()
        try fixture.grow(2)
        let first = try #require(fixture.attest()).checkpoint
        try fixture.reopen()
        #expect(fixture.service.newest(covering: TreeSize(3))?.note.text == first.note.text)
        #expect(fixture.service.newest(covering: TreeSize(3))?.verdict.cosignatures.count == 3)
        #expect(fixture.status("a").standing?.size == TreeSize(3))
        // A policy that it does not satisfy any more: it is not shown, and that is told.
        let strangers = try DoubleWitnesses(["x"], of: [fixture.signer.verifierKey])
        try fixture.reopen(policy: try strangers.policy(["x"], needing: 1))
        #expect(fixture.service.newest(covering: TreeSize(1)) == nil)
        let told = fixture.events.withLock { events in
            events.contains { if case .unusable = $0 { true } else { false } }
        }
        #expect(told)
        // Lost: asked anew from nothing.
        try fixture.reopen {
            try FileSystem.unlink(fixture.path + "/state/cosignatures.mdb")
            try FileSystem.unlink(fixture.path + "/state/cosignatures.mdb-lock")
        }
        #expect(fixture.service.newest(covering: TreeSize(1)) == nil)
        fixture.service.start()
        #expect(try #require(fixture.attest()).checkpoint.isCosigned)
    }

    @Test func oneOfEachHourIsKept() throws {
        let fixture = try WitnessFixture(["a"], needing: 1)
        fixture.service.start()
        let start: UInt64 = 1_800_000_000
        for _ in 0..<5 {
            try fixture.grow()
            _ = try #require(fixture.attest())
            fixture.wall.withLock { $0 += 3600 }
            fixture.witnesses.pass(seconds: 3600)
        }
        func size(_ seconds: UInt64, covering size: UInt64 = 1) throws -> UInt64? {
            try fixture.service.newest(covering: TreeSize(size), before: seconds)?.size.value
        }
        #expect(try size(start) == nil)
        #expect(try size(start + 1) == 2)
        #expect(try size(start + 3600) == 2)
        #expect(try size(start + 3601) == 3)
        #expect(try size(start + 3601, covering: 4) == nil)
        #expect(try size(start + 100 * 3600) == 6)
        try fixture.reopen()
        #expect(try size(start + 2 * 3600 + 1) == 4)
        #expect(try size(.max / 2) == 6)
    }

    @Test func theNewestCheckpointIsAdorned() throws {
        let fixture = try WitnessFixture()
        fixture.service.start()
        try fixture.grow()
        _ = try #require(fixture.attest())
        let plain = fixture.store.checkpoint
        let note = fixture.service.adorned(plain.note, size: plain.size)
        #expect(note.hasPrefix(plain.note) && note.split(separator: "— ").count == 5)
        try fixture.grow()
        let newer = fixture.store.checkpoint
        #expect(fixture.service.adorned(newer.note, size: newer.size) == newer.note)
    }

    @Test func witnessesAreAskedByThemselves() throws {
        let fixture = try WitnessFixture { $0.everySeconds = 1 }
        fixture.service.start()
        let end = Clock.monotonicNanoseconds() + 120_000_000_000
        for _ in 0..<3 {
            try fixture.grow()
            let size = fixture.store.checkpoint.size
            while fixture.service.newest(covering: size) == nil {
                try #require(Clock.monotonicNanoseconds() < end)
                Clock.sleep(milliseconds: 5)
            }
        }
        // Nothing grew, but time went by.
        let before = fixture.status("a").standing?.timestampSeconds ?? 0
        fixture.witnesses.pass(seconds: 7200)
        fixture.wall.withLock { $0 += 7200 }
        while fixture.status("a").standing?.timestampSeconds == before {
            try #require(Clock.monotonicNanoseconds() < end)
            Clock.sleep(milliseconds: 5)
        }
        #expect(fixture.status("a").standing?.size == fixture.store.checkpoint.size)
    }

    @Test func aPolicyOfAnotherLogIsRefused() throws {
        let fixture = try WitnessFixture()
        let keys = [fixture.signer.verifierKey]
        try WitnessService.check(fixture.policy, logKeys: keys)
        let other = try NoteSigner(name: "log.x", privateKey: Ed25519PrivateKey.generate())
        func refusal(_ text: String) throws -> WitnessPolicyError? {
            let policy = try TlogPolicy(parsing: text)
            do throws(WitnessPolicyError) {
                try WitnessService.check(policy, logKeys: keys)
                return nil
            } catch { return error }
        }
        let witness = "witness a \(fixture.witnesses.key("a"))"
        let good = "\(witness) https://a.example\nquorum a\n"
        #expect(try refusal("log \(fixture.signer.verifierKey)\n" + good) == nil)
        #expect(
            try refusal("log \(other.verifierKey)\n" + good) == .otherLog(origin: "log.example/t")
        )
        #expect(try refusal("\(witness)\nquorum a\n") == .nobody)
        #expect(try refusal("quorum none\n") == .nobody)
        let found = try refusal("\(witness) ftp://a.example\nquorum a\n")
        #expect("\(try #require(found))".contains("ftp://a.example"))
    }
}
