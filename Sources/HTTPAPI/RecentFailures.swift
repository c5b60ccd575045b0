/// The last failed tries of the addresses that failed last: 10 a minute from each are enough.
///
/// A pure value; `now` is a clock that nobody sets (`Clock.monotonicNanoseconds`).
///
/// Invariants:
/// - At most `addressLimit` addresses; of those, the one whose last failure is the longest ago is
///   forgotten for a new one. So an attacker with more addresses than that is limited by their
///   count, not by this; tokens are too long to be found by trying.
/// - `slots` are linked in the order of their last failures, from `oldest` to `newest`.
struct RecentFailures: Sendable {
    static let limit = 10
    static let windowNanoseconds: UInt64 = 60_000_000_000
    static let addressLimit = 4096

    /// The failures of one address.
    private struct Slot {
        var address: ClientAddress
        /// A ring of the last failures; `count` says how many there were at all.
        var times = InlineArray<10, UInt64>(repeating: 0)
        var count = 0
        var older: Int?
        var newer: Int?

        mutating func add(_ time: UInt64) {
            times[count % limit] = time
            count += 1
        }

        /// The failure that must be a minute ago before the next try.
        var decisive: UInt64? { count < limit ? nil : times[count % limit] }
    }

    private var slots: [Slot] = []
    private var places: [ClientAddress: Int] = [:]
    private var oldest: Int?
    private var newest: Int?

    /// How many addresses are remembered.
    var addressCount: Int { slots.count }

    /// How many seconds, rounded up, an address has to wait for its next try; nil: it may try.
    func waitSeconds(for address: ClientAddress, at now: UInt64) -> Int? {
        guard let place = places[address], let decisive = slots[place].decisive else { return nil }
        let end = decisive + Self.windowNanoseconds
        return end > now ? Int((end - now + 999_999_999) / 1_000_000_000) : nil
    }

    /// Counts a failure of an address that did not have to wait.
    mutating func add(_ address: ClientAddress, at now: UInt64) {
        let place = places[address] ?? makeRoom(for: address)
        slots[place].add(now)
        unlink(place)
        append(place)
    }

    /// The place of a new address.
    private mutating func makeRoom(for address: ClientAddress) -> Int {
        if slots.count == Self.addressLimit, let place = oldest {
            places[slots[place].address] = nil
            unlink(place)
            slots[place] = Slot(address: address)
            places[address] = place
            return place
        }
        slots.append(Slot(address: address))
        places[address] = slots.count - 1
        return slots.count - 1
    }

    /// Takes a place out of the order; it may not be in it.
    private mutating func unlink(_ place: Int) {
        let (older, newer) = (slots[place].older, slots[place].newer)
        if let older { slots[older].newer = newer }
        if let newer { slots[newer].older = older }
        if oldest == place { oldest = newer }
        if newest == place { newest = older }
        slots[place].older = nil
        slots[place].newer = nil
    }

    /// Puts a place at the end of the order.
    private mutating func append(_ place: Int) {
        slots[place].older = newest
        if let newest { slots[newest].newer = place }
        newest = place
        oldest = oldest ?? place
    }
}
