import Platform

/// Blocks of runs that were read and checked, as many as fit into a bound.
///
/// In two halves: what was asked for since the halves changed, and what was before; when the first
/// is full the second goes.
final class RunBlockCache: Sendable {
    struct Key: Hashable, Sendable {
        let run: UInt64
        let offset: UInt64
    }

    enum Content: Sendable {
        case entries([UInt8])
        case node(RunNode)
        case ranks([UInt32])
        case filter([UInt8])
    }

    private struct Half {
        var blocks: [Key: (content: Content, bytes: Int)] = [:]
        var bytes = 0
    }

    private struct State {
        var young = Half()
        var old = Half()
        var nextRun: UInt64 = 0
    }

    private let limitBytes: Int
    private let state = Mutex(State())

    init(limitBytes: Int) {
        self.limitBytes = limitBytes
    }

    /// A number that no other run has.
    func newRun() -> UInt64 {
        state.withLock { state in
            state.nextRun += 1
            return state.nextRun
        }
    }

    func content(_ key: Key) -> Content? {
        state.withLock { state in
            if let found = state.young.blocks[key] { return found.content }
            guard let found = state.old.blocks[key] else { return nil }
            insert(key, found.content, found.bytes, &state)
            return found.content
        }
    }

    func insert(_ key: Key, _ content: Content, bytes: Int) {
        state.withLock { state in insert(key, content, bytes, &state) }
    }

    private func insert(_ key: Key, _ content: Content, _ bytes: Int, _ state: inout State) {
        if state.young.bytes + bytes > limitBytes / 2 {
            state.old = state.young
            state.young = Half()
        }
        guard state.young.blocks.updateValue((content, bytes), forKey: key) == nil else { return }
        state.young.bytes += bytes
    }
}
