internal import Platform

/// How often and when a request is tried again.
///
/// Full jitter: each wait is anywhere between nothing and a bound that doubles, so that many
/// clients that were refused together do not come back together.
struct Retry: Sendable {
    /// Attempts in all.
    var attempts = 7
    var firstBoundMilliseconds: UInt64 = 100
    var largestBoundMilliseconds: UInt64 = 4000

    /// What a second arrival of the same request does.
    enum Repetition: Sendable {
        /// Nothing more than the first.
        case harmless
        /// It acts again: only what was not acted on may be sent again.
        case actsAgain
    }

    /// Whether a reply says that the same request may succeed within seconds.
    static func isWorthwhile(_ reply: APIReply, _ repetition: Repetition = .harmless) -> Bool {
        switch (reply.status, repetition) {
        // An unsettled clock needs a person, and more wrong tokens only prolong the refusal.
        case (429, _), (503, _):
            // A target was asked several times already.
            let lasting = ["clock-unsettled", "too-many-failures", "target-unavailable"]
            return !lasting.contains(Problem(reply).slug ?? "")
        case (408, .harmless), (502, .harmless), (504, .harmless): return true
        default: return false
        }
    }

    /// The wait before repetition `number`, from 1; `random` is uniform over all values.
    func waitMilliseconds(before number: Int, retryAfterSeconds: Int?, random: UInt64) -> UInt64 {
        let bound = min(
            largestBoundMilliseconds,
            firstBoundMilliseconds << UInt64(min(number - 1, 20))
        )
        let jitter = random.multipliedFullWidth(by: bound + 1).high
        // The server's wish counts, up to ten seconds; the jitter comes on top.
        let floor = UInt64(min(max(retryAfterSeconds ?? 0, 0), 10)) * 1000
        return min(floor, largestBoundMilliseconds * 2) + jitter
    }

    /// Runs `attempt` until it succeeds, fails for good, or all attempts are used.
    ///
    /// What is returned may still be a refusal.
    func run(
        _ repetition: Repetition = .harmless,
        _ attempt: () throws(TransportFailure) -> APIReply
    ) throws(TransportFailure) -> APIReply {
        var number = 0
        while true {
            number += 1
            var retryAfter: Int?
            do throws(TransportFailure) {
                let reply = try attempt()
                guard number < attempts, Self.isWorthwhile(reply, repetition) else {
                    return reply
                }
                retryAfter = reply.retryAfterSeconds
            } catch {
                switch (error, repetition) {
                case (.unreachable, _), (.lost, .harmless):
                    guard number < attempts else { throw error }
                case (.lost, .actsAgain), (.abandoned, _): throw error
                }
            }
            let random = Random.bytes(count: 8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            Clock.sleep(
                milliseconds: waitMilliseconds(
                    before: number,
                    retryAfterSeconds: retryAfter,
                    random: random
                )
            )
        }
    }
}
