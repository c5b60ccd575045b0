/// The number of a record within its collection: 1 for the first, without gaps, below 2^53.
public struct SequenceNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number of a collection's first record.
    public static let first = SequenceNumber(unchecked: 1)

    /// The number.
    public let value: UInt64

    /// `nil` for zero and from 2^53 on.
    public init?(_ value: UInt64) {
        guard value >= 1, value <= UInt64(JSONValue.maximumInteger) else { return nil }
        self.value = value
    }

    private init(unchecked value: UInt64) {
        self.value = value
    }

    /// The number of the record that follows.
    public var next: SequenceNumber {
        precondition(value < UInt64(JSONValue.maximumInteger), "more than 2^53 - 1 records")
        return SequenceNumber(unchecked: value + 1)
    }

    /// Orders by number.
    public static func < (left: SequenceNumber, right: SequenceNumber) -> Bool {
        left.value < right.value
    }

    /// The number in decimal.
    public var description: String { "\(value)" }
}
