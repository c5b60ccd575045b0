internal import EvidenceModel
internal import TransparencyLog

extension LogFollower {
    /// Why records that were read twice do not lead to the tree that is signed: the records, the
    /// hash tiles, or the tree itself may be another.
    func diagnosis(
        of chunk: LogChunk,
        _ signed: SignedCheckpoint,
        _ known: SignedCheckpoint?,
        _ nodes: TileNodes
    ) throws(Failure) -> MonitorViolation {
        let before = state.position.edge
        if chunk.changed == nil {
            if let known, known.checkpoint.size == chunk.edge.size,
                known.checkpoint.root != chunk.edge.root
            {
                return fork(signed, known, "that do not begin with the same records")
            }
            if let wrong = try wrongTile(from: before, signed) { return wrong }
        }
        var changed: LeafIndex?
        if try isContinued(before, signed, nodes) {
            changed = chunk.changed
            if changed == nil { changed = try firstDifference(chunk, signed) }
        }
        guard let changed else {
            var violation = MonitorViolation(
                .fork,
                "the tree of \(signed.checkpoint.size) records that is signed is not shown to "
                    + "begin with the \(before.size) that were signed and judged before",
                seen: signed.encoded
            )
            violation.known = known?.encoded
            return violation
        }
        var violation = MonitorViolation(
            .entries,
            "record \(changed) is served as something else than what was signed",
            records: [changed],
            seen: signed.encoded
        )
        violation.known = known?.encoded
        let first = before.size.value
        if changed.value >= first, changed.value - first < UInt64(chunk.records.count) {
            violation.attachments = [
                MonitorViolation.Attachment(
                    title: "record \(changed) as it is served",
                    bytes: chunk.records[Int(changed.value - first)]
                )
            ]
        }
        return violation
    }

    /// Whether the signed tree is shown to begin with the one before.
    private func isContinued(
        _ before: TileEdge,
        _ signed: SignedCheckpoint,
        _ nodes: TileNodes
    ) throws(Failure) -> Bool {
        guard before.size > .zero else { return true }
        return try failing { () throws(CommandFailure) in
            try nodes.prove(
                from: before.size,
                oldRoot: before.root,
                root: signed.checkpoint.root
            )
        }
    }

    /// If the records up to the end lead to the signed root they are right: then a tile is wrong.
    private func wrongTile(
        from before: TileEdge,
        _ signed: SignedCheckpoint
    ) throws(Failure) -> MonitorViolation? {
        var edge = before
        var wrong: MonitorViolation?
        while edge.size < signed.checkpoint.size {
            let chunk = try self.chunk(from: edge, upTo: signed.checkpoint.size)
            guard chunk.changed == nil else { return nil }
            if wrong == nil { wrong = try firstWrong(chunk.tiles, signed) }
            edge = chunk.edge
        }
        guard edge.root == signed.checkpoint.root else { return nil }
        if let wrong { return wrong }
        return try firstWrong(edge.partial, signed)
    }

    private func firstWrong(
        _ tiles: [(tile: TileCoordinate, hashes: [MerkleHash])],
        _ signed: SignedCheckpoint
    ) throws(Failure) -> MonitorViolation? {
        for (tile, hashes) in tiles {
            let served = try failing { () throws(CommandFailure) in try reader.tile(tile) }
            if served != hashes { return wrong(tile, served, hashes, signed) }
        }
        return nil
    }

    /// The first record whose hash is not the one of the lowest tiles.
    private func firstDifference(
        _ chunk: LogChunk,
        _ signed: SignedCheckpoint
    ) throws(Failure) -> LeafIndex? {
        let first = state.position.edge.size.value
        let end = first + UInt64(chunk.leaves.count)
        for index in (first >> 8)...(max(first, end - 1) >> 8) {
            let width = min(256, signed.checkpoint.size.value - (index << 8))
            guard let tile = TileCoordinate(level: 0, index: index, width: Int(width)),
                let served = try failing({ () throws(CommandFailure) in try reader.tile(tile) })
            else { return nil }
            for (place, hash) in served.enumerated() {
                let leaf = (index << 8) + UInt64(place)
                guard (first..<end).contains(leaf) else { continue }
                if chunk.leaves[Int(leaf - first)] != hash { return LeafIndex(leaf) }
            }
        }
        return nil
    }

    func wrong(
        _ tile: TileCoordinate,
        _ served: [MerkleHash]?,
        _ hashes: [MerkleHash],
        _ signed: SignedCheckpoint
    ) -> MonitorViolation {
        let place = served.flatMap { zip($0, hashes).enumerated().first { $1.0 != $1.1 }?.offset }
        var violation = MonitorViolation(
            .tiles,
            "\(tile) is not what the records give"
                + (place.map { ": hash \($0) is another" } ?? ": it is no tile of its width"),
            seen: signed.encoded
        )
        violation.known = state.position.note
        violation.attachments = [
            MonitorViolation.Attachment(
                title: "\(tile) as it is served",
                bytes: served.map { TileHashes.encode($0) } ?? []
            )
        ]
        return violation
    }
}
