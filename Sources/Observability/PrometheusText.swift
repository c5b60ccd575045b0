/// Writes metrics in the text format that Prometheus scrapes.
///
/// A family is written as a whole, its samples together, as the format demands. Names and labels
/// are the program's own: a bad one is a programmer error and traps. Label values may be anything.
/// Reference: Prometheus exposition formats, text format 0.0.4.
package struct PrometheusText: Sendable {
    /// What to send as Content-Type.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// One name and value that tells samples of a family apart.
    package struct Label: Sendable {
        package let name: String
        package let value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// One value of a family.
    package struct Sample: Sendable {
        package let labels: [Label]
        package let value: Double

        package init(_ value: Double, _ labels: [Label] = []) {
            self.labels = labels
            self.value = value
        }

        package init(count: UInt64, _ labels: [Label] = []) {
            self.init(Double(count), labels)
        }
    }

    /// A distribution: how many observations were at or below each bound.
    package struct Histogram: Sendable {
        package let labels: [Label]
        /// Ascending, finite; the bucket of all (`+Inf`) is added by itself.
        package let upperBounds: [Double]
        /// Observations in each bucket alone (not cumulative), one more than there are bounds.
        package let counts: [UInt64]
        package let sum: Double

        package init(
            upperBounds: [Double],
            counts: [UInt64],
            sum: Double,
            labels: [Label] = []
        ) {
            precondition(counts.count == upperBounds.count + 1, "one bucket more than bounds")
            self.labels = labels
            self.upperBounds = upperBounds
            self.counts = counts
            self.sum = sum
        }
    }

    private var bytes: [UInt8] = []
    private var names: Set<String> = []

    package init() {}

    /// The document so far.
    package var document: [UInt8] { bytes }

    /// Writes a counter family; the name ends in `_total`.
    package mutating func counter(_ name: String, help: String, _ samples: [Sample]) {
        precondition(name.hasSuffix("_total"), "a counter's name ends in _total: \(name)")
        family(name, type: "counter", help: help)
        for sample in samples { line(name, sample.labels, sample.value) }
    }

    /// Writes a counter of one sample.
    package mutating func counter(_ name: String, help: String, _ value: UInt64) {
        counter(name, help: help, [Sample(count: value)])
    }

    /// Writes a gauge family.
    package mutating func gauge(_ name: String, help: String, _ samples: [Sample]) {
        precondition(!name.hasSuffix("_total"), "_total is for counters: \(name)")
        family(name, type: "gauge", help: help)
        for sample in samples { line(name, sample.labels, sample.value) }
    }

    /// Writes a gauge of one sample.
    package mutating func gauge(_ name: String, help: String, _ value: Double) {
        gauge(name, help: help, [Sample(value)])
    }

    /// Writes a histogram family.
    package mutating func histogram(_ name: String, help: String, _ samples: [Histogram]) {
        family(name, type: "histogram", help: help)
        for sample in samples {
            var cumulative: UInt64 = 0
            for (place, count) in sample.counts.enumerated() {
                cumulative += count
                let bound =
                    place < sample.upperBounds.count
                    ? Self.number(sample.upperBounds[place]) : "+Inf"
                line(name + "_bucket", sample.labels + [Label("le", bound)], Double(cumulative))
            }
            line(name + "_sum", sample.labels, sample.sum)
            line(name + "_count", sample.labels, Double(cumulative))
        }
    }

    private mutating func family(_ name: String, type: String, help: String) {
        precondition(Self.isName(name), "not a metric name: \(name)")
        precondition(names.insert(name).inserted, "metric family written twice: \(name)")
        bytes += "# HELP \(name) ".utf8
        Self.append(help, escapingQuotes: false, to: &bytes)
        bytes += "\n# TYPE \(name) \(type)\n".utf8
    }

    private mutating func line(_ name: String, _ labels: [Label], _ value: Double) {
        bytes += name.utf8
        if !labels.isEmpty {
            for (place, label) in labels.enumerated() {
                precondition(Self.isName(label.name), "not a label name: \(label.name)")
                bytes += (place == 0 ? "{" : ",").utf8
                bytes += label.name.utf8
                bytes += "=\"".utf8
                Self.append(label.value, escapingQuotes: true, to: &bytes)
                bytes += "\"".utf8
            }
            bytes += "}".utf8
        }
        bytes += " \(Self.number(value))\n".utf8
    }

    /// Whole numbers without a fraction, so that counts read as counts.
    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value) { return String(whole) }
        return "\(value)"
    }

    private static func isName(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "_"):
                true
            default: false
            }
        }
    }

    private static func append(_ text: String, escapingQuotes: Bool, to bytes: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): bytes += #"\\"#.utf8
            case UInt8(ascii: "\n"): bytes += #"\n"#.utf8
            case UInt8(ascii: "\"") where escapingQuotes: bytes += #"\""#.utf8
            default: bytes.append(byte)
            }
        }
    }
}
