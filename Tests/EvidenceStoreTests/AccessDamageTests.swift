import Cryptography
import EvidenceModel
import Platform
import Testing

@testable import EvidenceStore

/// What a crash leaves of an access log is taken up; what anyone changes in it is found.
@Suite struct AccessDamageTests {
    private let fixture: AccessFixture

    init() throws { fixture = try AccessFixture() }

    /// Two lines on each of the days 21, 22 and 23.
    private func fill() throws {
        try fixture.with { log in
            for day in 21...23 {
                log.record(try fixture.entry(day: day, "first"))
                log.record(try fixture.entry(day: day, "second", request: "r"))
            }
        }
    }

    private func expectDamage(
        _ digests: [AccessLog.Digest] = [],
        _ what: @autoclosure () -> String
    ) throws {
        let findings = try fixture.findings(digests)
        #expect(findings.contains { $0.severity == .damage }, "\(what()) was not found")
    }

    @Test func eachFlippedBitIsFound() throws {
        try fill()
        for day in 21...23 {
            let digests = [try fixture.digest(day)]
            let whole = try fixture.bytes(day)
            let lastLine = whole.count - (try fixture.lines(day).last?.count ?? 0)
            for place in whole.indices {
                for bit in [0, 7] {
                    var bytes = whole
                    bytes[place] ^= 1 << UInt8(bit)
                    try fixture.write(bytes, day)
                    // Only the end of the newest file needs a digest, or another line.
                    if day < 23 || place < lastLine { try expectDamage("bit \(bit) of \(place)") }
                    try expectDamage(digests, "bit \(bit) of \(place)")
                }
            }
            try fixture.write(whole, day)
        }
        #expect(try fixture.findings() == [])
    }

    private func expectDamage(_ what: @autoclosure () -> String) throws {
        try expectDamage([], what())
    }

    @Test func aMissingALinesOrderAndADoubleAreFound() throws {
        try fill()
        let digests = try [21, 22, 23].map { try fixture.digest($0) }
        #expect(try fixture.findings(digests) == [])
        for day in 21...23 {
            let lines = try fixture.lines(day)
            let changed = [[lines[1]], [lines[0]], [lines[1], lines[0]], [lines[0]] + lines]
            for (number, lines) in changed.enumerated() {
                try fixture.write(lines.flatMap { $0 }, day)
                let isTail = day == 23 && number == 1
                if !isTail { try expectDamage("change \(number) of day \(day)") }
                try expectDamage(digests, "change \(number) of day \(day)")
            }
            try fixture.write(lines.flatMap { $0 }, day)
        }
        #expect(try fixture.findings(digests) == [])
    }

    @Test func aMissingFileIsFound() throws {
        try fill()
        let digests = try [21, 22, 23].map { try fixture.digest($0) }
        for day in 21...23 {
            let bytes = try fixture.bytes(day)
            try FileSystem.unlink(fixture.path(day))
            if day < 23 { try expectDamage("the missing day \(day)") }
            try expectDamage(digests, "the missing day \(day)")
            // In the name of another day.
            try fixture.write(bytes, day + 7)
            try expectDamage(digests, "day \(day) with another name")
            try FileSystem.unlink(fixture.path(day + 7))
            try fixture.write(bytes, day)
        }
        try FileSystem.removeTree(fixture.paths.access)
        #expect(try fixture.findings() == [])
        try expectDamage(digests, "the missing directory")
    }

    @Test func whatIsNoFileOfTheLogIsNoted() throws {
        try fill()
        let directory = fixture.paths.access
        for name in ["2026-11-24", "2026-02-30.log", "2026-11-23.log.old", "x.log", ".log"] {
            try FileSystem.makeDirectory("\(directory)/\(name)")
        }
        let findings = try fixture.findings()
        #expect(findings.map(\.severity) == Array(repeating: .note, count: 5))
        try fixture.with { #expect($0.position.count == 6) }
    }

    @Test func aDigestThatTheChainNeverHadIsFound() throws {
        try fill()
        let right = try fixture.digest(22)
        for (count, head) in [
            (right.count - 1, right.head), (right.count + 1, right.head), (100, right.head),
            (0, right.head), (right.count, AccessLog.Position.start.head),
        ] {
            let wrong = AccessLog.Digest(day: right.day, count: count, head: head)
            try expectDamage([right, wrong], "a digest of \(count) lines")
        }
        let start = AccessLog.Position.start
        let empty = AccessLog.Digest(day: "2026-11-20", count: 0, head: start.head)
        #expect(try fixture.findings([right, empty]) == [])
    }

    // MARK: Crashes

    @Test func aTornEndIsCutAtEachLength() throws {
        try fill()
        let whole = try fixture.bytes(23)
        let lines = try fixture.lines(23)
        #expect(lines.count == 2)
        for length in 0...whole.count {
            for zeros in length % 16 == 0 ? [0, 1, 5000] : [0] {
                let bytes = whole.prefix(length) + [UInt8](repeating: 0, count: zeros)
                try fixture.write(Array(bytes), 23)
                let torn = try fixture.findings()
                #expect(torn.allSatisfy { $0.severity == .note }, "\(length): \(torn)")
                let left = length == whole.count ? 2 : length < lines[0].count ? 0 : 1
                try fixture.with { log in
                    #expect(log.position.count == UInt64(4 + left), "\(length)")
                    #expect(try fixture.findings() == [], "\(length)")
                    log.record(try fixture.entry(day: 23, "third"))
                }
                #expect(try fixture.findings() == [], "\(length)")
                let targets = Array(["first", "second"].prefix(left)) + ["third"]
                #expect(try fixture.targets(23) == targets)
                if left == 0 { try FileSystem.unlink(fixture.path(23)) }
            }
        }
    }

    @Test func nothingButTornFilesIsANewChain() throws {
        try fixture.with { log in log.record(try fixture.entry(day: 21, "a")) }
        for bytes in [[], Array("{\"action\":".utf8)] {
            try fixture.write(bytes, 21)
            try fixture.write([], 22)
            try fixture.with { #expect($0.position == .start) }
            #expect(try fixture.files == [])
        }
    }

    @Test func aLostDirectoryIsANewChain() throws {
        try fill()
        let digest = try fixture.digest(23)
        try FileSystem.removeTree(fixture.paths.state)
        try fixture.with { log in
            #expect(log.position == .start)
            log.record(try fixture.entry(day: 23, "a"))
        }
        #expect(try fixture.findings() == [])
        try expectDamage([digest], "the loss of what has a digest")
        #expect(try fixture.findings([try fixture.digest(23)]) == [])
    }

    @Test func aDamagedEndStopsTheStart() throws {
        try fill()
        let lines = try fixture.lines(23)
        var flipped = lines[0]
        flipped[20] ^= 1
        let unending = [UInt8](repeating: UInt8(ascii: "a"), count: 70_000)
        for bytes in [
            flipped + lines[1], lines[1] + lines[0], lines[0] + lines[0],
            lines[0] + [10] + lines[1],
            lines[0] + unending, lines[0] + unending + [10],
        ] {
            try fixture.write(bytes, 23)
            #expect(throws: StoreError.self) { try fixture.with { _ in } }
            try expectDamage("what stops the start")
            #expect(try fixture.bytes(23) == bytes)
        }
        // Taken away, as the message says.
        try FileSystem.rename(fixture.path(23), to: fixture.path(23) + ".damaged")
        try fixture.with { #expect($0.position.count == 4) }
    }

    @Test func theEndOfALongFileIsEnough() throws {
        try fixture.with { log in
            for number in 0..<20 { log.record(try fixture.entry(day: 21, "\(number)")) }
        }
        let whole = try AccessFiles.end(of: fixture.path(21))
        #expect(whole.position?.count == 20)
        #expect(!whole.isTorn)
        let lastLine = UInt64(try fixture.lines(21)[19].count)
        for tail in stride(from: 1, through: whole.sizeBytes, by: 3) {
            // What is read must begin before the last line.
            guard tail > lastLine else {
                #expect(throws: StoreError.self) {
                    try AccessFiles.end(of: fixture.path(21), tailSizeBytes: tail)
                }
                continue
            }
            let end = try AccessFiles.end(of: fixture.path(21), tailSizeBytes: tail)
            #expect(end.position == whole.position)
            #expect(end.sizeBytes == whole.sizeBytes)
        }
    }
}
