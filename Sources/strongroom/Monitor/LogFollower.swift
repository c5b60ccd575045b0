internal import Cryptography
internal import EvidenceModel
internal import Platform
internal import TransparencyLog

/// Follows one log from outside: reads what is new, proves it against what is signed, judges it.
///
/// Invariant: nothing gets into the state that was not proven to be in a tree that the log signed
/// and that begins with everything before it. A step is
///
/// 1. records are read and hashed, and their tree compared with the signed root, through a
///    consistency proof that is made of the server's tiles where the signed tree goes on;
/// 2. the tiles that they fill are compared with those that are served;
/// 3. every record is judged (`LogAudit`);
/// 4. the step is committed.
///
/// What fails is read a second time first: a broken transfer is no violation. Thread: one.
final class LogFollower {
    /// How a pass ended that has not ended well.
    enum Failure: Error {
        case violation(MonitorViolation)
        case failed(CommandFailure)
    }

    /// What a pass has found.
    struct Summary: Equatable {
        let origin: String
        let size: TreeSize
        let root: MerkleHash
        let newCount: UInt64
        let actCount: UInt64
        let tileCount: UInt64
        let unjudged: LogAudit.Unjudged
        let lastReceived: Timestamp
        let isClosed: Bool
    }

    let state: MonitorState
    let reader: LogReader
    private let keys: [VerifierKey]
    private let comparesTiles: Bool
    /// Asked between requests; true ends a pass early.
    private let isStopping: () -> Bool
    /// Told of every record that is proven and judged.
    private let observer: (any LogObserver)?

    private var tileCount: UInt64 = 0

    /// A cache in front of the server may be behind for a moment.
    private static let cacheMilliseconds: UInt64 = 1_000

    init(
        _ state: MonitorState,
        _ reader: LogReader,
        keys: [VerifierKey],
        comparesTiles: Bool,
        observer: (any LogObserver)? = nil,
        isStopping: @escaping () -> Bool = { false }
    ) {
        self.state = state
        self.reader = reader
        self.keys = keys
        self.comparesTiles = comparesTiles
        self.observer = observer
        self.isStopping = isStopping
    }

    /// Looks at the log once.
    ///
    /// - Throws: `violation`: what the log was caught at, now or before; the state keeps it.
    ///   `failed`: nothing was found out, but what was judged so far is kept.
    func pass(at now: Timestamp?) throws(Failure) -> Summary {
        if let kept = state.violation { throw .violation(kept) }
        do throws(Failure) {
            return try look(at: now)
        } catch {
            guard case .violation(let violation) = error, violation.isKept else { throw error }
            try failing { () throws(CommandFailure) in try state.keep(violation) }
            throw error
        }
    }

    private func look(at now: Timestamp?) throws(Failure) -> Summary {
        let before = state.position.edge.size
        tileCount = 0
        let known = try knownCheckpoint()
        var signed = try newest()
        if let known, signed.checkpoint.size < known.checkpoint.size {
            Clock.sleep(milliseconds: Self.cacheMilliseconds)
            signed = try newest()
            if signed.checkpoint.size < known.checkpoint.size { throw try rollback(signed, known) }
        }
        if let known, signed.checkpoint.size == known.checkpoint.size,
            signed.checkpoint.root != known.checkpoint.root
        {
            throw .violation(fork(signed, known, "of \(known.checkpoint.size) records"))
        }
        let nodes = TileNodes(reader, size: signed.checkpoint.size)
        while state.position.edge.size < signed.checkpoint.size {
            try step(to: signed, known, nodes)
        }
        guard state.position.edge.root == signed.checkpoint.root else {
            throw .violation(fork(signed, known, "of \(signed.checkpoint.size) records"))
        }
        if comparesTiles {
            try compare(state.position.edge.partial, signed)
        }
        let note = signed.encoded
        try failing { () throws(CommandFailure) in try state.keep(pass: now, note: note) }
        return Summary(
            origin: signed.checkpoint.origin,
            size: signed.checkpoint.size,
            root: signed.checkpoint.root,
            newCount: signed.checkpoint.size.value - before.value,
            actCount: state.position.actCount,
            tileCount: tileCount,
            unjudged: state.position.unjudged,
            lastReceived: state.position.order.lastReceived,
            isClosed: state.audit.state.closed != nil
        )
    }

    // MARK: Checkpoints

    private func newest() throws(Failure) -> SignedCheckpoint {
        try failing { () throws(CommandFailure) in
            let text = try reader.checkpoint()
            return try open(text, "the checkpoint at \(reader.server)")
        }
    }

    private func knownCheckpoint() throws(Failure) -> SignedCheckpoint? {
        guard let note = state.position.note else { return nil }
        return try failing { () throws(CommandFailure) in
            try open(note, "the checkpoint in \(state.path)")
        }
    }

    private func open(
        _ text: String,
        _ what: String
    ) throws(CommandFailure) -> SignedCheckpoint {
        do throws(NoteError) {
            let trusted = state.audit.state.keys(following: keys)
            return try SignedCheckpoint.open(text, origin: state.position.origin, keys: trusted)
        } catch {
            throw CommandFailure(
                .verificationFailed,
                "\(what) is not signed by a trusted key of the log: \(error)",
                advice: "take the log's keys from its owner, never from the server; give --key for "
                    + "each while a key is being replaced"
            )
        }
    }

    /// A smaller tree than one that was signed: an older one of this log, or another.
    private func rollback(
        _ signed: SignedCheckpoint,
        _ known: SignedCheckpoint
    ) throws(Failure) -> Failure {
        let (size, last) = (signed.checkpoint.size, known.checkpoint.size)
        var reading = "whether both are of one log is not known"
        if size <= state.position.edge.size {
            let own = try failing { () throws(CommandFailure) in try state.root(at: size) }
            guard own == signed.checkpoint.root else {
                return .violation(fork(signed, known, "that do not begin with the same records"))
            }
            reading =
                "it is an older checkpoint of the same log: a cache shows it, or it was set back"
        }
        var violation = MonitorViolation(
            .rollback,
            "the server shows a tree of \(size) records, and \(last) were signed; \(reading)",
            seen: signed.encoded
        )
        violation.known = known.encoded
        return .violation(violation)
    }

    func fork(
        _ signed: SignedCheckpoint,
        _ known: SignedCheckpoint?,
        _ what: String
    ) -> MonitorViolation {
        var violation = MonitorViolation(
            .fork,
            "two trees \(what) are signed, with the roots \(signed.checkpoint.root.base64) and "
                + (known?.checkpoint.root ?? state.position.edge.root).base64,
            seen: signed.encoded
        )
        violation.known = known?.encoded
        return violation
    }

    // MARK: Steps

    private func step(
        to signed: SignedCheckpoint,
        _ known: SignedCheckpoint?,
        _ nodes: TileNodes
    ) throws(Failure) {
        let edge = state.position.edge
        // The tree that was seen before must be come by.
        var end = signed.checkpoint.size
        if let known, edge.size < known.checkpoint.size {
            end = min(end, known.checkpoint.size)
        }
        var chunk = try self.chunk(from: edge, upTo: end)
        if try !isProven(chunk, signed, known, nodes) {
            nodes.forget()
            chunk = try self.chunk(from: edge, upTo: end)
            guard try isProven(chunk, signed, known, nodes) else {
                throw .violation(try diagnosis(of: chunk, signed, known, nodes))
            }
        }
        if comparesTiles { try compare(chunk.tiles, signed) }
        try judge(chunk, signed, nodes)
    }

    func chunk(from edge: TileEdge, upTo end: TreeSize) throws(Failure) -> LogChunk {
        try failing { () throws(CommandFailure) in
            try LogChunk(from: edge, upTo: end, reader) { () throws(CommandFailure) in
                if isStopping() { throw CommandFailure(.tryAgain, "ended before all was read") }
            }
        }
    }

    /// Whether the records are those of the trees that are signed.
    private func isProven(
        _ chunk: LogChunk,
        _ signed: SignedCheckpoint,
        _ known: SignedCheckpoint?,
        _ nodes: TileNodes
    ) throws(Failure) -> Bool {
        guard chunk.changed == nil else { return false }
        let root = chunk.edge.root
        if let known, known.checkpoint.size == chunk.edge.size, known.checkpoint.root != root {
            return false
        }
        return try failing { () throws(CommandFailure) in
            try nodes.prove(
                from: chunk.edge.size,
                oldRoot: root,
                root: signed.checkpoint.root
            )
        }
    }

    private func judge(
        _ chunk: LogChunk,
        _ signed: SignedCheckpoint,
        _ nodes: TileNodes
    ) throws(Failure) {
        var audit = state.audit
        var comparisons: [(LeafIndex, TargetPhaseChange)] = []
        var step = try failing { () throws(CommandFailure) in try state.beginStep() }
        let first = state.position.edge.size.value
        for (place, bytes) in chunk.records.enumerated() {
            let index = RecordIndex(first + UInt64(place))
            let record = try parse(bytes, at: index, signed)
            observer?.willTake(record, at: index, audit)
            do throws(AuditFailure<CommandFailure>) {
                try audit.take(record, at: index, from: step)
            } catch {
                switch error {
                case .violation(let violation):
                    observer?.isCaught(audit)
                    throw .violation(found(violation, bytes, signed))
                case .memory(let failure): throw .failed(failure)
                }
            }
            if case .act(let act) = record, case .targetPhase(let change) = act.act {
                comparisons.append((index, change))
            }
            do throws(CommandFailure) {
                try observer?.didTake(record, at: index, audit, from: step)
                try step.keep(record, bytes, at: index, leafHash: chunk.leaves[place])
            } catch { throw .failed(error) }
        }
        for (index, change) in comparisons { try compare(change, at: index, signed, nodes) }
        // The larger of both is kept, until the tree has come by it.
        var note = state.position.note
        let isPast = try knownCheckpoint().map { $0.checkpoint.size <= chunk.edge.size } ?? true
        if isPast { note = signed.encoded }
        do throws(CommandFailure) {
            try state.commit(step, audit, chunk.edge, note: note)
        } catch { throw .failed(error) }
    }

    private func parse(
        _ bytes: [UInt8],
        at index: RecordIndex,
        _ signed: SignedCheckpoint
    ) throws(Failure) -> Record {
        do throws(RecordError) {
            return try Record(parsing: bytes.span)
        } catch {
            switch error {
            case .newerVersion, .unknownKind:
                throw .failed(
                    CommandFailure(
                        .verificationFailed,
                        "record \(index) was written by a newer program: \(error)",
                        advice:
                            "take a newer monitor; this one cannot judge it, and stays before it"
                    )
                )
            default:
                let violation = LogViolation(.record, at: index, "record \(index): \(error)")
                throw .violation(found(violation, bytes, signed))
            }
        }
    }

    private func found(
        _ violation: LogViolation,
        _ bytes: [UInt8],
        _ signed: SignedCheckpoint
    ) -> MonitorViolation {
        var found = MonitorViolation(violation, record: bytes, seen: signed.encoded)
        found.known = state.position.note
        return found
    }

    // MARK: Tiles

    /// Compares tiles as they are served with what the records give.
    private func compare(
        _ tiles: [(tile: TileCoordinate, hashes: [MerkleHash])],
        _ signed: SignedCheckpoint
    ) throws(Failure) {
        for (tile, hashes) in tiles {
            if isStopping() {
                throw .failed(CommandFailure(.tryAgain, "ended before all was read"))
            }
            var served = try failing { () throws(CommandFailure) in try reader.tile(tile) }
            if served != hashes {
                served = try failing { () throws(CommandFailure) in try reader.tile(tile) }
            }
            guard served == hashes else {
                throw .violation(wrong(tile, served, hashes, signed))
            }
            tileCount += 1
        }
    }

    /// What was compared with a target has the root of this log at that size.
    private func compare(
        _ change: TargetPhaseChange,
        at index: RecordIndex,
        _ signed: SignedCheckpoint,
        _ nodes: TileNodes
    ) throws(Failure) {
        func isRight() throws(Failure) -> Bool {
            try failing { () throws(CommandFailure) in
                try nodes.prove(
                    from: change.size,
                    oldRoot: change.localRoot,
                    root: signed.checkpoint.root
                )
            }
        }
        if try isRight() { return }
        nodes.forget()
        if try isRight() { return }
        var violation = MonitorViolation(
            .comparison,
            "record \(index) tells of a root of \(change.size) records that the log does not have",
            records: [index],
            seen: signed.encoded
        )
        violation.known = state.position.note
        throw .violation(violation)
    }

    /// Runs what fails as a command does.
    func failing<Result: ~Copyable>(
        _ body: () throws(CommandFailure) -> Result
    ) throws(Failure) -> Result {
        do throws(CommandFailure) { return try body() } catch { throw .failed(error) }
    }
}
