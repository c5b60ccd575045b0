import EvidenceModel
import Platform
import Testing

@testable import EvidenceStore

/// A search that finds less than there is looks like any other: damage of an index must be noticed.
@Suite struct IndexDamageTests {
    private let number = SegmentNumber(0)

    private func entries(_ file: SealedFile, _ table: String, _ prefix: [UInt8]) throws -> [[UInt8]]
    {
        var found: [[UInt8]] = []
        try file.scan(table, prefix: prefix) { key, value in
            found.append((0..<key.count).map { key[$0] } + (0..<value.count).map { value[$0] })
            return true
        }
        return found
    }

    @Test func aChangedBitIsNoticedOrChangesNothing() throws {
        var random = SeededGenerator("aChangedBitIsNoticedOrChangesNothing")
        let log = try ErasureLog(300)
        log.waitForSeal(of: number)
        let path = log.paths.log(number)
        let original = try FileSystem.contents(path, limitBytes: 1 << 26)
        let prefixes = [[], Array("tests\0dir/nm7:8".utf8), Array("tests\0".utf8)]
        let tables = IndexEntries.logTables
        let whole = try SealedFile(path: path)
        let expected = try tables.map { table in
            try prefixes.map { try entries(whole, table, $0) }
        }
        let copy = log.paths.root + "/copy.mdb"
        // Every second one in a name, which stands in the record and in the key of an index.
        let marker = Array(ErasureLog.nameMarker.utf8)
        let names = places(of: marker, in: original)
        var noticed = 0
        for round in 0..<40 {
            var bytes = original
            let place =
                round % 2 == 0
                ? Int.random(in: bytes.indices, using: &random)
                : try #require(names.randomElement(using: &random)) + marker.count
            bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            try FileSystem.writeDurably(bytes.span, to: copy, permissions: 0o600)
            do throws(StoreError) {
                let file = try SealedFile(path: copy)
                for (table, expected) in zip(tables, expected) {
                    for (prefix, expected) in zip(prefixes, expected) {
                        guard let found = try? entries(file, table, prefix) else {
                            noticed += 1
                            continue
                        }
                        #expect(found == expected, "\(table) with a changed bit at \(place)")
                    }
                }
            } catch {
                noticed += 1
            }
        }
        #expect(noticed > 0)
    }

    @Test func anIndexThatLacksAnEntryIsRefused() throws {
        let log = try ErasureLog(300)
        log.waitForSeal(of: number)
        let path = log.paths.root + "/short.mdb"
        let whole = try SealedFile(path: log.paths.log(number))
        let all = try entries(whole, TableName.bySequence, [])
        let writer = try SealedFileWriter(path: path)
        for entry in all.dropLast() {
            let key = Array(entry.dropLast(8))
            let value = Array(entry.suffix(8))
            try writer.append(key.span, value.span, to: TableName.bySequence)
        }
        try writer.finish()
        let digest = try #require(
            try whole.value(Array(TableName.bySequence.utf8), in: TableName.digests)
        )
        var bytes = try FileSystem.contents(path, limitBytes: 1 << 26)
        let own = try #require(
            try SealedFile(path: path).value(
                Array(TableName.bySequence.utf8),
                in: TableName.digests
            )
        )
        let place = try #require(places(of: Array(own), in: bytes).first)
        bytes.replaceSubrange(place..<place + own.count, with: digest)
        try FileSystem.writeDurably(bytes.span, to: path, permissions: 0o600)
        let short = try SealedFile(path: path)
        #expect(throws: StoreError.self) { try entries(short, TableName.bySequence, []) }
    }
}
