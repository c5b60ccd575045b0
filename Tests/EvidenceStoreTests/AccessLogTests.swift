import Cryptography
import EvidenceModel
import Platform
import Testing

@testable import EvidenceStore

@Suite struct AccessLogTests {
    private let fixture: AccessFixture

    init() throws { fixture = try AccessFixture() }

    private func hash(_ bytes: [UInt8]) -> SHA256Digest { SHA256.hash(bytes.span) }

    @Test func linesAndChainAreAsDocumented() throws {
        try fixture.with { log in
            #expect(log.position == .start)
            log.record(
                AccessEntry(
                    time: try fixture.time("2026-11-21T01:02:03.456Z"),
                    principal: try PrincipalName("auditor-1"),
                    action: "payload",
                    target: "/v1/records/7/payload?a=\"b\"\u{7}",
                    status: 200,
                    request: "00-1-2-00"
                )
            )
            log.record(try fixture.entry(day: 21, "é", status: 404))
        }
        let zeros = String(repeating: "0", count: 64)
        let first =
            #"{"action":"payload","n":1,"previous":""# + zeros
            + #"","principal":"auditor-1","request":"00-1-2-00","status":200,"#
            + #""target":"/v1/records/7/payload?a=\"b\"\u0007","#
            + #""time":"2026-11-21T01:02:03.456Z"}"#
        let firstHead = hash([UInt8](repeating: 0, count: 32) + first.utf8)
        let second =
            #"{"action":"record","n":2,"previous":""# + firstHead.hex
            + #"","principal":"reader","status":404,"target":"é","#
            + #""time":"2026-11-21T00:00:00.000Z"}"#
        #expect(try fixture.text(21) == first + "\n" + second + "\n")
        let head = hash(firstHead.bytes + second.utf8)
        try fixture.with { log in
            #expect(log.position == AccessLog.Position(count: 2, head: head))
        }
        let file = try FileSystem.information(fixture.path(21))
        #expect(file?.permissions == 0o600)
    }

    @Test func theChainGoesOnAfterEachStart() throws {
        var count: UInt64 = 0
        for start in 0..<6 {
            try fixture.with { log in
                #expect(log.position.count == count)
                for number in 0..<start {
                    let entry = try fixture.entry(day: 21 + start / 2, "\(number)")
                    #expect(log.record(entry))
                    count += 1
                }
            }
            #expect(try fixture.findings() == [])
        }
        #expect(try fixture.files == ["2026-11-21.log", "2026-11-22.log", "2026-11-23.log"])
    }

    @Test func theDayOfTheEntryNamesTheFileAndNoFileIsWrittenAgain() throws {
        try fixture.with { log in
            for (day, target) in [(21, "a"), (21, "b"), (22, "c"), (21, "d"), (25, "e"), (22, "f")]
            { log.record(try fixture.entry(day: day, target)) }
        }
        try fixture.with { log in log.record(try fixture.entry(day: 1, "g")) }
        #expect(try fixture.files == ["2026-11-21.log", "2026-11-22.log", "2026-11-25.log"])
        #expect(try fixture.targets(21) == ["a", "b"])
        #expect(try fixture.targets(22) == ["c", "d"])
        #expect(try fixture.targets(25) == ["e", "f", "g"])
        #expect(try fixture.findings() == [])
    }

    @Test func digestsAreThoseOfFinishedDays() throws {
        try fixture.with { log in
            #expect(try log.digests(before: "9999-12-31") == [])
            for (day, count) in [(21, 3), (22, 1), (24, 2)] {
                for _ in 0..<count { log.record(try fixture.entry(day: day, "x")) }
            }
            let all = try log.digests(before: "2026-11-25")
            #expect(all.map(\.day) == ["2026-11-21", "2026-11-22", "2026-11-24"])
            #expect(all.map(\.count) == [3, 4, 6])
            #expect(all[2].head == log.position.head)
            #expect(try log.digests(before: "2026-11-24") == Array(all[..<2]))
            #expect(try log.digests(before: "2026-11-25", after: "2026-11-21") == Array(all[1...]))
            #expect(try log.digests(before: "2026-11-21") == [])
            #expect(try fixture.findings(all) == [])
        }
    }

    @Test func longAndStrangeTextIsKeptInOneLine() throws {
        let strange = "\n\r\u{0}\u{1F}\u{7F}\\\"\u{2028}\u{10FFFF}é"
        try fixture.with { log in
            for text in [strange, "", String(repeating: "é", count: 600)]
                + (1020...1030).map({ String(repeating: "a", count: $0) + "𐍈" })
            {
                log.record(try fixture.entry(day: 21, text, action: text, request: text))
            }
        }
        #expect(try fixture.findings() == [])
        let targets = try fixture.targets(21)
        #expect(targets[0] == strange)
        #expect(targets[1] == "")
        #expect(targets[2] == String(repeating: "é", count: 510) + "…")
        #expect(targets.allSatisfy { $0.utf8.count <= 1024 })
        #expect(targets[3] == String(repeating: "a", count: 1020) + "𐍈")
        #expect(targets[4] == String(repeating: "a", count: 1021) + "…")
    }

    @Test func manyRecordsKeepTheirOrder() throws {
        let threadCount = 4
        // Several times what may wait to be written.
        let each = 4_000
        let width = 700
        let log = try AccessLog(fixture.paths) { Issue.record("\($0)") }
        let most = Platform.Mutex(0)
        let entries = try (0..<threadCount).map { number in
            try fixture.entry(day: 21, String(repeating: "\(number)", count: width))
        }
        let threads = (0..<threadCount).map { number in
            let entry = entries[number]
            return Thread(name: "reader-\(number)") {
                for _ in 0..<each {
                    if !log.record(entry) { Issue.record("an entry was refused") }
                    let waiting = log.waitingBytes
                    most.withLock { $0 = max($0, waiting) }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(log.entries.value == UInt64(threadCount * each))
        #expect(log.position.count == UInt64(threadCount * each))
        try log.flush()
        #expect(log.waitingBytes == 0)
        log.close()
        #expect(most.withLock { $0 } <= 4 << 20 + 1 << 10)
        #expect(try fixture.findings() == [])
        // Every line has the same bytes behind its target.
        let lines = try fixture.bytes(21).split(separator: UInt8(ascii: "\n"))
        let behind = "\",\"time\":\"2026-11-21T00:00:00.000Z\"}".utf8.count
        for number in 0..<threadCount {
            let target = UInt8(ascii: "0") + UInt8(number)
            #expect(lines.count { $0[$0.endIndex - behind - 1] == target } == each)
        }
    }

    @Test func oneThreadsEntriesStandInTheirOrder() throws {
        try fixture.with { log in
            for number in 0..<3000 { log.record(try fixture.entry(day: 21, "\(number)")) }
        }
        #expect(try fixture.targets(21) == (0..<3000).map(String.init))
    }

    @Test func aClosedLogTakesNothing() throws {
        let log = try AccessLog(fixture.paths) { Issue.record("\($0)") }
        #expect(try log.record(fixture.entry(day: 21, "a")))
        log.close()
        log.close()
        #expect(try !log.record(fixture.entry(day: 21, "b")))
        #expect(try fixture.targets(21) == ["a"])
    }

    @Test func aFailedWriteIsToldAndFinal() throws {
        let told = Platform.Mutex<[AccessLog.Trouble]>([])
        let log = try AccessLog(fixture.paths) { trouble in told.withLock { $0.append(trouble) } }
        #expect(try log.record(fixture.entry(day: 21, "a")))
        try log.flush()
        // Something else has the next day's name.
        try FileSystem.makeDirectory(fixture.path(22))
        #expect(try log.record(fixture.entry(day: 22, "b")))
        // Unless the thread, which wakes by itself, has met it between the two.
        let taken: UInt64 = try log.record(fixture.entry(day: 22, "c")) ? 2 : 1
        #expect(throws: StoreError.self) { try log.flush() }
        #expect(try !log.record(fixture.entry(day: 22, "d")))
        #expect(log.failures.value == 1)
        log.close()
        guard case .stopped(_, lostEntries: taken) = log.trouble else {
            Issue.record("\(String(describing: log.trouble))")
            return
        }
        #expect(told.withLock { $0 } == [log.trouble])
        try FileSystem.removeDirectory(fixture.path(22))
        try fixture.with { #expect($0.position.count == 1) }
        #expect(try fixture.findings() == [])
    }

    @Test func aFullDiskIsToldAndTriedAgainUntilTheEnd() throws {
        try fixture.with { log in log.record(try fixture.entry(day: 21, "a")) }
        let told = Platform.Mutex<[AccessLog.Trouble]>([])
        let arrived = Condition()
        let log = try AccessLog(fixture.paths) { trouble in
            told.withLock { $0.append(trouble) }
            arrived.signal()
        }
        // The system's own full disk.
        try FileSystem.rename(fixture.path(21), to: fixture.path(21) + ".kept")
        try fixture.link(fixture.path(21), to: "/dev/full")
        #expect(try log.record(fixture.entry(day: 21, "b")))
        told.withLock(when: { $0.count > 1 }, on: arrived) { _ in }
        #expect(try log.record(fixture.entry(day: 21, "c")))
        #expect(throws: StoreError.self) { try log.flush() }
        log.close()
        let error = StoreError.system(
            SystemError(operation: "write to", path: fixture.path(21), errno: .noSpace)
        )
        told.withLock { told in
            #expect(told.dropLast().allSatisfy { $0 == .retrying(error) })
            #expect(told.last == .stopped(error, lostEntries: 2))
        }
    }
}
