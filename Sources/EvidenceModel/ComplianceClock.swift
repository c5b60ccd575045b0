/// The clock that decides about locks: it never goes back, and only running time moves it freely.
///
/// While running it is advanced by the time since boot (`CLOCK_BOOTTIME`, handed in: there is no
/// clock inside). After a start the wall clock may push it forward only out of a budget that grows
/// by 7 days in 365 days of running: whoever sets the wall clock and restarts gains no more than
/// that. Going further takes two persons, or two authenticated times (`clock.resynced`).
public struct ComplianceClock: Hashable, Sendable {
    /// What survives a restart, written at each heartbeat.
    public struct Saved: Hashable, Sendable {
        /// The clock.
        public var value: Timestamp
        /// How far the wall clock may still push it.
        public var budgetMilliseconds: Int64
        /// Running time, below 365 ms, that has not earned budget yet.
        public var carryMilliseconds: Int64

        /// A state as it was written.
        ///
        /// What lies outside the possible is brought to the nearest that is not: a damaged state
        /// never gives more budget than a full one.
        public init(value: Timestamp, budgetMilliseconds: Int64, carryMilliseconds: Int64) {
            self.value = value
            self.budgetMilliseconds = min(
                max(budgetMilliseconds, 0),
                ComplianceClock.maximumBudgetMilliseconds
            )
            self.carryMilliseconds = min(
                max(carryMilliseconds, 0),
                ComplianceClock.earningPeriod - 1
            )
        }

        /// The state of a log that is made now: with a full budget.
        public init(newLogAt value: Timestamp) {
            self.init(
                value: value,
                budgetMilliseconds: ComplianceClock.maximumBudgetMilliseconds,
                carryMilliseconds: 0
            )
        }
    }

    /// The largest budget, and what a year of 365 days of running earns: 7 days.
    public static let maximumBudgetMilliseconds: Int64 = 7 * 86_400_000

    /// 7 ms of budget are earned by each 365 ms of running.
    private static let earningPeriod: Int64 = 365
    private static let earnedPerPeriod: Int64 = 7
    private static let nanosecondsPerMillisecond: UInt64 = 1_000_000

    /// The clock at `anchorNanoseconds`; later it is this and the time since.
    private var value: Timestamp
    /// Up to here running time has been counted: into the clock, and into the budget.
    private var anchorNanoseconds: UInt64
    private var carryMilliseconds: Int64
    /// Neither a state nor a record says what time it is: the first wall clock does.
    private var isNew: Bool
    private var isSettled = false

    /// How far the wall clock may push the clock at this start, or at the next.
    public private(set) var budgetMilliseconds: Int64

    /// The clock at a start: the later of what was saved and the newest record's time.
    ///
    /// `saved`: `nil` if the state is lost; the budget begins at 0 then. `lastReceived`: `nil` in a
    /// log without records; with neither of them the log is new, and its budget full.
    public init(saved: Saved?, lastReceived: Timestamp?, bootNanoseconds: UInt64) {
        value = max(saved?.value ?? .earliest, lastReceived ?? .earliest)
        anchorNanoseconds = bootNanoseconds
        isNew = saved == nil && lastReceived == nil
        budgetMilliseconds =
            isNew ? Self.maximumBudgetMilliseconds : saved?.budgetMilliseconds ?? 0
        carryMilliseconds = saved?.carryMilliseconds ?? 0
    }

    /// Lets the wall clock push the clock forward, once after a start.
    ///
    /// Only if the budget leaves at most 24 hours of difference: else nothing would be gained, and
    /// the budget lost. A wall clock that is behind changes nothing. Further calls do nothing.
    public mutating func settle(wall: Timestamp?) {
        guard let wall, !isSettled else { return }
        isSettled = true
        if isNew {
            value = max(value, wall)
            isNew = false
            return
        }
        let difference = wall.milliseconds - value.milliseconds
        guard difference > 0,
            difference - budgetMilliseconds <= ClockReading.toleranceMilliseconds
        else { return }
        let push = min(difference, budgetMilliseconds)
        value = Timestamp(unchecked: value.milliseconds + push)
        budgetMilliseconds -= push
    }

    /// The clock, so many nanoseconds after boot; it stops at the end of the calendar.
    public func now(bootNanoseconds: UInt64) -> Timestamp {
        guard bootNanoseconds > anchorNanoseconds else { return value }
        let running = (bootNanoseconds - anchorNanoseconds) / Self.nanosecondsPerMillisecond
        return value.adding(milliseconds: Int64(running)) ?? .latest
    }

    /// Moves the clock forward to what a `clock.resynced` record says; never back.
    public mutating func raise(to time: Timestamp, bootNanoseconds: UInt64) {
        count(upTo: bootNanoseconds)
        guard time > value else { return }
        value = time
        isNew = false
    }

    /// Both clocks.
    public func reading(wall: Timestamp?, bootNanoseconds: UInt64) -> ClockReading {
        ClockReading(compliance: now(bootNanoseconds: bootNanoseconds), wall: wall)
    }

    /// What the heartbeat keeps; counts the running time since the last call into the budget.
    public mutating func saved(bootNanoseconds: UInt64) -> Saved {
        count(upTo: bootNanoseconds)
        return Saved(
            value: value,
            budgetMilliseconds: budgetMilliseconds,
            carryMilliseconds: carryMilliseconds
        )
    }

    /// Moves the anchor by whole milliseconds; what is left of one is counted with the next.
    private mutating func count(upTo bootNanoseconds: UInt64) {
        guard bootNanoseconds > anchorNanoseconds else { return }
        let running = (bootNanoseconds - anchorNanoseconds) / Self.nanosecondsPerMillisecond
        value = now(bootNanoseconds: bootNanoseconds)
        anchorNanoseconds += running * Self.nanosecondsPerMillisecond
        let counted = carryMilliseconds + Int64(running)
        carryMilliseconds = counted % Self.earningPeriod
        budgetMilliseconds = min(
            budgetMilliseconds + counted / Self.earningPeriod * Self.earnedPerPeriod,
            Self.maximumBudgetMilliseconds
        )
    }
}

extension ComplianceClock.Saved {
    /// The members `budgetMilliseconds`, `carryMilliseconds`, `value`.
    public var json: JSONObject {
        [
            "budgetMilliseconds": .integer(budgetMilliseconds),
            "carryMilliseconds": .integer(carryMilliseconds),
            "value": .string(value.rfc3339),
        ]
    }

    /// Reads what `json` wrote; `nil` for anything else.
    public init?(json: JSONObject) {
        guard json.members.count == 3,
            case .integer(let budget)? = json["budgetMilliseconds"],
            (0...ComplianceClock.maximumBudgetMilliseconds).contains(budget),
            case .integer(let carry)? = json["carryMilliseconds"],
            (0..<ComplianceClock.earningPeriod).contains(carry),
            case .string(let text)? = json["value"], let value = Timestamp(rfc3339: text)
        else { return nil }
        self.init(value: value, budgetMilliseconds: budget, carryMilliseconds: carry)
    }
}
