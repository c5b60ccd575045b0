import Cryptography
import Platform
import TransparencyLog

/// Every node of one full tile: computed once from its 256 hashes, 16 KiB.
final class ExpandedTile: Sendable {
    /// Level k of the tile (0...8) begins at `starts[k]` and has 2^(8 - k) nodes.
    private let nodes: [MerkleHash]
    private static let starts = [0, 256, 384, 448, 480, 496, 504, 508, 510]

    init(hashes: [MerkleHash]) {
        precondition(hashes.count == 256, "a full tile has 256 hashes")
        var nodes = hashes
        nodes.reserveCapacity(511)
        for level in 0..<8 {
            let start = Self.starts[level]
            for position in 0..<(128 >> level) {
                nodes.append(
                    MerkleTree.nodeHash(
                        nodes[start + 2 * position],
                        nodes[start + 2 * position + 1]
                    )
                )
            }
        }
        self.nodes = nodes
    }

    /// The node at `level` above the tile's hashes, counted within the tile.
    func node(level: Int, _ index: Int) -> MerkleHash { nodes[Self.starts[level] + index] }

    var root: MerkleHash { nodes[510] }
}

/// The expanded tiles that were asked for last, a bounded number.
///
/// Second-chance replacement: a hit sets a mark, the hand clears it once before it evicts.
final class TileCache: Sendable {
    struct Key: Hashable, Sendable {
        let level: Int
        let index: UInt64
    }

    private struct Slot {
        let key: Key
        let tile: ExpandedTile
        var wasUsed: Bool
    }

    private struct State {
        var places: [Key: Int] = [:]
        var slots: [Slot] = []
        var hand = 0
    }

    private let capacity: Int
    private let state = Mutex(State())

    init(capacity: Int) {
        precondition(capacity > 0, "a cache needs room for one tile")
        self.capacity = capacity
    }

    func tile(_ key: Key) -> ExpandedTile? {
        state.withLock { state in
            guard let place = state.places[key] else { return nil }
            state.slots[place].wasUsed = true
            return state.slots[place].tile
        }
    }

    func insert(_ tile: ExpandedTile, for key: Key) {
        state.withLock { state in
            guard state.places[key] == nil else { return }
            let slot = Slot(key: key, tile: tile, wasUsed: false)
            if state.slots.count < capacity {
                state.places[key] = state.slots.count
                state.slots.append(slot)
                return
            }
            while state.slots[state.hand].wasUsed {
                state.slots[state.hand].wasUsed = false
                state.hand = (state.hand + 1) % capacity
            }
            state.places[state.slots[state.hand].key] = nil
            state.places[key] = state.hand
            state.slots[state.hand] = slot
            state.hand = (state.hand + 1) % capacity
        }
    }
}
