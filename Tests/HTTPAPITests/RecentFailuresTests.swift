import Testing

@testable import HTTPAPI

@Suite struct RecentFailuresTests {
    private static let second: UInt64 = 1_000_000_000
    private static let start: UInt64 = 500 * second
    private static let one = ClientAddress("192.0.2.1:1000")
    private static let other = ClientAddress("192.0.2.2:1000")

    /// Failures at the given seconds, then how long a try at another second has to wait.
    @Test(arguments: [
        ([], 0, nil),
        (Array(repeating: 0, count: 9), 0, nil),
        (Array(repeating: 0, count: 10), 0, 60),
        (Array(repeating: 0, count: 10), 59, 1),
        (Array(repeating: 0, count: 10), 60, nil),
        (Array(repeating: 0, count: 50), 30, 30),
        (Array(0..<10), 10, 50),
        (Array(0..<10), 59, 1),
        (Array(0..<10), 60, nil),
        // The window slides: each failure counts for its own minute.
        (Array(0..<10) + [60], 60, 1),
        (Array(0..<10) + [60], 61, nil),
        (Array(0..<20), 20, 50),
        ([0, 0, 0, 0, 0, 50, 50, 50, 50, 50], 55, 5),
        ([0, 0, 0, 0, 0, 50, 50, 50, 50, 50], 61, nil),
        ([0, 0, 0, 0, 0, 50, 50, 50, 50, 50, 61, 61, 61, 61, 61], 62, 48),
        ([0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000], 1000, nil),
    ])
    func tenAMinuteAreEnough(failures: [Int], at: Int, wait: Int?) {
        var recent = RecentFailures()
        for time in failures {
            recent.add(Self.one, at: Self.start + UInt64(time) * Self.second)
        }
        let now = Self.start + UInt64(at) * Self.second
        #expect(recent.waitSeconds(for: Self.one, at: now) == wait)
        #expect(recent.waitSeconds(for: Self.other, at: now) == nil)
    }

    @Test func waitsAreRoundedUpToASecond() {
        var recent = RecentFailures()
        for _ in 0..<10 { recent.add(Self.one, at: Self.start) }
        let end = Self.start + 60 * Self.second
        for (now, wait) in [(end - 1, 1), (end - Self.second, 1), (end - Self.second - 1, 2)] {
            #expect(recent.waitSeconds(for: Self.one, at: now) == wait)
        }
        #expect(recent.waitSeconds(for: Self.one, at: end) == nil)
        // Another thread's time may be a little older.
        #expect(recent.waitSeconds(for: Self.one, at: Self.start - 1) == 61)
    }

    /// Addresses of the same line are the same, of different lines different.
    private static let groups = [
        ["192.0.2.1:80", "192.0.2.1:81", "192.0.2.1", "[::ffff:192.0.2.1]:80", "::ffff:c000:201"],
        ["192.0.2.2:80", "[::FFFF:192.0.2.2]:443", "0:0:0:0:0:ffff:192.0.2.2"],
        ["[2001:db8::1]:80", "[2001:db8::2]:80", "2001:db8:0:0:ffff:ffff:ffff:ffff", "2001:db8::"],
        ["[2001:db8:0:1::1]:80", "2001:db8:0:1::", "2001:0db8:0000:0001:8000::192.0.2.1"],
        ["[::1]:80", "::", "::1", "[::fffe:0:1%lo]:80", "::192.0.2.1", "0:0:0:0:1:2:3:4"],
        ["[fe80::1%eth0]:80", "fe80::2%eth1", "[fe80::]"],
        [
            "", "unix", "192.0.2", "192.0.2.256:80", "192.0.2.1.1", "1.2.3.4:5:6", "[", "[]:80",
            ":",
            ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::12345", "::g", ":1::2",
            "1::2:", "1:2:3:4:5:6:7::8", "::1.2.3", "1.2.3.4::", "::+1", "192.0.2.-1", "192..2.1",
            "::1.2.3.4:1", "192.0.2.0001",
        ],
    ]

    @Test func addressesAreTheHostOrItsNetwork() {
        for (number, group) in Self.groups.enumerated() {
            for text in group {
                let address = ClientAddress(text)
                for (other, texts) in Self.groups.enumerated() {
                    for same in texts {
                        #expect(
                            (address == ClientAddress(same)) == (number == other),
                            "\(text) and \(same)"
                        )
                    }
                }
            }
        }
    }

    @Test func theAddressThatFailedLongestAgoIsForgottenFirst() {
        var failures = RecentFailures()
        let limit = RecentFailures.addressLimit
        func address(_ number: Int) -> ClientAddress {
            ClientAddress("10.\(number >> 16).\(number >> 8 & 255).\(number & 255):1")
        }
        for _ in 0..<10 { failures.add(address(0), at: Self.start) }
        for _ in 0..<10 { failures.add(address(1), at: Self.start) }
        for number in 2..<limit { failures.add(address(number), at: Self.start + 1) }
        // The first one fails again: now the second one is the oldest.
        failures.add(address(0), at: Self.start + 2)
        #expect(failures.addressCount == limit)
        #expect(failures.waitSeconds(for: address(0), at: Self.start + 2) != nil)
        #expect(failures.waitSeconds(for: address(1), at: Self.start + 2) != nil)
        failures.add(address(limit), at: Self.start + 3)
        #expect(failures.addressCount == limit)
        #expect(failures.waitSeconds(for: address(0), at: Self.start + 3) != nil)
        #expect(failures.waitSeconds(for: address(1), at: Self.start + 3) == nil)
        // All others go before the first one does.
        for number in 1...(limit - 2) {
            failures.add(address(limit + number), at: Self.start + 4)
        }
        #expect(failures.waitSeconds(for: address(0), at: Self.start + 4) != nil)
        failures.add(address(3 * limit), at: Self.start + 5)
        #expect(failures.waitSeconds(for: address(0), at: Self.start + 5) == nil)
        #expect(failures.addressCount == limit)
    }

    @Test func itAgreesWithASimpleModel() {
        var failures = RecentFailures()
        var model: [Int: [UInt64]] = [:]
        var state: UInt64 = 42
        var now = Self.start
        for _ in 0..<20_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            now += (state >> 33) % (2 * Self.second)
            let number = Int(state >> 60) % 5
            let address = ClientAddress("10.0.0.\(number)")
            let recent = (model[number] ?? []).suffix(10)
            let isBlocked =
                recent.count == 10
                && recent.allSatisfy {
                    $0 + RecentFailures.windowNanoseconds > now
                }
            #expect((failures.waitSeconds(for: address, at: now) != nil) == isBlocked)
            if !isBlocked {
                failures.add(address, at: now)
                model[number, default: []].append(now)
            }
        }
    }
}
