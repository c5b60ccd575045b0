import Cryptography
import Observability
import Platform
import Testing
import TransparencyLog

@testable import strongroom

/// A directory for a witness, which goes with the test.
private final class Place {
    let path = "/tmp/strongroom-witness-\(TemporaryName.make())"

    deinit { try? FileSystem.removeTree(path) }

    func made() throws -> CosignatureKey {
        try WitnessDirectory.create(at: path, name: "witness.example/w1")
    }
}

/// A log whose leaves are named after a history; histories part behind their third leaf.
private struct TestLog {
    let signer: NoteSigner

    init(_ name: String = "log.example/one") throws {
        let seed = SHA256.hash(Array(name.utf8).span).bytes
        signer = try NoteSigner(
            name: name,
            privateKey: try #require(Ed25519PrivateKey(seed: seed))
        )
    }

    var hash: String { WitnessDirectory.hash(signer.name) }

    private struct Tree: NodeReader {
        let leaves: [MerkleHash]

        func nodes(_ ids: [NodeID]) -> [MerkleHash] {
            ids.map { id in
                let first = Int(id.index << UInt64(id.level))
                return MerkleTree.root(over: Array(leaves[first..<first + 1 << Int(id.level)]))
            }
        }
    }

    private func tree(_ size: UInt64, _ history: String) -> Tree {
        Tree(
            leaves: (0..<size).map { index in
                let text = (index < 3 ? "" : history) + "\(index)"
                return MerkleTree.leafHash(Array(text.utf8).span)
            }
        )
    }

    func checkpoint(_ size: UInt64, _ history: String = "a") throws -> Checkpoint {
        try Checkpoint(
            origin: signer.name,
            size: TreeSize(size),
            root: MerkleTree.root(over: tree(size, history).leaves)
        )
    }

    /// The body of a request.
    func request(_ old: UInt64, _ new: UInt64, _ history: String = "a") throws -> [UInt8] {
        let proof =
            old <= new
            ? ConsistencyProof.path(
                from: TreeSize(old),
                to: TreeSize(new),
                from: tree(new, history)
            ) : []
        return AddCheckpointRequest(
            oldSize: TreeSize(old),
            proof: proof,
            checkpoint: try SignedNote.sign(try checkpoint(new, history).text, by: [signer])
        ).encoded
    }
}

/// A witness with a clock that the test sets.
private final class Rig {
    struct Now {
        var wallSeconds: UInt64 = 1_000
        var nanoseconds: UInt64 = 0
    }

    let now = Mutex(Now())
    let failures = Mutex<[SystemError]>([])
    let witness: Witness
    private let events = EventLog(format: .text, minimumLevel: .error, write: { _ in })

    init(_ place: Place, _ logs: [TestLog]) throws {
        let (now, failures) = (now, failures)
        witness = try Witness(
            try WitnessDirectory(place.path),
            logKeys: logs.map(\.signer.verifierKey),
            time: Witness.TimeSource(
                wallSeconds: { now.withLock { $0.wallSeconds } },
                monotonicNanoseconds: { now.withLock { $0.nanoseconds } }
            ),
            events: events,
            onFailure: { error in failures.withLock { $0.append(error) } }
        )
    }

    deinit { events.close() }

    func pass(seconds: UInt64) {
        now.withLock { now in
            now.wallSeconds += seconds
            now.nanoseconds += seconds * 1_000_000_000
        }
    }

    func status(_ body: [UInt8]) -> Int { witness.answer(body).status }
}

@Suite struct WitnessDirectoryTests {
    @Test func aWitnessIsMadeOnce() throws {
        let place = Place()
        let key = try place.made()
        #expect(try WitnessDirectory(place.path).cosigner.cosignatureKey == key)
        let file = try #require(try FileSystem.information(place.path + "/witness.key"))
        #expect(file.permissions == 0o600)
        let again = #expect(throws: CommandFailure.self) {
            try WitnessDirectory.create(at: place.path, name: "witness.example/w2")
        }
        #expect(again?.code == .refused)
        #expect(try WitnessDirectory(place.path).cosigner.cosignatureKey == key)
    }

    @Test func aNameMustBeOne() {
        let failure = #expect(throws: CommandFailure.self) {
            try WitnessDirectory.create(at: "/tmp/never-made", name: "with space")
        }
        #expect(failure?.code == .usage)
    }

    @Test func oneProcessAWitness() throws {
        let place = Place()
        _ = try place.made()
        do {
            let first = try WitnessDirectory(place.path)
            let failure = #expect(throws: CommandFailure.self) { try WitnessDirectory(place.path) }
            #expect(failure?.code == .tryAgain)
            withExtendedLifetime(first) {}
        }
        _ = try WitnessDirectory(place.path)
    }

    @Test func aKeyThatOthersCanReadIsRefused() throws {
        let place = Place()
        _ = try place.made()
        try FileSystem.setPermissions(place.path + "/witness.key", 0o640)
        let failure = #expect(throws: CommandFailure.self) { try WitnessDirectory(place.path) }
        #expect(failure?.code == .refused)
    }

    @Test func aWitnessThatLostItsMemoryDoesNotStart() throws {
        let place = Place()
        _ = try place.made()
        try FileSystem.removeTree(place.path + "/logs")
        let failure = #expect(throws: CommandFailure.self) { try WitnessDirectory(place.path) }
        #expect(failure?.code == .verificationFailed)
        let nothing = #expect(throws: CommandFailure.self) { try WitnessDirectory("/tmp/nothing") }
        #expect(nothing?.code == .notFound)
    }
}

@Suite struct WitnessTests {
    @Test func growthIsCosignedAndRemembered() throws {
        let (place, log) = (Place(), try TestLog())
        let key = try place.made()
        do {
            let rig = try Rig(place, [log])
            #expect(rig.witness.latest(originHash: log.hash) == nil)
            for (old, new) in [(0, 1), (1, 4), (4, 4), (4, 9)] as [(UInt64, UInt64)] {
                rig.pass(seconds: 60)
                guard case .cosigned(let lines) = rig.witness.answer(try log.request(old, new))
                else {
                    Issue.record("from \(old) to \(new)")
                    return
                }
                let text = try log.checkpoint(new).text
                let line = try #require(lines.first)
                let cosignature = try #require(key.verify(line, over: text))
                #expect(cosignature.timestampSeconds == rig.now.withLock { $0.wallSeconds })
                let note = try SignedNote(parsing: rig.witness.latest(originHash: log.hash) ?? [])
                #expect(try note.cosignatures(by: [key]) == [cosignature])
                #expect(try note.verified(by: [log.signer.verifierKey]).count == 1)
            }
        }
        let rig = try Rig(place, [log])
        rig.pass(seconds: 3600)
        #expect(rig.witness.overview.map(\.size) == [TreeSize(9)])
        #expect(rig.witness.answer(try log.request(4, 9)) == .conflict(TreeSize(9)))
        #expect(rig.status(try log.request(9, 9, "b")) == 422)
        #expect(rig.status(try log.request(9, 12, "b")) == 422)
        #expect(rig.witness.answer(try log.request(0, 5)) == .conflict(TreeSize(9)))
        #expect(rig.status(try log.request(9, 12)) == 200)
    }

    @Test func logsAreKeptApart() throws {
        let (place, one, two) = (Place(), try TestLog(), try TestLog("log.example/two"))
        _ = try place.made()
        let rig = try Rig(place, [one, two, one])
        #expect(rig.status(try one.request(0, 5)) == 200)
        #expect(rig.status(try two.request(0, 2, "b")) == 200)
        #expect(rig.status(try TestLog("log.example/three").request(0, 2)) == 404)
        #expect(rig.witness.overview.map(\.size) == [TreeSize(5), TreeSize(2)])
        #expect(rig.status(Array("old 0\n".utf8)) == 400)
    }

    @Test func aReplayCostsNoWrite() throws {
        let (place, log) = (Place(), try TestLog())
        _ = try place.made()
        let rig = try Rig(place, [log])
        let first = rig.witness.answer(try log.request(0, 5))
        rig.pass(seconds: Witness.replaySeconds)
        for _ in 0..<200 { #expect(rig.witness.answer(try log.request(5, 5)) == first) }
        rig.pass(seconds: 1)
        let second = rig.witness.answer(try log.request(5, 5))
        #expect(second.status == 200 && second != first)
    }

    @Test func aLogThatAsksTooOftenWaits() throws {
        let (place, log, other) = (Place(), try TestLog(), try TestLog("log.example/two"))
        _ = try place.made()
        let rig = try Rig(place, [log, other])
        let burst = UInt64(Witness.burst)
        for size in 0..<burst { #expect(rig.status(try log.request(size, size + 1)) == 200) }
        #expect(rig.status(try log.request(burst, burst + 1)) == 429)
        #expect(rig.status(try other.request(0, 1)) == 200)
        rig.pass(seconds: 1)
        #expect(rig.status(try log.request(burst, burst + 1)) == 200)
    }

    @Test func aClockThatWentBackStopsIt() throws {
        let (place, log) = (Place(), try TestLog())
        _ = try place.made()
        let rig = try Rig(place, [log])
        #expect(rig.status(try log.request(0, 5)) == 200)
        rig.now.withLock { $0.wallSeconds -= 1 }
        #expect(rig.status(try log.request(5, 6)) == 503)
        #expect(rig.failures.withLock { $0.isEmpty })
        rig.now.withLock { $0.wallSeconds += 1 }
        #expect(rig.status(try log.request(5, 6)) == 200)
    }

    @Test func whatSpeaksAgainstALogIsKept() throws {
        let (place, log) = (Place(), try TestLog())
        _ = try place.made()
        let rig = try Rig(place, [log])
        #expect(rig.status(try log.request(0, 5)) == 200)
        let fork = try log.request(5, 5, "b")
        let grown = try log.request(5, 8, "b")
        for body in [fork, fork, grown, grown] { #expect(rig.status(body) == 422) }
        #expect(rig.witness.answer(try log.request(4, 5, "b")) == .conflict(TreeSize(5)))
        let folder = place.path + "/refused/" + log.hash
        let names = try FileSystem.list(folder)
        #expect(names.count == 2)
        let kinds = Set(names.map { $0.prefix { $0 != "-" } })
        #expect(kinds == ["fork", "inconsistent"])
        for name in names {
            let kept = try FileSystem.contents(folder + "/" + name)
            #expect(kept == (name.hasPrefix("fork") ? fork : grown))
        }
    }

    @Test func whatIsKeptIsBounded() throws {
        let (place, log) = (Place(), try TestLog())
        _ = try place.made()
        let directory = try WitnessDirectory(place.path)
        for size in 1...UInt64(WitnessDirectory.maximumRefused + 5) {
            let request = try AddCheckpointRequest(parsing: try log.request(0, size))
            let file = try directory.keep(request, kind: "fork")
            #expect((file != nil) == (size <= UInt64(WitnessDirectory.maximumRefused)))
        }
    }

    @Test func afterAFailureOfTheDiskNothingIsSigned() throws {
        let (place, log) = (Place(), try TestLog())
        _ = try place.made()
        do {
            let rig = try Rig(place, [log])
            #expect(rig.status(try log.request(0, 5)) == 200)
            // Where the next file should be written there is a directory.
            try FileSystem.makeDirectory(place.path + "/logs/\(log.hash).tmp")
            #expect(rig.status(try log.request(5, 6)) == 503)
            #expect(rig.failures.withLock { $0.count } == 1)
            try FileSystem.removeDirectory(place.path + "/logs/\(log.hash).tmp")
            #expect(rig.status(try log.request(5, 6)) == 503)
        }
        let rig = try Rig(place, [log])
        #expect(rig.status(try log.request(5, 6, "b")) == 422)
        #expect(rig.status(try log.request(5, 6)) == 200)
    }

    @Test func everyFlippedByteOfItsMemoryIsNoticedOrHarmless() throws {
        let (place, log) = (Place(), try TestLog())
        _ = try place.made()
        do {
            let rig = try Rig(place, [log])
            #expect(rig.status(try log.request(0, 5)) == 200)
        }
        let file = place.path + "/logs/" + log.hash
        let good = try FileSystem.contents(file)
        let directory = try WitnessDirectory(place.path)
        let keys = [log.signer.verifierKey]
        let latest = try #require(try directory.latest(ofLogWith: keys)).latest
        func write(_ bytes: [UInt8]) throws {
            let open = try File(file, .createOrTruncate(permissions: 0o640))
            try open.write(bytes.span)
        }
        var refused = 0
        for position in good.indices {
            for mask: UInt8 in [0x01, 0x20, 0xff] {
                var bytes = good
                bytes[position] ^= mask
                try write(bytes)
                do throws(CommandFailure) {
                    let read = try directory.latest(ofLogWith: keys)
                    #expect(read?.latest == latest, "byte \(position)")
                } catch {
                    #expect(error.code == .verificationFailed)
                    refused += 1
                }
            }
        }
        // Only the name in the log's own line can change unnoticed: another's line is not ours to
        // judge.
        #expect(refused >= (good.count - log.signer.name.utf8.count - 8) * 3)
        try write(Array(good[..<(good.count / 2)]))
        let failure = #expect(throws: CommandFailure.self) {
            try directory.latest(ofLogWith: keys)
        }
        #expect(failure?.code == .verificationFailed)
    }

    @Test func manyAtOnceSeeOneHistory() throws {
        let (place, log) = (Place(), try TestLog())
        let key = try place.made()
        let rig = try Rig(place, [log])
        let witness = rig.witness
        let given = Mutex<[UInt64: Set<String>]>([:])
        var bodies: [(UInt64, String, [UInt8])] = []
        for old: UInt64 in [0, 3, 4, 5, 6] {
            for new in max(old, 4)...7 {
                for history in ["a", "b"] {
                    bodies.append((new, history, try log.request(old, new, history)))
                }
            }
        }
        let texts = try Dictionary(
            uniqueKeysWithValues: (4...7).flatMap { (size: UInt64) in
                try ["a", "b"].map { ("\(size)\($0)", try log.checkpoint(size, $0).text) }
            }
        )
        let threads = (0..<4).map { number in
            let bodies = number % 2 == 0 ? bodies : bodies.reversed()
            return Thread(name: "asks") {
                for (size, history, body) in bodies {
                    guard case .cosigned(let lines) = witness.answer(body),
                        let text = texts["\(size)\(history)"], let line = lines.first,
                        key.verify(line, over: text) != nil
                    else { continue }
                    given.withLock { _ = $0[size, default: []].insert(history) }
                }
            }
        }
        for thread in threads { thread.join() }
        let histories = given.withLock { $0.values.reduce(into: Set()) { $0.formUnion($1) } }
        #expect(histories.count == 1, "cosignatures of \(histories) were given away")
    }
}

@Suite struct TokenBucketTests {
    @Test func itFillsUpAndNoFurther() {
        var bucket = TokenBucket(capacity: 2, perSecond: 4, nowNanoseconds: 0)
        let taken = { (now: UInt64) in bucket.take(nowNanoseconds: now) }
        #expect([taken(0), taken(0), taken(0)] == [true, true, false])
        #expect([taken(250_000_000), taken(250_000_000)] == [true, false])
        #expect([taken(60_000_000_000), taken(60_000_000_000)] == [true, true])
        #expect([taken(60_000_000_000), taken(0)] == [false, false])
    }
}
