/// Random bytes from the kernel, fit for keys and salts.
package enum Random {
    /// Fresh random bytes; `SystemRandomNumberGenerator` is getrandom(2) on Linux.
    package static func bytes(count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}
