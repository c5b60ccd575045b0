import EvidenceModel
import TransparencyLog

/// Finds the newest records among journal objects, some of which may be strays.
///
/// A node that lost the race for the register leaves objects with other records and valid
/// signatures. Which object goes on from a tree cannot be told by its key; but a checkpoint binds
/// all records below it, so an object whose own checkpoint is that of another tree leads nowhere
/// from here, and what a goal's root does not confirm is given up. Belongs to one thread.
final class JournalSearch {
    /// A journal object, as its key tells.
    struct Object: Sendable {
        let first: UInt64
        let count: UInt64
        let found: ObjectWalk.Found

        var end: UInt64 { first + count }
    }

    /// What is of use in it.
    struct Content {
        let records: [[UInt8]]
        /// `nil` if the log's key has not signed it.
        let checkpoint: SignedCheckpoint?
    }

    /// A tree, and the records that led there.
    struct Way {
        var tree: CompactRange
        var records: [[UInt8]] = []
        /// The newest checkpoint that was met on the way and that is this tree's.
        var head: SignedCheckpoint?
    }

    /// In the order of their first records.
    let objects: [Object]
    private let read: (Object) throws(RestorationError) -> Content?
    private var contents: [ObjectKey: Content?] = [:]

    init(
        _ objects: [Object],
        read: @escaping (Object) throws(RestorationError) -> Content?
    ) {
        self.objects = objects.sorted { ($0.first, $0.count) < ($1.first, $1.count) }
        self.read = read
    }

    /// An object's content; `nil` if it is damaged.
    func content(_ object: Object) throws(RestorationError) -> Content? {
        if let known = contents[object.found.key] { return known }
        let content = try read(object)
        contents[object.found.key] = .some(content)
        return content
    }

    /// Lets go of what was read.
    func forget() { contents = [:] }

    /// How far objects without gaps lead from `size`, whatever is in them.
    func reach(from size: UInt64) -> UInt64 {
        var end = size
        for object in objects where object.first <= end { end = max(end, object.end) }
        return end
    }

    /// The records that lead from a tree to exactly that of a checkpoint; `nil` if none do.
    func way(
        from start: CompactRange,
        to goal: SignedCheckpoint
    ) throws(RestorationError) -> Way? {
        var found: Way?
        try explore(from: Way(tree: start), upTo: goal.checkpoint.size.value) { way in
            guard way.tree.size == goal.checkpoint.size, way.tree.root == goal.checkpoint.root
            else { return true }
            found = way
            found?.head = goal
            return false
        }
        return found
    }

    /// The most records beyond a tree that a signed checkpoint of their own proves.
    ///
    /// - Returns: A way without `head` if nothing proves even the tree itself.
    func farthest(from start: CompactRange) throws(RestorationError) -> Way {
        var best = Way(tree: start)
        for object in objects where object.end == start.size.value {
            let checkpoint = try content(object)?.checkpoint
            if let checkpoint, checkpoint.checkpoint.size == start.size,
                checkpoint.checkpoint.root == start.root
            {
                best.head = checkpoint
            }
        }
        try explore(from: Way(tree: start), upTo: .max) { way in
            if let head = way.head, head.checkpoint.size == way.tree.size,
                way.tree.size > best.tree.size
            {
                best = way
            }
            return true
        }
        return best
    }

    /// Objects beyond `size` that were read and hold other records than `records`, which begin at
    /// `first`.
    func strays(beside records: [[UInt8]], from first: UInt64) -> [Object] {
        objects.filter { object in
            guard object.end > first, let content = contents[object.found.key] ?? nil else {
                return false
            }
            let end = min(object.end, first + UInt64(records.count))
            let begin = max(object.first, first)
            guard begin < end else { return false }
            return (begin..<end).contains { index in
                content.records[Int(index - object.first)] != records[Int(index - first)]
            }
        }
    }

    // MARK: Going on

    /// Follows every way once, the longest objects first.
    ///
    /// `visit`: tells whether to look further.
    private func explore(
        from start: Way,
        upTo limit: UInt64,
        _ visit: (Way) -> Bool
    ) throws(RestorationError) {
        struct Place: Hashable {
            let size: TreeSize
            let root: MerkleHash
        }
        var ways = [start]
        var seen: Set<Place> = [Place(size: start.tree.size, root: start.tree.root)]
        while let way = ways.popLast() {
            guard visit(way) else { return }
            let size = way.tree.size.value
            guard size < limit else { continue }
            for object in objects where object.first <= size && size < object.end {
                guard let next = try extended(way, by: object, upTo: limit) else { continue }
                let place = Place(size: next.tree.size, root: next.tree.root)
                if seen.insert(place).inserted { ways.append(next) }
            }
        }
    }

    private func extended(
        _ way: Way,
        by object: Object,
        upTo limit: UInt64
    ) throws(RestorationError) -> Way? {
        guard let content = try content(object) else { return nil }
        var next = way
        let end = min(object.end, limit)
        let begin = Int(way.tree.size.value - object.first)
        for record in content.records[begin..<Int(end - object.first)] {
            next.tree.append(MerkleTree.leafHash(record.span))
            next.records.append(record)
        }
        if let head = content.checkpoint, head.checkpoint.size == next.tree.size {
            guard head.checkpoint.root == next.tree.root else { return nil }
            next.head = head
        }
        return next
    }
}
