import Cryptography
import EvidenceModel
import TarArchive
import TransparencyLog

/// The evidence of a bundle, compared piece by piece with everything that is said of it elsewhere.
struct BundleEvidence {
    private let acts: BundleActs
    private let digest = IndexDigest()
    private var openings: BundleLines
    private var locks: BundleLines
    private var manifest: BundleLines
    private var payloadOffset: UInt64
    private var batch: [PayloadChecks.Expected] = []
    private var ranges: [ClosedRange<UInt64>] = []
    private var numbers: [CollectionName: Numbers] = [:]
    private var lockCounts: [String: UInt64] = [:]
    private var strangers: [RecordIndex] = []
    private var actCount: UInt64 = 0

    private(set) var entries: UInt64 = 0
    private(set) var count: UInt64 = 0
    private(set) var payloads: UInt64 = 0
    private(set) var payloadBytes: UInt64 = 0
    var nodes: UInt64 = 0

    private struct Numbers {
        var first: UInt64
        var last: UInt64
        var count: UInt64 = 0
        /// The number and index of the last that a census counts, and of the first behind.
        var counted: (number: UInt64, index: RecordIndex)?
        var behind: (number: UInt64, index: RecordIndex)?
    }

    init(_ archive: BundleArchive, _ acts: BundleActs) {
        self.acts = acts
        openings = archive.lines(of: BundleLayout.openings)
        locks = archive.lines(of: BundleLayout.locks)
        manifest = archive.lines(of: BundleLayout.payloadManifest)
        payloadOffset = archive.payloadsOffset
    }

    /// The indexes of the evidence.
    var indexes: IndexRanges { IndexRanges(ranges: ranges) ?? .none }

    /// Takes the next record in.
    mutating func take(
        _ record: Record,
        _ index: RecordIndex,
        _ leaf: MerkleHash,
        _ checks: PayloadChecks
    ) throws(BundleFault) {
        entries += 1
        guard let collection = record.collection, let lock = record.lock,
            let sequence = record.sequence
        else {
            actCount += 1
            return
        }
        count += 1
        digest.add(index)
        append(index)
        let isErased = acts.state.erasure(of: index) != nil
        let description = try description(of: record, index, isErased)
        let facts = RecordFacts(
            index: index,
            collection: collection,
            lock: lock,
            received: record.received,
            description: description,
            leafHash: leaf
        )
        try checkNumber(sequence.value, facts)
        try checkLock(facts)
        if !isMeant(facts) { strangers.append(index) }
        if isErased { try checkErasure(of: facts) }
        guard !isErased, let description else { return }
        try expectPayload(description, index, checks)
    }

    private mutating func append(_ index: RecordIndex) {
        if let last = ranges.last, last.upperBound + 1 == index.value {
            ranges[ranges.count - 1] = last.lowerBound...index.value
        } else {
            ranges.append(index.value...index.value)
        }
    }

    /// What a record says, or its opening, which must be there unless it was erased.
    private mutating func description(
        of record: Record,
        _ index: RecordIndex,
        _ isErased: Bool
    ) throws(BundleFault) -> EvidenceDescription? {
        if case .evidence(let evidence) = record { return evidence.description }
        guard case .sealedEvidence(let evidence) = record, !isErased else { return nil }
        let name = BundleLayout.openings
        guard let line = try openings.next(),
            let number = BundleEntry.word(line, from: line.startIndex),
            BundleEntry.decimal(number) == index.value,
            let saltText = BundleEntry.word(line, from: number.endIndex + 1),
            let salt = Base64.decode(String(decoding: saltText, as: UTF8.self)),
            salt.count == SealedOpening.saltSizeBytes
        else { throw BundleFault(name, "the opening of record \(index) is not in its place") }
        let text = Array(line[(saltText.endIndex + 1)...])
        let opening: SealedOpening
        do throws(RecordError) {
            opening = try SealedOpening(salt: salt, description: text)
        } catch { throw BundleFault(name, "the opening of record \(index): \(error)") }
        guard opening.commitment == evidence.commitment else {
            throw BundleFault(name, "that of record \(index) does not open its commitment")
        }
        return opening.evidence
    }

    private mutating func checkNumber(
        _ number: UInt64,
        _ facts: RecordFacts
    ) throws(BundleFault) {
        var seen =
            numbers[facts.collection]
            ?? Numbers(first: number, last: 0)
        guard number > seen.last else {
            throw BundleFault(
                BundleLayout.entries,
                "record \(facts.index) is number \(number) of \(facts.collection), after number "
                    + "\(seen.last)"
            )
        }
        seen.last = number
        seen.count += 1
        if let census = acts.censuses[facts.collection]?.census {
            if number <= census.entry.count.value {
                seen.counted = (number, facts.index)
            } else if seen.behind == nil {
                seen.behind = (number, facts.index)
            }
        }
        numbers[facts.collection] = seen
    }

    private mutating func checkLock(_ facts: RecordFacts) throws(BundleFault) {
        let purged = acts.state.erasure(of: facts.index).map { acts.purgedCopies(of: $0) } ?? []
        let expected = LockLine.bytes(facts, in: acts.state, purged: purged)
        guard let line = try locks.next(), line.elementsEqual(expected) else {
            throw BundleFault(
                BundleLayout.locks,
                "the line of record \(facts.index) is not what the records give, which is "
                    + String(decoding: expected, as: UTF8.self)
            )
        }
        let standing = acts.state.lockStanding(of: facts.index, lock: facts.lock)
        lockCounts[standing.erased == nil ? "\(standing.lock)" : "erased", default: 0] += 1
    }

    /// A certificate must say of the record what its leaf and the acts before say.
    private func checkErasure(of facts: RecordFacts) throws(BundleFault) {
        let standing = acts.state.lockStanding(of: facts.index, lock: facts.lock)
        let erased = standing.erased.flatMap { acts.certificates[$0] }
        let item = erased?.items.first { $0.records.contains(facts.index) }
        guard erased?.collection == facts.collection, item?.lock == standing.lock else {
            throw BundleFault(
                BundleLayout.entries,
                "the erasure of record \(facts.index) names another lock or collection than its own"
            )
        }
    }

    private func isMeant(_ facts: RecordFacts) -> Bool {
        guard let export = acts.export?.export, facts.index < export.before,
            export.selection.matches(facts)
        else { return false }
        guard let matter = export.selection.matter else { return true }
        return acts.state.matters[matter]?.holds(facts) ?? false
    }

    private mutating func expectPayload(
        _ description: EvidenceDescription,
        _ index: RecordIndex,
        _ checks: PayloadChecks
    ) throws(BundleFault) {
        let path = BundleLayout.payload(of: index, name: description.name)
        let name = BundleLayout.payloadManifest
        let line = "\(description.payloadDigest.hex)  \(path)"
        guard let found = try manifest.next(), found.elementsEqual(line.utf8) else {
            throw BundleFault(name, "it does not list what record \(index) says: \(line)")
        }
        let size = description.payloadSize
        guard size <= TarHeader.maximumSizeBytes else {
            throw BundleFault(path, "no bundle holds a payload of \(size) bytes")
        }
        batch.append(
            PayloadChecks.Expected(
                offset: payloadOffset,
                path: path,
                sizeBytes: size,
                digest: description.payloadDigest
            )
        )
        payloadOffset += Bundle.archivedBytes(PayloadRow(index: index, sizeBytes: size))
        payloads += 1
        payloadBytes += size
        if batch.count == 64 { flush(checks) }
    }

    mutating func flush(_ checks: PayloadChecks) {
        guard !batch.isEmpty else { return }
        checks.add(batch)
        batch = []
    }

    // MARK: At the end

    /// Nothing is left over: no opening, no lock, no payload.
    mutating func checkEnd(_ archive: BundleArchive) throws(BundleFault) {
        guard actCount == acts.count else {
            throw BundleFault(BundleLayout.entries, "a record is not of the kind that it says")
        }
        for (name, rest) in [
            (BundleLayout.openings, try openings.next()), (BundleLayout.locks, try locks.next()),
            (BundleLayout.payloadManifest, try manifest.next()),
        ] where rest != nil {
            throw BundleFault(name, "it has a line too many: no record of the selection needs it")
        }
        let mark = TarHeader.endMark
        guard archive.sizeBytes == payloadOffset + UInt64(mark.count) else {
            throw BundleFault(
                BundleLayout.payloads,
                "the archive ends at byte \(archive.sizeBytes), not at "
                    + "\(payloadOffset + UInt64(mark.count)): it was cut, or holds more than its "
                    + "records say"
            )
        }
        guard try archive.read(mark.count, at: payloadOffset, of: "end mark") == mark else {
            throw BundleFault("end mark", "the archive does not end with two blocks of zeros")
        }
    }

    /// The evidence is what the export says.
    func checkSelection(_ export: EvidenceExport) throws(BundleFault) -> String {
        if let stranger = strangers.first {
            throw BundleFault(
                BundleLayout.entries,
                "record \(stranger) is not meant by the selection of the export"
            )
        }
        guard count == export.count, digest.finish() == export.digest else {
            throw BundleFault(
                BundleLayout.entries,
                "incomplete: the export counts \(export.count) pieces of evidence, and \(count) "
                    + "are here, or others"
            )
        }
        return "the export counts \(count) pieces of evidence, and these are here"
    }

    /// No number is missing where whole collections were asked for, and the census agrees.
    func checkNumbers(
        _ export: EvidenceExport,
        _ censuses: [CollectionName: (index: RecordIndex, census: BundleActs.Census)]
    ) throws(BundleFault) -> String {
        if export.selection.isOfWholeCollections {
            for (name, found) in censuses.sorted(by: { $0.key < $1.key })
            where numbers[name] == nil && (export.selection.collection ?? name) == name
                && found.census.entry.last < export.before
            {
                throw BundleFault(
                    BundleLayout.entries,
                    "incomplete: the census of record \(found.index) counts \(name), and none of "
                        + "it is here"
                )
            }
        }
        var words: [String] = []
        for (collection, seen) in numbers.sorted(by: { $0.key < $1.key }) {
            let isWhole = seen.first == 1 && seen.count == seen.last
            guard isWhole || !export.selection.isOfWholeCollections else {
                throw BundleFault(
                    BundleLayout.entries,
                    "incomplete: \(seen.last - seen.count) of the numbers 1 to \(seen.last) of "
                        + "\(collection) are missing"
                )
            }
            var text = "\(collection): \(seen.count) of the numbers 1 to \(seen.last)"
            if isWhole { text = "\(collection): the numbers 1 to \(seen.last), none missing" }
            if let (index, census) = censuses[collection] {
                try check(seen, against: census, of: index, export)
                text += "; the census of record \(index) agrees"
            }
            words.append(text)
        }
        return words.joined(separator: "; ")
    }

    private func check(
        _ seen: Numbers,
        against census: BundleActs.Census,
        of index: RecordIndex,
        _ export: EvidenceExport
    ) throws(BundleFault) {
        let (count, last) = (census.entry.count.value, census.entry.last)
        var fits = true
        if let counted = seen.counted {
            fits = counted.number == count ? counted.index == last : counted.index < last
        }
        if let behind = seen.behind, behind.index < census.before { fits = false }
        // Of what came between the selection and its record nothing can be here.
        let isReached = last < export.before
        if export.selection.isOfWholeCollections, isReached, seen.last < count { fits = false }
        guard fits else {
            throw BundleFault(
                BundleLayout.entries,
                "incomplete: the census of record \(index) counts \(count) up to record \(last)"
            )
        }
    }

    /// How many records have which lock.
    var lockSummary: String {
        let parts = lockCounts.sorted { $0.value > $1.value }.prefix(4).map { "\($1) \($0)" }
        let rest = lockCounts.count > 4 ? " and \(lockCounts.count - 4) other dates" : ""
        return "as the records give: " + parts.joined(separator: ", ") + rest
    }
}
