import Cryptography
import EvidenceModel
import Platform
import Testing
import TransparencyLog

@testable import EvidenceStore

@Suite struct AppendTests {
    @Test func receiptVerifiesOfflineAndThePayloadComesBack() throws {
        let fixture = try Fixture()
        let payload = Array("the evidence".utf8)
        let index = try fixture.append(fixture.submission(payload, name: "dir/f"))
        #expect(index == RecordIndex(1))
        let receipt = try fixture.store.receipt(for: index)
        _ = try ReceiptVerification.verify(
            receipt,
            payload: (SHA256.hash(payload.span), UInt64(payload.count)),
            keys: [fixture.signer.verifierKey]
        )
        #expect(try fixture.payload(index) == payload)
    }

    @Test(arguments: [0, 1, 1000, 1 << 20, (1 << 20) + 1, 3 << 20, 5_000_001])
    func payloadsOfEverySizeSurviveReopeningAndSealing(_ size: Int) throws {
        let fixture = try Fixture()
        let payload =
            Random.bytes(count: min(size, 70_000))
            + [UInt8](
                repeating: 7,
                count: max(0, size - 70_000)
            )
        let index = try fixture.append(fixture.submission(payload))
        #expect(try fixture.payload(index) == payload)
        try fixture.reopen()
        #expect(try fixture.payload(index) == payload)
        try fixture.fill(256)
        fixture.waitForSeals()
        #expect(try fixture.payload(index) == payload)
        let reader = try fixture.store.payload(at: index)
        if size > 10 {
            let middle = size / 2
            let slice = try reader.read(at: UInt64(middle), limit: 5)
            #expect(Array(slice) == Array(payload[middle..<min(size, middle + slice.count)]))
        }
    }

    @Test func sequenceCountsWithinTheCollectionWithoutGaps() throws {
        let fixture = try Fixture()
        for round in 0..<300 {
            _ = try fixture.append(
                fixture.submission([UInt8(round % 256)], collection: round % 3 == 0 ? "a" : "b")
            )
        }
        fixture.waitForSeals()
        try fixture.reopen()
        _ = try fixture.append(fixture.submission([1], collection: "a"))
        var seen: [CollectionName: UInt64] = [:]
        for value in 1..<fixture.store.checkpoint.size.value {
            let record = try fixture.store.record(at: RecordIndex(value)).record
            guard let collection = record.collection else { continue }
            #expect(record.sequence?.value == (seen[collection] ?? 0) + 1)
            seen[collection] = record.sequence?.value
        }
        #expect(seen.values.sorted() == [101, 200])
    }

    @Test func repeatedKeyAnswersWithTheFirstRecordAlsoAfterSealAndReopen() throws {
        let fixture = try Fixture()
        let first = try fixture.append(fixture.submission([1], key: "k"))
        for round in 0..<3 {
            let again = try fixture.append([fixture.submission([1], key: "k")])[0]
            guard case .existing(first, _) = again else {
                Issue.record("round \(round): \(again)")
                return
            }
            #expect(throws: StoreError.conflict(first)) {
                try fixture.append(fixture.submission([2], key: "k"))
            }
            if round == 0 { try fixture.fill(300, keyed: true) }
            fixture.waitForSeals()
            try fixture.reopen()
        }
        // Two records, 300 in the fill, and the census behind the first segment.
        #expect(fixture.store.checkpoint.size.value == 303)
    }

    @Test func requestIsTakenWholeOrNotAtAll() throws {
        let fixture = try Fixture()
        _ = try fixture.append(fixture.submission([1], key: "used"))
        let size = fixture.store.checkpoint.size
        #expect(throws: StoreError.self) {
            try fixture.append([
                fixture.submission([1], key: "new"), fixture.submission([2], key: "used"),
            ])
        }
        #expect(fixture.store.checkpoint.size == size)
    }

    @Test func sealedRecordShowsNothingAndOpensWithItsReceipt() throws {
        let fixture = try Fixture()
        let payload = Array("private".utf8)
        let index = try fixture.append(
            fixture.submission(
                payload,
                name: "secret-name",
                labels: [(key: "who", value: "nobody")],
                isSealed: true
            )
        )
        for _ in 0..<2 {
            let receipt = try fixture.store.receipt(for: index)
            let text = String(decoding: receipt.record, as: UTF8.self)
            for word in ["secret-name", "who", "nobody", SHA256.hash(payload.span).hex] {
                #expect(!text.contains(word))
            }
            _ = try ReceiptVerification.verify(
                receipt,
                payload: (SHA256.hash(payload.span), UInt64(payload.count)),
                keys: [fixture.signer.verifierKey]
            )
            #expect(try fixture.payload(index) == payload)
            var query = SearchQuery()
            query.namePrefix = "secret"
            #expect(try fixture.store.search(query).entries.map(\.index) == [index])
            try fixture.fill(256)
            fixture.waitForSeals()
        }
    }
}
