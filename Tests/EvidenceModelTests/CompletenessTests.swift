import Cryptography
import EvidenceModel
import Testing
import TransparencyLog

/// A log with records of a collection, and censuses.
private struct Collections {
    var log: SmallLog
    let name: CollectionName
    private var counts: [CollectionName: UInt64] = [:]
    private var last: [CollectionName: UInt64] = [:]

    init(signer: NoteSigner? = nil) throws {
        log = SmallLog(try signer ?? Samples.signer())
        name = try CollectionName("payments")
        log.append(try Samples.logCreated().encoded)
    }

    var nextIndex: RecordIndex { RecordIndex(UInt64(log.records.count)) }

    /// Appends a record of a collection, with the next number or another.
    mutating func add(to collection: String = "payments", number: UInt64? = nil) throws {
        let collection = try CollectionName(collection)
        let next = number ?? counts[collection, default: 0] + 1
        last[collection] = nextIndex.value
        counts[collection] = next
        let evidence = OpenEvidence(
            collection: collection,
            description: try Samples.openDescription(),
            lock: try Samples.lock(),
            received: try Samples.time("2026-11-21T01:02:03.456Z"),
            sequence: try #require(SequenceNumber(next))
        )
        log.append(Record.evidence(evidence).encoded)
    }

    /// Appends a census of all collections, or of what is given instead.
    mutating func takeCensus(_ given: [CollectionName: CensusEntry]? = nil) throws {
        var entries = given ?? [:]
        if given == nil {
            for (collection, count) in counts {
                entries[collection] = CensusEntry(
                    count: try #require(SequenceNumber(count)),
                    last: RecordIndex(try #require(last[collection]))
                )
            }
        }
        let act = ActRecord(
            act: .census(before: nextIndex, part: 1, parts: 1, collections: entries),
            principal: .strongroom,
            reason: nil,
            received: try Samples.time("2026-11-22T00:00:00Z")
        )
        log.append(Record.act(act).encoded)
    }

    func judge(_ indexes: some Sequence<Int>) throws -> Completeness.Finding {
        var completeness = Completeness(of: name, keys: [log.signer.verifierKey])
        for index in indexes { try completeness.add(log.receipt(index)) }
        return try completeness.finding()
    }

    func failure(_ indexes: [Int]) -> CompletenessFailure? {
        do {
            _ = try judge(indexes)
            return nil
        } catch {
            return error as? CompletenessFailure
        }
    }
}

private func isContradiction(_ failure: CompletenessFailure?) -> Bool {
    if case .contradiction = failure { true } else { false }
}

@Suite struct CompletenessTests {
    @Test func aRunWithoutACensusHasNoProvenEnd() throws {
        var log = try Collections()
        for _ in 0..<5 { try log.add() }
        let all = try log.judge(0...5)
        #expect(all.hasNoGap && all.reach == 5 && all.heldCount == 5 && all.receiptCount == 6)
        #expect(all.census == nil && all.origin == log.log.signer.name)
        // Nothing shows that the last ones were left out.
        #expect(try log.judge(1...3).hasNoGap)
    }

    /// Every subset of eight records, with and without the census: what is missing is found.
    @Test func everyMissingNumberIsFound() throws {
        var log = try Collections()
        for number in 1...8 {
            try log.add()
            // Others stand between them and do not matter.
            if number % 3 == 0 { try log.add(to: "other") }
        }
        try log.takeCensus()
        let indexes = [1, 2, 3, 5, 6, 7, 9, 10]
        let census = log.log.records.count - 1
        let receipts = try (0...census).map { try log.log.receipt($0) }
        for subset in 0..<256 {
            let held = (0..<8).filter { subset >> $0 & 1 == 1 }
            for hasCensus in [false, true] {
                var completeness = Completeness(of: log.name, keys: [log.log.signer.verifierKey])
                // In no order of the log.
                for place in held.reversed() { try completeness.add(receipts[indexes[place]]) }
                if hasCensus { try completeness.add(receipts[census]) }
                let finding = try completeness.finding()
                let reach = hasCensus ? 8 : (held.last.map { $0 + 1 } ?? 0)
                let expected = (1...8).filter { $0 <= reach && !held.contains($0 - 1) }
                let found = finding.missing.flatMap { Array($0) }
                #expect(found == expected.map(UInt64.init), "subset \(subset)")
                #expect(finding.missingCount == UInt64(expected.count))
                #expect(finding.hasNoGap == (reach > 0 && expected.isEmpty))
                #expect((finding.census != nil) == hasCensus)
            }
        }
    }

    @Test func onlyTheNewestCensusCountsAndLaterRecordsMayFollow() throws {
        var log = try Collections()
        for _ in 0..<3 { try log.add() }
        try log.takeCensus()
        for _ in 0..<2 { try log.add() }
        try log.takeCensus()
        try log.add()
        let finding = try log.judge(0..<log.log.records.count)
        #expect(finding.hasNoGap && finding.reach == 6)
        #expect(finding.census?.count.value == 5 && finding.census?.index.value == 7)
        // The older census alone proves less, and nothing wrong.
        #expect(try log.judge([1, 2, 3, 4]).reach == 3)
        #expect(try log.judge([1, 2, 3, 7]).missing == [4...5])
    }

    @Test func theSameReceiptTwiceIsOne() throws {
        var log = try Collections()
        for _ in 0..<2 { try log.add() }
        let finding = try log.judge([1, 2, 1, 2])
        #expect(finding.hasNoGap && finding.heldCount == 2 && finding.receiptCount == 4)
    }

    @Test func nothingOfTheCollectionIsNotComplete() throws {
        var log = try Collections()
        try log.add(to: "other")
        try log.takeCensus()
        let finding = try log.judge(0...2)
        #expect(!finding.hasNoGap && finding.reach == 0 && finding.census == nil)
        #expect(!(try log.judge([]).hasNoGap))
    }

    @Test func twoRecordsOfOneNumberAreAContradiction() throws {
        var log = try Collections()
        try log.add()
        try log.add(number: 1)
        #expect(isContradiction(log.failure([1, 2])))
        #expect(log.failure([1]) == nil)
    }

    @Test func numbersThatDoNotAscendAreAContradiction() throws {
        var log = try Collections()
        try log.add(number: 2)
        try log.add(number: 1)
        #expect(isContradiction(log.failure([1, 2])))
    }

    @Test func aCensusThatDoesNotFitIsAContradiction() throws {
        let name = try CollectionName("payments")
        let entries: [(count: UInt64, last: UInt64, fits: Bool)] = [
            (3, 3, true), (3, 2, false), (2, 2, false), (2, 3, false), (4, 3, false), (1, 1, false),
        ]
        for entry in entries {
            var log = try Collections()
            for _ in 0..<3 { try log.add() }
            let census = CensusEntry(
                count: try #require(SequenceNumber(entry.count)),
                last: RecordIndex(entry.last)
            )
            try log.takeCensus([name: census])
            #expect(isContradiction(log.failure([1, 2, 3, 4])) == !entry.fits, "\(entry)")
        }
    }

    @Test func aCensusThatCountsLessThanAnEarlierOneIsAContradiction() throws {
        var log = try Collections()
        for _ in 0..<3 { try log.add() }
        try log.takeCensus()
        let one = CensusEntry(count: .first, last: RecordIndex(1))
        try log.takeCensus([log.name: one])
        #expect(isContradiction(log.failure([4, 5])))
    }

    @Test func receiptsOfAnotherLogAreRefused() throws {
        var first = try Collections()
        try first.add()
        var second = try Collections(signer: Samples.signer("log.example/other", seed: 9))
        try second.add()
        let keys = [first.log.signer.verifierKey, second.log.signer.verifierKey]
        var completeness = Completeness(of: first.name, keys: keys)
        try completeness.add(first.log.receipt(1))
        let foreign = try second.log.receipt(1)
        let failure = error { () throws(CompletenessFailure) in try completeness.add(foreign) }
        #expect(
            failure
                == .otherLog(expected: first.log.signer.name, found: second.log.signer.name)
        )
        #expect(try completeness.finding().receiptCount == 1)
    }

    @Test func twoTreesOfOneSizeAreAContradiction() throws {
        var first = try Collections()
        var second = try Collections()
        for _ in 0..<2 { try first.add() }
        try second.add()
        try second.add(to: "other")
        var completeness = Completeness(of: first.name, keys: [first.log.signer.verifierKey])
        try completeness.add(first.log.receipt(1))
        let forked = try second.log.receipt(1)
        let failure = error { () throws(CompletenessFailure) in try completeness.add(forked) }
        #expect(isContradiction(failure))
    }

    @Test func aReceiptThatDoesNotVerifyCountsForNothing() throws {
        var log = try Collections()
        for _ in 0..<3 { try log.add() }
        let stranger = try Samples.signer(seed: 8).verifierKey
        var completeness = Completeness(of: log.name, keys: [stranger])
        let receipt = try log.log.receipt(1)
        let failure = error { () throws(CompletenessFailure) in try completeness.add(receipt) }
        guard case .receipt = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(try completeness.finding().receiptCount == 0)
        let bytes = try log.log.receipt(2).encodedJSON
        for place in bytes.indices {
            var changed = bytes
            changed[place] ^= 1
            guard let receipt = try? parsedReceipt(changed) else { continue }
            var completeness = Completeness(of: log.name, keys: [log.log.signer.verifierKey])
            let failure = error { () throws(CompletenessFailure) in try completeness.add(receipt) }
            #expect(failure != nil, "byte \(place)")
        }
    }
}
