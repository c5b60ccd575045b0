package import Replication

/// Decides whether a request may be sent, out of how those before it went.
///
/// Closed: every request goes out; so many faults in a row open it. Open: nothing goes out for a
/// while. Then one request, the probe, may try: if it succeeds the circuit closes, if not it opens
/// for twice as long. A pure state machine: time is handed in.
///
/// Invariants: at most one probe is under way; an outcome counts only in the phase in which its
/// request was admitted, so that a late one neither closes nor opens what came after.
package struct CircuitBreaker: Sendable {
    package struct Options: Hashable, Sendable {
        /// Faults in a row that open it.
        package var faultLimit = 5
        package var openMilliseconds: UInt64 = 2_000
        /// Doubling ends here.
        package var maximumOpenMilliseconds: UInt64 = 60_000

        package init() {}
    }

    /// A request that was admitted; give it back to `finish`, once.
    package struct Ticket: Hashable, Sendable {
        fileprivate let phase: UInt64
    }

    package enum Admission: Hashable, Sendable {
        case admitted(Ticket)
        case refused(retryAfterMilliseconds: UInt64)
    }

    /// How a request went, as far as the store's health is concerned.
    package enum Outcome: Hashable, Sendable {
        /// The store answered and did its work, be it a refusal.
        case sound
        case fault
        /// The request never came to the store, for a reason of our own.
        case neutral
    }

    private enum State: Hashable, Sendable {
        case closed(faultsInRow: Int)
        case open(untilNanoseconds: UInt64, milliseconds: UInt64)
        /// With how long it was open before.
        case probing(milliseconds: UInt64)
    }

    private let options: Options
    private var state = State.closed(faultsInRow: 0)
    /// Counts changes between the three states.
    private var phase: UInt64 = 0
    /// How often it has opened from closed.
    package private(set) var openings: UInt64 = 0

    package init(_ options: Options = Options()) {
        precondition(options.faultLimit > 0, "a circuit that opens without a fault is of no use")
        self.options = options
    }

    package var circuit: StoreStatistics.Circuit {
        switch state {
        case .closed: .closed
        case .open: .open
        case .probing: .probing
        }
    }

    /// Asks to send a request.
    package mutating func admit(atNanoseconds now: UInt64) -> Admission {
        switch state {
        case .closed: break
        case .open(let until, let milliseconds):
            guard now >= until else {
                return .refused(retryAfterMilliseconds: (until - now + 999_999) / 1_000_000)
            }
            change(to: .probing(milliseconds: milliseconds))
        case .probing(let milliseconds):
            // As long as a probe is under way nobody knows; its deadline is not longer than this.
            return .refused(retryAfterMilliseconds: milliseconds)
        }
        return .admitted(Ticket(phase: phase))
    }

    /// Tells how an admitted request went.
    package mutating func finish(_ ticket: Ticket, _ outcome: Outcome, atNanoseconds now: UInt64) {
        guard ticket.phase == phase else { return }
        switch (state, outcome) {
        case (.closed, .sound): state = .closed(faultsInRow: 0)
        case (.closed, .neutral), (.open, _): break
        case (.closed(let faultsInRow), .fault):
            state = .closed(faultsInRow: faultsInRow + 1)
            guard faultsInRow + 1 >= options.faultLimit else { return }
            openings += 1
            open(at: now, forMilliseconds: options.openMilliseconds)
        case (.probing, .sound): change(to: .closed(faultsInRow: 0))
        case (.probing(let milliseconds), .neutral):
            // The next request is the probe.
            change(to: .open(untilNanoseconds: now, milliseconds: milliseconds))
        case (.probing(let milliseconds), .fault):
            let doubled = milliseconds.multipliedReportingOverflow(by: 2)
            open(at: now, forMilliseconds: doubled.overflow ? .max : doubled.partialValue)
        }
    }

    private mutating func open(at now: UInt64, forMilliseconds wanted: UInt64) {
        let milliseconds = min(wanted, options.maximumOpenMilliseconds)
        let until = now.addingReportingOverflow(milliseconds * 1_000_000)
        change(
            to: .open(
                untilNanoseconds: until.overflow ? .max : until.partialValue,
                milliseconds: milliseconds
            )
        )
    }

    private mutating func change(to next: State) {
        state = next
        phase += 1
    }
}
