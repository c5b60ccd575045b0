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

    /// Whether a reply says that the same request may succeed later.
    static func isWorthwhile(status: Int) -> Bool { [408, 429, 502, 503, 504].contains(status) }

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
        _ attempt: () throws(TransportFailure) -> APIReply
    ) throws(TransportFailure) -> APIReply {
        var number = 0
        while true {
            number += 1
            var retryAfter: Int?
            do throws(TransportFailure) {
                let reply = try attempt()
                guard number < attempts, Self.isWorthwhile(status: reply.status) else {
                    return reply
                }
                retryAfter = reply.retryAfterSeconds
            } catch {
                guard number < attempts, case .unreachable = error else { throw error }
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
