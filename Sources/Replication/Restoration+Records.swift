internal import EvidenceModel
internal import EvidenceStore
internal import TransparencyLog

// What was signed, and the records that lead there.
extension Restoration {
    private static let bundlesAtOnce = 64
    private static let bundleWidth = UInt64(EntryBundleCoordinate.fullWidth)

    /// Records in full bundles.
    private var bundled: UInt64 { UInt64(bundles.count) * Self.bundleWidth }

    // MARK: What was signed

    func readHeads() throws(RestorationError) {
        guard let bytes = try source.register(ObjectLayout.checkpoint) else {
            throw .unverified(
                "there is no \(ObjectLayout.checkpoint) below the prefix '\(request.prefix)': "
                    + "nothing was replicated there, or bucket or prefix are others"
            )
        }
        let register = try verified(bytes, ObjectLayout.checkpoint.text)
        registered = register.checkpoint.size
        heads.append(KnownHead(signed: register, place: "the register"))
        if let note = request.atLeast {
            let known = try verified(Array(note.utf8), "--at-least")
            heads.append(KnownHead(signed: known, place: "--at-least"))
        }
        heads.sort { $0.size < $1.size }
    }

    private func verified(
        _ note: [UInt8],
        _ place: String
    ) throws(RestorationError) -> SignedCheckpoint {
        do throws(NoteError) {
            return try SignedCheckpoint.open(
                String(decoding: note, as: UTF8.self),
                origin: request.origin,
                keys: request.keys
            )
        } catch {
            throw .unverified("\(place) is not signed by \(request.keyList): \(error)")
        }
    }

    // MARK: What there is

    func findRecords() throws(RestorationError) {
        var found: [UInt64: ObjectWalk.Found] = [:]
        try walk.each(below: "log/tile/entries/") { object in
            if case .entryBundle(let bundle) = ObjectLayout.meaning(of: object.key) {
                found[bundle.index] = object
            }
        }
        // Those behind a gap are of no use.
        while let next = found[UInt64(bundles.count)] { bundles.append(next) }
        var objects: [JournalSearch.Object] = []
        try walk.each(below: ObjectLayout.Folder.journal.rawValue) { object in
            if case .journal(let first, let count) = ObjectLayout.meaning(of: object.key),
                count > 0
            {
                objects.append(.init(first: first.value, count: count, found: object))
            }
        }
        journal = JournalSearch(objects) { [self] journal throws(RestorationError) in
            try object(journal.found) { () throws(PackError) in try content(of: journal) }
        }
        try checkReach()
    }

    /// Ends early if the bucket cannot hold all that is known to be signed.
    private func checkReach() throws(RestorationError) {
        let reach = journal.reach(from: bundled)
        for head in heads where head.size.value > reach && request.successor == nil {
            throw lagging(head, "it holds the first \(reach) records only")
        }
    }

    private func lagging(_ head: KnownHead, _ detail: String) -> RestorationError {
        var text = "the bucket lags: \(head.place) is a checkpoint of \(head.size) records, and "
        text += detail
        if let first = findings.first {
            text += "; of \(findings.count) findings the first is: \(first)"
        }
        return .lagging(text)
    }

    private func content(
        of journal: JournalSearch.Object
    ) throws(PackError) -> JournalSearch.Content {
        let reader = PackReader(source: source.pieces(journal.found))
        guard case .journal(request.origin, let first, let entries) = try reader.index(),
            first.value == journal.first, UInt64(entries.count) == journal.count
        else { throw .damaged(detail: "it is another than its key says") }
        var records: [[UInt8]] = []
        var checkpoint = ""
        while let member = try reader.next() {
            switch member {
            case .record(_, let bytes): records.append(bytes)
            case .checkpoint(let note): checkpoint = note
            case .opening, .payload: break
            }
        }
        guard records.count == entries.count else {
            throw .damaged(detail: "it has \(records.count) of \(entries.count) records")
        }
        let signed = try? verified(Array(checkpoint.utf8), journal.found.key.text)
        if signed == nil {
            note(journal.found, "its checkpoint is not signed by \(request.keyList)")
        }
        return JournalSearch.Content(records: records, checkpoint: signed)
    }

    // MARK: Putting the log together

    /// Takes the records of the bundles, then those of the journal.
    ///
    /// - Returns: The log, and the newest checkpoint that its records prove.
    func importRecords() throws(RestorationError) -> (LogImport, SignedCheckpoint) {
        var log: LogImport?
        if let head = try headWithinBundles() {
            try importBundles(upTo: head.checkpoint.size.value, into: &log)
            return (try ended(log), head)
        }
        try importBundles(upTo: bundled, into: &log)
        let start = log?.tree ?? CompactRange()
        var way = JournalSearch.Way(tree: start, head: head(of: start))
        // What the register names counts; smaller ones are compared when the records are taken.
        for head in heads where head.size > start.size && head.size >= registered {
            if let next = try journal.way(from: way.tree, to: head.signed) {
                way = joined(way, next)
            } else if request.successor == nil {
                throw lagging(
                    head,
                    "no journal objects lead from \(way.tree.size) records to its root: they are "
                        + "damaged, or of another node that went on with the log"
                )
            }
        }
        let confirmed = way.tree.size
        let farthest = try journal.farthest(from: way.tree)
        way = joined(way, farthest)
        guard let head = way.head else {
            throw .unverified(
                "no checkpoint in the bucket is that of its \(start.size) records: they were "
                    + "changed, or the log was signed in two ways"
            )
        }
        try noteStrays(beside: way.records, from: start.size, confirmed: confirmed)
        journal.forget()
        for record in way.records { try take(record, into: &log) }
        return (try ended(log), head)
    }

    private func joined(_ way: JournalSearch.Way, _ next: JournalSearch.Way) -> JournalSearch.Way {
        JournalSearch.Way(
            tree: next.tree,
            records: way.records + next.records,
            head: next.head ?? way.head
        )
    }

    private func head(of tree: CompactRange) -> SignedCheckpoint? {
        heads.first { $0.size == tree.size }?.signed
    }

    /// The checkpoint to end with, if none proves all records of the bundles; `nil`: one may.
    ///
    /// So it is where the newest journal objects are gone.
    private func headWithinBundles() throws(RestorationError) -> SignedCheckpoint? {
        let reach = journal.reach(from: bundled)
        let covered = heads.last { $0.size.value <= reach }
        if let covered, covered.size.value >= bundled { return nil }
        let objects = journal.objects.filter { $0.end <= reach }.sorted { $0.end > $1.end }
        for object in objects where object.end > covered?.size.value ?? 0 {
            guard let head = try journal.content(object)?.checkpoint else { continue }
            return head.checkpoint.size.value >= bundled ? nil : head
        }
        guard let covered else {
            throw .lagging(
                "the bucket holds the first \(reach) records only, and no checkpoint of so many "
                    + "or fewer to prove them with"
            )
        }
        return covered.signed
    }

    private func noteStrays(
        beside records: [[UInt8]],
        from start: TreeSize,
        confirmed: TreeSize
    ) throws(RestorationError) {
        for object in journal.objects where object.end > confirmed.value {
            _ = try journal.content(object)
        }
        for stray in journal.strays(beside: records, from: start.value) {
            note(stray.found, "a stray: it holds other records than those that were signed last")
        }
        let open = records.suffix(from: Int(confirmed.value - start.value))
        isForked = !journal.strays(beside: Array(open), from: confirmed.value).isEmpty
    }

    private func importBundles(
        upTo size: UInt64,
        into log: inout LogImport?
    ) throws(RestorationError) {
        let count = (size + Self.bundleWidth - 1) / Self.bundleWidth
        for start in stride(from: 0, to: count, by: Self.bundlesAtOnce) {
            let end = min(count, start + UInt64(Self.bundlesAtOnce))
            let objects = Array(bundles[Int(start)..<Int(end)])
            for (object, bytes) in zip(objects, try source.whole(objects)) {
                guard
                    let records = try? EntryBundle.decode(
                        bytes.span,
                        count: EntryBundleCoordinate.fullWidth
                    )
                else {
                    throw .unverified(
                        "\(object.key) is no bundle of \(Self.bundleWidth) records"
                    )
                }
                for record in records where log?.tree.size.value ?? 0 < size {
                    try take(record, into: &log)
                }
            }
            progress(.records(min(size, end * Self.bundleWidth), of: size))
        }
    }

    private func take(
        _ record: [UInt8],
        into log: inout LogImport?
    ) throws(RestorationError) {
        let (request, known) = (request, log)
        log = try logged { () throws(StoreError) in
            guard let known else {
                return try LogImport(at: request.path, firstRecord: record, origin: request.origin)
            }
            try known.append(record)
            return known
        }
        if let log { try compare(log.tree) }
    }

    private func ended(_ log: LogImport?) throws(RestorationError) -> LogImport {
        guard let log else { throw .lagging("the bucket holds no records") }
        try logged { () throws(StoreError) in try log.endRecords() }
        progress(.records(log.tree.size.value, of: log.tree.size.value))
        guard log.state.verifierKeys.contains(where: { request.keys.contains($0) }) else {
            throw .unverified("no record of the log names the key \(request.keyList)")
        }
        return log
    }

    /// Where a checkpoint is known, the tree must have its root.
    private func compare(_ tree: CompactRange) throws(RestorationError) {
        for head in heads where head.size == tree.size {
            guard head.signed.checkpoint.root == tree.root else {
                throw .unverified(
                    "the records of the bucket do not give the root that \(head.place) has at "
                        + "size \(tree.size): they were changed, or the log was signed in two ways"
                )
            }
        }
    }
}
