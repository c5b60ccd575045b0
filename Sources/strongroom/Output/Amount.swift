/// Numbers as people read them.
enum Amount {
    /// `1.5 MiB`.
    static func bytes(_ count: UInt64) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
        var value = Double(count)
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return unit == 0 ? "\(count) B" : "\(decimal(value, places: 1)) \(units[unit])"
    }

    /// A number with a fixed count of decimal places.
    static func decimal(_ value: Double, places: Int) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
        let scale = (0..<places).reduce(1.0) { power, _ in power * 10 }
        let scaled = Int64((value * scale).rounded())
        let sign = scaled < 0 ? "-" : ""
        let digits = String(abs(scaled))
        guard places > 0 else { return sign + digits }
        let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
        return "\(sign)\(padded.dropLast(places)).\(padded.suffix(places))"
    }

    /// `12,345`.
    static func grouped(_ value: UInt64) -> String {
        var groups: [String] = []
        var digits = Substring(String(value))
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits = digits.dropLast(3)
        }
        return ([String(digits)] + groups).joined(separator: ",")
    }

    /// `3 files`, `1 file`.
    static func count(_ number: some BinaryInteger, _ noun: String) -> String {
        "\(grouped(UInt64(clamping: number))) \(noun)\(number == 1 ? "" : "s")"
    }

    /// `1:05`, `2:00:10`.
    static func time(seconds: Double) -> String {
        guard seconds.isFinite, seconds < 360_000 else { return "--:--" }
        let whole = Int(max(0, seconds).rounded())
        let tail = "\(two(whole / 60 % 60)):\(two(whole % 60))"
        return whole < 3600 ? "\(whole / 60):\(two(whole % 60))" : "\(whole / 3600):\(tail)"
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
