/// How long requests took, in buckets no wider than 1/128 of their value.
///
/// Bounded memory for any number of requests; a percentile is at most 0.8 % too high.
struct LatencyHistogram: Sendable {
    private static let subBuckets = 128
    /// Values to 2^40 ns (18 minutes) are told apart; longer ones count as that.
    private static let largestExponent = 40

    private var counts = [UInt64](
        repeating: 0,
        count: (largestExponent - 6) * subBuckets
    )
    private(set) var count: UInt64 = 0

    mutating func record(nanoseconds: UInt64) {
        counts[Self.bucket(nanoseconds)] += 1
        count += 1
    }

    mutating func add(_ other: LatencyHistogram) {
        for place in counts.indices { counts[place] += other.counts[place] }
        count += other.count
    }

    /// The time within which the given share of requests was answered, in milliseconds.
    func milliseconds(percentile: Double) -> Double {
        guard count > 0 else { return 0 }
        let wanted = max(1, UInt64((Double(count) * percentile / 100).rounded(.up)))
        var seen: UInt64 = 0
        for (place, here) in counts.enumerated() {
            seen += here
            if seen >= wanted { return Double(Self.upperBound(place)) / 1_000_000 }
        }
        return Double(Self.upperBound(counts.count - 1)) / 1_000_000
    }

    /// Below 128 a bucket a value; above, 128 buckets for each doubling.
    private static func bucket(_ value: UInt64) -> Int {
        let value = min(value, 1 << UInt64(largestExponent) - 1)
        guard value >= UInt64(subBuckets) else { return Int(value) }
        let exponent = 63 - value.leadingZeroBitCount
        let shift = exponent - 7
        return (shift + 1) * subBuckets + Int(value >> UInt64(shift)) - subBuckets
    }

    private static func upperBound(_ bucket: Int) -> UInt64 {
        guard bucket >= subBuckets else { return UInt64(bucket) }
        let shift = bucket / subBuckets - 1
        let within = UInt64(bucket % subBuckets + subBuckets)
        return (within + 1) << UInt64(shift) - 1
    }
}
