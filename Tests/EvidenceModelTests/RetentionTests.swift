import EvidenceModel
import Testing

@Suite struct RetentionDurationTests {
    @Test(arguments: ["1s", "90s", "30m", "12h", "30d", "7y", "100y", "10000y", "315576000000s"])
    func isWrittenAsRead(_ text: String) throws {
        #expect(try RetentionDuration(parsing: text).description == text)
    }

    @Test(arguments: [
        "", "7", "y", "0s", "0y", "07y", "-7y", "+7y", "7Y", "7 y", " 7y", "7y ", "7w", "7.5y",
        "1y6m", "７y", "10001y", "315576000001s", "3652501d", "9999999999999y", "7y\u{301}",
    ])
    func otherTextsAreRefused(_ text: String) throws {
        let violation = try #require(
            error { () throws(LimitViolation) in
                try RetentionDuration(parsing: text)
            }
        )
        #expect(violation.field == .duration)
    }

    @Test func unitsHaveTheirLength() throws {
        let start = try Samples.time("2026-11-21T01:02:03.456Z")
        for (text, end) in [
            ("90s", "2026-11-21T01:03:33.456Z"), ("30m", "2026-11-21T01:32:03.456Z"),
            ("12h", "2026-11-21T13:02:03.456Z"), ("30d", "2026-12-21T01:02:03.456Z"),
            ("7y", "2033-11-21T01:02:03.456Z"),
        ] {
            #expect(try RetentionDuration(parsing: text).end(from: start)?.rfc3339 == end)
        }
    }

    @Test func theLongestNeverTraps() throws {
        for text in ["315576000000s", "5259600000m", "87660000h", "3652500d", "10000y"] {
            #expect(try RetentionDuration(parsing: text).end(from: .earliest) == nil)
            #expect(try RetentionDuration(parsing: text).end(from: .latest) == nil)
        }
    }
}

@Suite struct LockTests {
    @Test func isLockedUpToAndIncludingUntil() throws {
        let lock = try Samples.lock()
        #expect(lock.isLocked(at: try Samples.time("2033-11-21T23:59:59.999Z")))
        #expect(lock.isLocked(at: try Samples.time("2033-11-22T00:00:00.000Z")))
        #expect(!lock.isLocked(at: try Samples.time("2033-11-22T00:00:00.001Z")))
        #expect(lock.description == "COMPLIANCE until 2033-11-22T00:00:00Z")
    }

    @Test func itsDateIsAWholeSecond() throws {
        #expect(Lock(mode: .governance, until: try Samples.time("2033-11-22T00:00:00.001Z")) == nil)
        #expect(Lock(mode: .governance, until: .latest) == nil)
    }

    @Test func modesAreReadInBothCases() throws {
        #expect(try RetentionMode(userInput: "compliance") == .compliance)
        #expect(try RetentionMode(userInput: "GOVERNANCE") == .governance)
        for text in ["", "Compliance", "legal"] {
            let violation = error { () throws(LimitViolation) in
                try RetentionMode(userInput: text)
            }
            #expect(violation?.field == .mode)
        }
    }
}

@Suite struct RetentionPolicyTests {
    private let policy = RetentionPolicy.standard

    private func granted(
        _ retention: String?,
        at now: String,
        mode: RetentionMode? = nil,
        by policy: RetentionPolicy = .standard
    ) throws -> Lock {
        var request = LockRequest(mode: mode)
        if let retention, let duration = try? RetentionDuration(parsing: retention) {
            request = LockRequest(mode: mode, retention: .duration(duration))
        } else if let retention {
            request = LockRequest(mode: mode, retention: .until(try Samples.time(retention)))
        }
        return try policy.grant(request, at: try Samples.time(now))
    }

    private func policy(
        _ minimum: String,
        _ standard: String,
        _ maximum: String,
        mode: RetentionMode = .compliance
    ) throws -> RetentionPolicy {
        try RetentionPolicy(
            mode: mode,
            minimum: RetentionDuration(parsing: minimum),
            standard: RetentionDuration(parsing: standard),
            maximum: RetentionDuration(parsing: maximum)
        )
    }

    @Test(arguments: [
        // Days and years: to the next 00:00Z; an instant already there stays.
        ("7y", "2026-11-21T01:02:03.456Z", "2033-11-22T00:00:00Z"),
        ("7y", "2026-11-21T00:00:00.000Z", "2033-11-21T00:00:00Z"),
        ("7y", "2026-11-21T00:00:00.001Z", "2033-11-22T00:00:00Z"),
        ("1d", "2026-12-31T23:59:59.999Z", "2027-01-02T00:00:00Z"),
        ("1d", "2026-12-31T00:00:00.000Z", "2027-01-01T00:00:00Z"),
        // 29 February: 28 February, then up.
        ("7y", "2024-02-29T00:00:00.000Z", "2031-02-28T00:00:00Z"),
        ("7y", "2024-02-29T12:00:00.000Z", "2031-03-01T00:00:00Z"),
        ("4y", "2024-02-29T12:00:00.000Z", "2028-03-01T00:00:00Z"),
        ("4y", "2024-02-29T00:00:00.000Z", "2028-02-29T00:00:00Z"),
        ("76y", "2024-02-29T00:00:00.000Z", "2100-02-28T00:00:00Z"),
        // A day or more in whatever unit.
        ("24h", "2026-11-21T01:02:03.456Z", "2026-11-23T00:00:00Z"),
        ("86400s", "2026-11-21T01:02:03.456Z", "2026-11-23T00:00:00Z"),
        ("1440m", "2026-11-21T01:02:03.456Z", "2026-11-23T00:00:00Z"),
        // Shorter: to the next second; a whole one stays.
        ("86399s", "2026-11-21T01:02:03.456Z", "2026-11-22T01:02:03Z"),
        ("23h", "2026-11-21T01:02:03.000Z", "2026-11-22T00:02:03Z"),
        ("1s", "2026-11-21T01:02:03.001Z", "2026-11-21T01:02:05Z"),
        ("1s", "2026-11-21T01:02:03.000Z", "2026-11-21T01:02:04Z"),
        // Exact instants: to the second.
        ("2030-01-01", "2026-11-21T01:02:03.456Z", "2030-01-01T00:00:00Z"),
        ("2030-01-01T10:20:30.001Z", "2026-11-21T01:02:03.456Z", "2030-01-01T10:20:31Z"),
        ("2030-01-01T10:20:30Z", "2026-11-21T01:02:03.456Z", "2030-01-01T10:20:30Z"),
    ])
    func untilIsRoundedUp(_ retention: String, _ now: String, _ expected: String) throws {
        let lock = try granted(retention, at: now)
        #expect(lock.until.rfc3339Seconds == expected)
        #expect(lock.mode == .compliance)
    }

    @Test func withoutARequestThePolicyDecides() throws {
        let lock = try granted(nil, at: "2026-11-21T01:02:03.456Z")
        #expect(lock == (try Samples.lock()))
        let short = try policy("1m", "90s", "1h", mode: .governance)
        let other = try granted(nil, at: "2026-11-21T01:02:03.456Z", by: short)
        #expect(other.description == "GOVERNANCE until 2026-11-21T01:03:34Z")
    }

    @Test func theRangeIsThatOfTheRequestNotOfTheRoundedDate() throws {
        let narrow = try policy("30d", "30d", "30d")
        let now = "2026-11-21T01:02:03.456Z"
        #expect(
            try granted("30d", at: now, by: narrow).until.rfc3339Seconds == "2026-12-22T00:00:00Z"
        )
        let until = try Samples.time("2026-12-21T01:02:03.456Z")
        #expect(
            try granted(until.rfc3339, at: now, by: narrow).until.rfc3339Seconds
                == "2026-12-21T01:02:04Z"
        )
        let minimum = narrow.minimum
        #expect(
            throws: LockRefusal.tooLong(until: try Samples.time("2026-12-22"), maximum: minimum)
        ) {
            try granted("2026-12-22", at: now, by: narrow)
        }
        let early = try #require(until.adding(milliseconds: -1))
        #expect(throws: LockRefusal.tooShort(until: early, minimum: minimum)) {
            try granted(early.rfc3339, at: now, by: narrow)
        }
        #expect(throws: LockRefusal.self) { try granted("29d", at: now, by: narrow) }
        #expect(throws: LockRefusal.self) { try granted("31d", at: now, by: narrow) }
    }

    @Test func yearsAreComparedByTheCalendar() throws {
        let year = try policy("1y", "1y", "1y")
        #expect(throws: Never.self) { try granted("365d", at: "2026-01-01", by: year) }
        #expect(throws: LockRefusal.self) { try granted("366d", at: "2026-01-01", by: year) }
        #expect(throws: Never.self) { try granted("366d", at: "2024-01-01", by: year) }
        #expect(throws: LockRefusal.self) { try granted("365d", at: "2024-01-01", by: year) }
    }

    /// 3 years are 1,095.7 days on average, above the minimum of 1,095 days and 10 hours; from
    /// March 2024 they are 1,095 days.
    @Test func aStandardLockIsNeverShorterThanTheMinimum() throws {
        let close = try policy("26290h", "3y", "100y")
        let lock = try granted(nil, at: "2024-03-01", by: close)
        #expect(lock.until.rfc3339Seconds == "2027-03-02T00:00:00Z")
        #expect(lock.until == (try granted("26290h", at: "2024-03-01", by: close)).until)
    }

    @Test func thePastIsRefused() throws {
        let now = "2026-11-21T01:02:03.456Z"
        #expect(
            throws: LockRefusal.inThePast(
                until: try Samples.time("2026-11-21T01:02:03.455Z"),
                now: try Samples.time(now)
            )
        ) {
            try granted("2026-11-21T01:02:03.455Z", at: now)
        }
        #expect(throws: LockRefusal.tooShort(until: try Samples.time(now), minimum: policy.minimum))
        {
            try granted(now, at: now)
        }
    }

    @Test func theEndOfTheCalendarIsRefusedNotTrapped() throws {
        let wide = try policy("1s", "10000y", "10000y")
        for retention in [nil, "10000y", "8000y", "315576000000s", "9999-12-31T23:59:59.001Z"] {
            #expect(throws: LockRefusal.beyondCalendar) {
                try granted(retention, at: "2026-11-21T01:02:03.456Z", by: wide)
            }
        }
        // The exact end is reachable, rounding to the day after it is not.
        #expect(
            try granted("9999-12-31T23:59:59Z", at: "2026-11-21", by: wide).until
                == Samples.time("9999-12-31T23:59:59Z")
        )
        #expect(throws: LockRefusal.beyondCalendar) {
            try granted("1d", at: "9999-12-30T00:00:00.001Z", by: wide)
        }
        #expect(throws: LockRefusal.beyondCalendar) {
            try granted("1s", at: "9999-12-31T23:59:58.001Z", by: wide)
        }
    }

    @Test func aWeakerModeIsRefusedAndAStrongerGranted() throws {
        let now = "2026-11-21"
        let strict = try policy("1s", "7y", "100y", mode: .compliance)
        #expect(
            throws: LockRefusal.modeTooWeak(requested: .governance, policy: .compliance)
        ) {
            try granted(nil, at: now, mode: .governance, by: strict)
        }
        #expect(try granted(nil, at: now).mode == .compliance)
        #expect(try granted(nil, at: now, mode: .governance).mode == .governance)
        #expect(try granted(nil, at: now, mode: .compliance).mode == .compliance)
        let weak = try policy("1s", "7y", "100y", mode: .governance)
        #expect(try granted(nil, at: now, mode: .compliance, by: weak).mode == .compliance)
        #expect(try granted(nil, at: now, mode: .governance, by: weak).mode == .governance)
        #expect(try granted(nil, at: now, by: weak).mode == .governance)
    }

    @Test func minimumStandardAndMaximumMustBeInOrder() throws {
        for (minimum, standard, maximum) in [("2d", "1d", "3d"), ("1d", "3d", "2d")] {
            let violation = #expect(throws: LimitViolation.self) {
                try policy(minimum, standard, maximum)
            }
            #expect(violation?.field == .policy)
        }
        #expect(throws: Never.self) { try policy("365d", "1y", "366d") }
    }

    /// A granted lock is never shorter than what was asked for, whatever is asked.
    @Test(.tags(.property)) func aLockIsNeverShorterThanAsked() throws {
        var draw = Draw()
        let wide = try policy("1s", "7y", "10000y")
        for _ in 0..<5_000 {
            let now = try #require(
                Timestamp(
                    milliseconds: .random(in: 0...Timestamp.latest.milliseconds, using: &draw)
                )
            )
            let unit = draw.element(of: RetentionDuration.Unit.allCases)
            let duration = try RetentionDuration(Int64(draw.int(1...10_000)), unit)
            let request = LockRequest(retention: .duration(duration))
            guard let end = duration.end(from: now) else { continue }
            guard let lock = try? wide.grant(request, at: now) else {
                #expect(end > (try Samples.time("9999-12-31")))
                continue
            }
            #expect(lock.until >= end)
            let slack: Int64 = duration.isDayOrMore ? 86_400_000 : 1_000
            #expect(lock.until.milliseconds - end.milliseconds < slack)
        }
    }

    @Test func refusalsNameTheLimit() throws {
        let now = try Samples.time("2026-11-21")
        let refusals: [(LockRefusal, String)] = [
            (.modeTooWeak(requested: .governance, policy: .compliance), "GOVERNANCE"),
            (.tooShort(until: now, minimum: policy.minimum), "1s"),
            (.tooLong(until: now, maximum: policy.maximum), "100y"),
            (.inThePast(until: now, now: now), "in the past"),
            (.beyondCalendar, "9999"),
        ]
        for (refusal, word) in refusals { #expect(refusal.description.contains(word)) }
    }
}

/// What may have been asked for, where only the lock is known.
@Suite struct LockRequestMatchingTests {
    private func request(_ mode: RetentionMode?, _ retain: String?) throws -> LockRequest {
        guard let retain else { return LockRequest(mode: mode) }
        return LockRequest(
            mode: mode,
            retention: .duration(try RetentionDuration(parsing: retain))
        )
    }

    @Test func whatLeadsToTheLockFits() throws {
        let received = try Samples.time("2026-11-21T01:02:03.456Z")
        let until = try Samples.time("2033-11-22T00:00:00Z")
        let lock = try #require(Lock(mode: .compliance, until: until))
        for fitting in [
            try request(nil, nil), try request(.compliance, nil), try request(nil, "7y"),
            try request(.compliance, "7y"), LockRequest(retention: .until(until)),
        ] {
            #expect(fitting.mayHaveGiven(lock, received: received), "\(fitting)")
        }
        for other in [
            try request(.governance, nil), try request(nil, "8y"), try request(nil, "6y"),
            try request(.governance, "7y"),
            LockRequest(retention: .until(try Samples.time("2033-11-21T00:00:00Z"))),
        ] {
            #expect(!other.mayHaveGiven(lock, received: received), "\(other)")
        }
    }

    @Test func whatAwaitsAnEventFitsItsDuration() throws {
        let received = try Samples.time("2026-11-21T01:02:03.456Z")
        let year = try RetentionDuration(1, .years)
        let lock = Lock(mode: .governance, awaiting: try EventName("closed"), then: year)
        #expect(try request(nil, "1y").mayHaveGiven(lock, received: received))
        #expect(try request(.governance, nil).mayHaveGiven(lock, received: received))
        #expect(try !request(nil, "2y").mayHaveGiven(lock, received: received))
        #expect(!LockRequest(retention: .until(received)).mayHaveGiven(lock, received: received))
    }
}
