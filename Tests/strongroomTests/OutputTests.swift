import Testing

@testable import strongroom

@Suite struct AmountTests {
    @Test func bytes() {
        #expect(Amount.bytes(0) == "0 B")
        #expect(Amount.bytes(1023) == "1023 B")
        #expect(Amount.bytes(1536) == "1.5 KiB")
        #expect(Amount.bytes(5 << 30) == "5.0 GiB")
    }

    @Test func decimals() {
        #expect(Amount.decimal(0, places: 2) == "0.00")
        #expect(Amount.decimal(-0.05, places: 1) == "-0.1")
        #expect(
            Amount.decimal(12.345, places: 2) == "12.35"
                || Amount.decimal(12.345, places: 2) == "12.34"
        )
        #expect(Amount.decimal(7, places: 0) == "7")
        #expect(Amount.decimal(.infinity, places: 1) == "inf")
    }

    @Test func countsAndTimes() {
        #expect(Amount.grouped(0) == "0" && Amount.grouped(1_234_567) == "1,234,567")
        #expect(
            Amount.count(1, "file") == "1 file" && Amount.count(10_000, "file") == "10,000 files"
        )
        #expect(Amount.time(seconds: 65) == "1:05")
        #expect(Amount.time(seconds: 7325) == "2:02:05")
        #expect(Amount.time(seconds: .infinity) == "--:--")
    }
}

@Suite struct ProgressTests {
    @Test func aTransferOfKnownSize() {
        let line = Progress.line(
            doneBytes: 1 << 20,
            totalBytes: 4 << 20,
            items: (3, 12),
            seconds: 2
        )
        #expect(
            line == "[#####···············]  3/12 files  1.0 MiB of 4.0 MiB  512.0 KiB/s  0:06 left"
        )
    }

    @Test func aTransferOfUnknownSize() {
        let line = Progress.line(doneBytes: 100, totalBytes: nil, items: nil, seconds: 0)
        #expect(line == "100 B  0 B/s")
    }

    @Test func nothingToDoIsAllDone() {
        let line = Progress.line(doneBytes: 0, totalBytes: 0, items: nil, seconds: 1)
        #expect(line.hasPrefix("[####################]"))
    }
}

@Suite struct ConsoleTests {
    @Test func controlCharactersDoNotReachATerminal() {
        #expect(Console.harmless("plain é") == "plain é")
        #expect(Console.harmless("a\u{1b}[2Jb\rc\u{9b}d") == "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d")
        #expect(Console.harmless("two\nlines") == "two\nlines")
    }
}

@Suite struct ExitCodeTests {
    @Test func theGravestWins() {
        #expect(ExitCode.done.graver(.usage) == .usage)
        #expect(ExitCode.verificationFailed.graver(.tryAgain) == .verificationFailed)
        #expect(ExitCode.notFound.graver(.refused) == .refused)
        #expect(ExitCode.refused.graver(.notFound) == .refused)
        for code in ExitCode.allCases {
            #expect(ExitCode.done.graver(code) == code && code.graver(.done) == code)
            #expect(ExitCode.bug.graver(code) == .bug)
        }
    }

    @Test func theNumbersAreTheContract() {
        #expect(ExitCode.allCases.map(\.rawValue) == [0, 1, 2, 3, 4, 5, 6, 70])
    }
}

@Suite struct RetryTests {
    @Test func waitsAreBoundedAndGrow() {
        let retry = Retry()
        for number in 1...40 {
            let longest = retry.waitMilliseconds(
                before: number,
                retryAfterSeconds: nil,
                random: .max
            )
            #expect(longest <= retry.largestBoundMilliseconds)
            #expect(
                retry.waitMilliseconds(before: number, retryAfterSeconds: nil, random: 0) == 0
            )
        }
        #expect(retry.waitMilliseconds(before: 1, retryAfterSeconds: nil, random: .max) == 100)
        #expect(retry.waitMilliseconds(before: 3, retryAfterSeconds: nil, random: .max) == 400)
    }

    @Test func theServersWishCountsWithinReason() {
        let retry = Retry()
        #expect(retry.waitMilliseconds(before: 1, retryAfterSeconds: 2, random: 0) == 2000)
        #expect(retry.waitMilliseconds(before: 1, retryAfterSeconds: 86_400, random: 0) <= 10_000)
        #expect(retry.waitMilliseconds(before: 1, retryAfterSeconds: -5, random: 0) == 0)
    }

    private func reply(_ status: Int) -> APIReply { APIReply(status: status, fields: [], body: []) }

    @Test func whatMayPassIsTriedAgain() throws {
        var retry = Retry()
        (retry.firstBoundMilliseconds, retry.largestBoundMilliseconds) = (0, 0)
        var statuses = [503, 429, 201]
        let success = try retry.run { () throws(TransportFailure) in reply(statuses.removeFirst()) }
        #expect(success.status == 201)
        var failures = 2
        let second = try retry.run { () throws(TransportFailure) in
            failures -= 1
            if failures >= 0 { throw .unreachable("down") }
            return reply(200)
        }
        #expect(second.status == 200)
    }

    @Test func whatIsFinalIsNot() throws {
        var retry = Retry()
        (retry.firstBoundMilliseconds, retry.largestBoundMilliseconds) = (0, 0)
        for status in [200, 400, 404, 409, 422, 500, 507] {
            var attempts = 0
            let found = try retry.run { () throws(TransportFailure) in
                attempts += 1
                return reply(status)
            }
            #expect(found.status == status && attempts == 1)
        }
        var attempts = 0
        #expect(throws: TransportFailure.self) {
            _ = try retry.run { () throws(TransportFailure) in
                attempts += 1
                throw .abandoned(CommandFailure(.refused, "changed"))
            }
        }
        #expect(attempts == 1)
    }

    @Test func whatWouldActTwiceIsNotRepeatedBlindly() throws {
        var retry = Retry()
        (retry.firstBoundMilliseconds, retry.largestBoundMilliseconds) = (0, 0)
        // An answer that was lost: the server may have acted.
        for (repetition, expected) in [
            (Retry.Repetition.harmless, retry.attempts), (.actsAgain, 1),
        ] {
            var attempts = 0
            #expect(throws: TransportFailure.self) {
                _ = try retry.run(repetition) { () throws(TransportFailure) in
                    attempts += 1
                    throw .lost("broken pipe")
                }
            }
            #expect(attempts == expected)
        }
        // A server that was not reached has seen nothing.
        var attempts = 0
        #expect(throws: TransportFailure.self) {
            _ = try retry.run(.actsAgain) { () throws(TransportFailure) in
                attempts += 1
                throw .unreachable("down")
            }
        }
        #expect(attempts == retry.attempts)
        for (status, repeats) in [
            (503, true), (429, true), (408, false), (502, false), (504, false),
        ] {
            #expect(Retry.isWorthwhile(reply(status), .actsAgain) == repeats, "\(status)")
            #expect(Retry.isWorthwhile(reply(status), .harmless))
        }
    }

    @Test func whatOnlyAPersonCanMendIsNotTriedAgain() {
        for (status, slug) in [(503, "clock-unsettled"), (429, "too-many-failures")] {
            let body = #"{"type":"https://strongroom.dev/problems/\#(slug)"}"#
            let reply = APIReply(status: status, fields: [], body: Array(body.utf8))
            #expect(!Retry.isWorthwhile(reply))
        }
    }

    @Test func attemptsAreBounded() throws {
        var retry = Retry()
        (retry.firstBoundMilliseconds, retry.largestBoundMilliseconds) = (0, 0)
        var attempts = 0
        let last = try retry.run { () throws(TransportFailure) in
            attempts += 1
            return reply(503)
        }
        #expect(last.status == 503 && attempts == retry.attempts)
    }
}

@Suite struct ProblemTests {
    private func problem(_ status: Int, _ body: String) -> Problem {
        Problem(APIReply(status: status, fields: [], body: Array(body.utf8)))
    }

    @Test func theServersWordsAreUsed() {
        let found = problem(409, #"{"type":"x","title":"T","status":409,"detail":"D","index":7}"#)
        #expect(found.index == 7 && found.exitCode == .refused)
        #expect(found.failure("a/b").text == "a/b: D (HTTP 409)")
    }

    @Test func whatWasErasedIsRefusedWithItsCertificate() {
        let found = problem(410, #"{"detail":"Erased.","index":12,"certificate":57}"#)
        #expect(found.certificate == 57 && found.exitCode == .refused)
        #expect(
            found.failure("payload of record 12").text
                == "payload of record 12: Erased (HTTP 410); 'strongroom erase proof 12' "
                + "fetches its deletion certificate, record 57"
        )
        #expect(problem(410, "").failure("x").advice?.contains("erase proof INDEX") == true)
    }

    @Test func theAdviceFitsTheRefusal() {
        let table: [(status: Int, slug: String, words: String?)] = [
            (401, "unauthorized", "--token-file"), (403, "forbidden", "token list"),
            (403, "cross-origin", nil), (429, "too-many-failures", "wait a minute"),
            (503, "clock-unsettled", "clock show"), (503, "policy-changed", "policy"),
            (503, "overloaded", "try again later"), (409, "locked", nil), (507, "full", "room"),
        ]
        for row in table {
            let body = #"{"type":"https://strongroom.dev/problems/\#(row.slug)","detail":"d"}"#
            let advice = problem(row.status, body).failure("x").advice
            #expect(row.words.map { advice?.contains($0) == true } ?? (advice == nil), "\(row)")
        }
    }

    @Test func recordsThatWereRefusedAreListed() {
        let found = problem(
            409,
            #"{"detail":"None.","refused":[{"index":3,"problem":{"detail":"Held","status":409}},"#
                + #"{"index":4,"problem":{"detail":"Gone","status":404}}]}"#
        )
        #expect(
            found.refused.map(\.failure.text) == [
                "record 3: Held (HTTP 409)", "record 4: Gone (HTTP 404)",
            ]
        )
        #expect(found.refused.map(\.failure.code) == [.refused, .notFound])
        #expect(problem(409, #"{"refused":[7]}"#).refused.isEmpty)
    }

    @Test func anythingElseIsStillAFailure() {
        for body in ["", "<html>", "[]", #"{"detail":7}"#] {
            #expect(problem(503, body).failure("x").text.hasPrefix("x: the server gave no reason"))
        }
    }

    @Test func statusesHaveTheirExitCodes() {
        let codes: [Int: ExitCode] = [
            400: .refused, 401: .refused, 403: .refused, 404: .notFound, 409: .refused,
            410: .refused, 413: .refused, 422: .refused, 429: .tryAgain, 500: .bug, 503: .tryAgain,
            507: .storageFull,
        ]
        for (status, code) in codes { #expect(problem(status, "").exitCode == code, "\(status)") }
    }
}
