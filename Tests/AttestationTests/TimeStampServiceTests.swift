import Cryptography
import EvidenceModel
import EvidenceStore
import Platform
import Testing
import TransparencyLog

@testable import Attestation

@Suite struct TimeStampServiceTests {
    private static let long = Result { try TestAuthority("Long") }
    private static let short = Result { try TestAuthority("Short", days: 10) }

    private func long() throws -> TestAuthority { try Self.long.get() }
    private func short() throws -> TestAuthority { try Self.short.get() }

    @Test func aCheckpointIsStampedByAllAndKept() throws {
        let fixture = try StampedLog()
        let service = try fixture.service([("long", try long()), ("short", try short())])
        let newest = fixture.store.checkpoint
        let round = fixture.stamp(service)
        #expect(round.failed.isEmpty)
        #expect(round.stamped.map(\.key.authority) == ["long", "short"])
        for entry in round.stamped {
            #expect(entry.note == newest.note)
            let text = try TimeStampEntry.text(of: entry.note)
            #expect(text == Array("log.example/stamps\n1\n\(newest.root.base64)\n".utf8))
            #expect(entry.record.first.token.imprint == TimeStampDigest.sha256.hash(text))
        }
        // A second round asks nobody.
        #expect(fixture.stamp(service).stamped == round.stamped)
        #expect(fixture.transport.requests("tsa:long") == 1)
        try fixture.grow()
        _ = fixture.stamp(service)
        #expect(
            service.list(below: nil, limit: 9).map { "\($0.key.size) \($0.key.authority)" }
                == ["2 short", "2 long", "1 short", "1 long"]
        )
        #expect(
            service.list(below: TreeSize(2), limit: 1).map(\.key.authority) == ["short", "long"]
        )
        service.stop()
        let again = try fixture.service([("long", try long())])
        #expect(again.count == 4)
        for entry in round.stamped { #expect(try again.entry(entry.key) == entry) }
        #expect(again.statuses().map { $0.newest?.size } == [TreeSize(2)])
        again.stop()
    }

    @Test func whatIsNotVerifiedIsNotStored() throws {
        let fixture = try StampedLog()
        let service = try fixture.service([("a", try long())])
        func failure() -> String? { fixture.stamp(service).failed.first?.failure.word }

        fixture.transport.set("tsa:a", nil)
        #expect(failure() == "silent")
        // Trusted are the certificates of another authority.
        fixture.transport.set("tsa:a", try short())
        #expect(failure() == "certificate")
        for (body, word) in [([], "malformed"), (Array("<html>".utf8), "malformed")] {
            fixture.transport.answer(
                "tsa:a",
                AttestationResponse(status: 200, mediaType: "text/html", body: body)
            )
            #expect(failure() == word)
        }
        fixture.transport.answer(
            "tsa:a",
            AttestationResponse(status: 503, mediaType: "", body: [])
        )
        #expect(failure() == "status")
        let text = try TimeStampEntry.text(of: fixture.store.checkpoint.note)
        for (data, word) in [(text, "nonce"), ([1], "imprint")] {
            let request = TimeStampRequest(
                digest: .sha256,
                imprint: TimeStampDigest.sha256.hash(data),
                nonce: 4711
            )
            fixture.transport.answer(
                "tsa:a",
                AttestationResponse(
                    status: 200,
                    mediaType: "application/timestamp-reply",
                    body: try long().reply(to: request.encoded)
                )
            )
            #expect(failure() == word)
        }
        fixture.transport.answer("tsa:a", nil)
        fixture.transport.set("tsa:a", try long())
        for days in [-2, 2] {
            fixture.clock.withLock { $0 = Int64(days) * 86_400_000 }
            #expect(failure() == "clocks")
        }
        fixture.clock.withLock { $0 = 0 }
        #expect(service.count == 0)
        #expect(service.statuses()[0].failures == 9)
        #expect(service.statuses()[0].failing != nil)
        #expect(failure() == nil)
        #expect(service.count == 1)
        #expect(service.statuses()[0].failing == nil)
        service.stop()
    }

    @Test func oneTokenRenewsAllThatAreDue() throws {
        let fixture = try StampedLog()
        let service = try fixture.service([("a", try short())])
        for _ in 0..<5 {
            #expect(fixture.stamp(service).failed.isEmpty)
            try fixture.grow()
        }
        #expect(service.due().count == 5)
        // Its own certificate ends no later: what it gives is of no use.
        let vain = try service.renew()
        #expect((vain.due, vain.renewed, vain.tokens) == (5, 0, 1))
        #expect(vain.failed.map(\.failure) == [.endsTooSoon])
        service.stop()

        let better = try fixture.service([("b", try long()), ("a", try short())])
        let before = fixture.transport.requests("tsa:b")
        let outcome = try better.renew()
        #expect((outcome.due, outcome.renewed, outcome.left) == (5, 5, 0))
        #expect(fixture.transport.requests("tsa:b") == before + 1)
        #expect(better.due().isEmpty)
        #expect(fixture.words.suffix(1) == ["renewed b 5 sha256"])
        let anchors = TimeStampAnchors([try long().anchors, try short().anchors])
        // The first certificate has ended by then.
        let later = Clock.wallMilliseconds() + 30 * 86_400_000
        for facts in better.list(below: nil, limit: 9) {
            #expect(facts.renewals == 1)
            #expect(facts.ends > later)
            let entry = try #require(try better.entry(facts.key))
            let text = try TimeStampEntry.text(of: entry.note)
            let signers = try entry.record.verify(text, anchors: anchors, at: later)
            #expect(signers.map(\.subject) == ["/CN=Short tsa", "/CN=Long tsa"])
        }
        better.stop()
    }

    @Test func anotherAlgorithmRenewsEverything() throws {
        let fixture = try StampedLog()
        let service = try fixture.service([("a", try long())])
        for _ in 0..<3 {
            _ = fixture.stamp(service)
            try fixture.grow()
        }
        #expect(service.due().isEmpty)
        #expect(service.due(digest: .sha512).map(\.reason) == [.algorithm, .algorithm, .algorithm])
        #expect(try service.renew(digest: .sha512).renewed == 3)
        #expect(service.due(digest: .sha512).isEmpty)
        let anchors = try long().anchors
        for facts in service.list(below: nil, limit: 9) {
            #expect(facts.digest == .sha512)
            let entry = try #require(try service.entry(facts.key))
            let text = try TimeStampEntry.text(of: entry.note)
            #expect(entry.record.chains.count == 2)
            _ = try entry.record.verify(text, anchors: anchors, at: Clock.wallMilliseconds())
        }
        service.stop()
    }

    /// The thread stamps what is there at the start, and ends when it is told to.
    @Test func theScheduleStampsByItself() throws {
        let fixture = try StampedLog()
        let service = try fixture.service([("a", try long())])
        service.start()
        // Whatever is slow here, it comes.
        while service.count == 0 { Clock.sleep(milliseconds: 10) }
        service.stop()
        #expect(fixture.words == ["stamped a 1"])
    }

    @Test func anEntryWithAChangedByteIsNotHandedOut() throws {
        let fixture = try StampedLog()
        let service = try fixture.service([("a", try long())])
        _ = fixture.stamp(service)
        service.stop()
        let path = "\(fixture.path)/state/timestamps.mdb"
        var bytes = try FileSystem.contents(path)
        let place = try #require(bytes.firstRange(of: Array("\"note\":".utf8))).upperBound + 3
        bytes[place] ^= 1
        let file = try File(path, .createOrTruncate(permissions: 0o600))
        try file.write(bytes.span)
        #expect { try fixture.service([("a", try long())]) } throws: { error in
            guard case .damaged = error as? StoreError else { return false }
            return true
        }
    }
}

@Suite struct TimeStampScheduleTests {
    private static let second: UInt64 = 1_000_000_000

    @Test func aTokenIsDueWhenTheLastIsOldEnough() {
        var schedule = TimeStampSchedule(["a", "b", "c"], everySeconds: 100)
        schedule.begin("a", ageMilliseconds: nil, now: 5 * Self.second)
        schedule.begin("b", ageMilliseconds: 40_000, now: 5 * Self.second)
        schedule.begin("c", ageMilliseconds: .max, now: 5 * Self.second)
        #expect(schedule.isDue("a", now: 5 * Self.second))
        #expect(schedule.isDue("c", now: 5 * Self.second))
        #expect(!schedule.isDue("b", now: 64 * Self.second))
        #expect(schedule.isDue("b", now: 65 * Self.second))
        schedule.note("a", .stamped, now: 10 * Self.second)
        #expect(!schedule.isDue("a", now: 109 * Self.second))
        #expect(schedule.isDue("a", now: 110 * Self.second))
    }

    @Test func pausesGrowWithFailures() {
        var schedule = TimeStampSchedule(["a"], everySeconds: 86_400)
        var now: UInt64 = 0
        var pauses: [UInt64] = []
        for _ in 0..<9 {
            schedule.note("a", .failed, now: now)
            var pause: UInt64 = 0
            while !schedule.isDue("a", now: now + pause * Self.second) { pause += 60 }
            pauses.append(pause / 60)
            now += pause * Self.second
        }
        #expect(pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60])
        schedule.note("a", .stamped, now: now)
        schedule.note("a", .failed, now: now)
        #expect(schedule.isDue("a", now: now + 60 * Self.second))
    }
}
