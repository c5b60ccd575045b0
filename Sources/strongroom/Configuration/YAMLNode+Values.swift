internal import EvidenceModel
internal import YAMLReader

// Values of the configuration that YAML has no word for.
extension YAMLNode {
    /// A whole number within limits.
    func int(in range: ClosedRange<Int>) throws(YAMLError) -> Int {
        let number = try int()
        guard range.contains(number) else {
            throw YAMLError(
                position,
                "\(number) is out of range: \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return number
    }

    /// A whole number within limits that do not reach below 0.
    func count(in range: ClosedRange<Int>) throws(YAMLError) -> UInt64 {
        UInt64(try int(in: range))
    }

    /// A size: `5 GiB`, `64 MiB`, `512 KiB`, or a bare number of bytes.
    func bytes(in range: ClosedRange<UInt64>) throws(YAMLError) -> UInt64 {
        let text = try string()
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        let units: [Substring: UInt64] = [
            "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
        ]
        guard parts.count <= 2, parts[0].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let count = UInt64(parts[0]), let unit = parts.count == 2 ? units[parts[1]] : 1
        else { throw YAMLError(position, "a size is expected, such as 64 MiB or 5 GiB") }
        let (size, overflow) = count.multipliedReportingOverflow(by: unit)
        guard !overflow, range.contains(size) else {
            throw YAMLError(
                position,
                "\(text) is out of range: \(Amount.bytes(range.lowerBound)) to "
                    + Amount.bytes(range.upperBound)
            )
        }
        return size
    }

    /// A duration as everywhere in Strongroom: `90s 30m 12h 30d 7y`.
    func duration() throws(YAMLError) -> RetentionDuration {
        try parsed { (text) throws(LimitViolation) in try RetentionDuration(parsing: text) }
    }

    /// A duration of a fixed number of seconds: `90s 30m 12h 30d`.
    func seconds() throws(YAMLError) -> UInt64 {
        let duration = try duration()
        let unit: Int64 =
            switch duration.unit {
            case .seconds: 1
            case .minutes: 60
            case .hours: 3600
            case .days: 86_400
            case .years: throw YAMLError(position, "years differ in length here: give days")
            }
        return UInt64(duration.count * unit)
    }

    /// A text that one of the model's types takes.
    func parsed<Value>(
        _ parse: (String) throws(LimitViolation) -> Value
    ) throws(YAMLError) -> Value {
        let text = try string()
        do throws(LimitViolation) {
            return try parse(text)
        } catch {
            throw YAMLError(position, "\(error)")
        }
    }
}
