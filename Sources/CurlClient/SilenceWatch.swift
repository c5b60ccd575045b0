/// Notices that no byte has passed for too long.
struct SilenceWatch {
    private let limitNanoseconds: UInt64?
    private var byteCount: Int = 0
    private var changedNanoseconds: UInt64?
    private(set) var isOver = false

    init(limitMilliseconds: Int?) {
        limitNanoseconds = limitMilliseconds.map { UInt64(max(0, $0)) * 1_000_000 }
    }

    /// Counts from here.
    mutating func start(at nanoseconds: UInt64) {
        changedNanoseconds = nanoseconds
    }

    /// Whether the transfer may go on, after so many bytes in both directions.
    mutating func goesOn(byteCount: Int, at nanoseconds: UInt64) -> Bool {
        guard let limitNanoseconds else { return true }
        if byteCount != self.byteCount || changedNanoseconds == nil {
            self.byteCount = byteCount
            changedNanoseconds = nanoseconds
        }
        let since = nanoseconds - (changedNanoseconds ?? nanoseconds)
        isOver = since > limitNanoseconds
        return !isOver
    }
}
