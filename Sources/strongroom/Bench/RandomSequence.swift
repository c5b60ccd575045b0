internal import Platform

/// Fast pseudo-random numbers for load, not for secrets.
///
/// Reference: SplitMix64, Steele, Lea and Flood, "Fast splittable pseudorandom number generators".
struct RandomSequence: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// Starts at a place that differs from run to run.
    init() {
        state = Random.bytes(count: 8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; the bias of 2^-64 x bound does not matter here.
    mutating func next(below bound: UInt64) -> UInt64 {
        precondition(bound > 0, "nothing is below 0")
        return next().multipliedFullWidth(by: bound).high
    }

    mutating func bytes(count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count {
            let word = next()
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}
