import Platform
import Testing

@testable import LMDBKit

@Suite struct TransactionTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test func valuesSurviveReopening() throws {
        let path = directory.file()
        let large = value(3, count: 1 << 20)
        do {
            let environment = try environment(path)
            let transaction = try environment.beginWrite()
            let records = try transaction.createDatabase("records")
            try transaction.put(key(1), value(1), records)
            try transaction.put(key(2), [], records)
            try transaction.put(key(3), large, records)
            try transaction.commit()
        }
        let environment = try environment(path)
        let transaction = try environment.beginRead()
        let records = try #require(try transaction.openDatabase("records"))
        #expect(try transaction.get(key(1), records) == value(1))
        #expect(try transaction.get(key(2), records) == [])
        #expect(try transaction.get(key(3), records) == large)
        #expect(try transaction.get(key(4), records) == nil)
        #expect(try transaction.entryCount(in: records) == 3)
        #expect(try transaction.openDatabase("other") == nil)
    }

    @Test func abortLeavesNothing() throws {
        let environment = try environment(directory.file())
        try environment.fill(10)
        do {
            let transaction = try environment.beginWrite()
            let records = try #require(try transaction.openDatabase("records"))
            let other = try transaction.createDatabase("other")
            try transaction.put(key(10), value(10), records)
            try transaction.put(key(1), value(1), other)
            #expect(try transaction.get(key(10), records) == value(10))
        }
        #expect(try environment.countOfGoodEntries() == 10)
        let transaction = try environment.beginRead()
        #expect(try transaction.openDatabase("other") == nil)
    }

    @Test func aReaderSeesOneState() throws {
        let environment = try environment(directory.file())
        try environment.fill(100)
        let before = try environment.beginRead()
        let records = try #require(try before.openDatabase("records"))
        do {
            let transaction = try environment.beginWrite()
            try transaction.put(key(100), value(100), records)
            #expect(try transaction.delete(key(0), records))
            _ = try transaction.createDatabase("later")
            try transaction.commit()
        }
        #expect(try before.get(key(100), records) == nil)
        #expect(try before.get(key(0), records) == value(0))
        #expect(try before.openDatabase("later") == nil)
        let after = try environment.beginRead()
        #expect(try after.get(key(100), records) == value(100))
        #expect(try after.get(key(0), records) == nil)
        #expect(try after.openDatabase("later") != nil)
    }

    @Test func putModes() throws {
        let environment = try environment(directory.file())
        let transaction = try environment.beginWrite()
        let records = try transaction.createDatabase("records")
        try transaction.put(key(5), [1], records, .append)
        // Not greater than the last key: refused, and the transaction goes on.
        #expect(lmdbError { try transaction.put(key(5), [2], records, .append) } == .keyExists)
        #expect(lmdbError { try transaction.put(key(4), [2], records, .append) } == .keyExists)
        #expect(lmdbError { try transaction.put(key(5), [2], records, .insert) } == .keyExists)
        #expect(try transaction.get(key(5), records) == [1])
        try transaction.put(key(5), [3, 3], records, .replace)
        try transaction.put(key(2), [4], records, .insert)
        try transaction.put(key(6), [5], records, .append)
        #expect(try transaction.get(key(5), records) == [3, 3])
        #expect(try transaction.entryCount(in: records) == 3)
        #expect(try transaction.delete(key(2), records))
        #expect(try !transaction.delete(key(2), records))
        try transaction.removeAll(in: records)
        #expect(try transaction.entryCount(in: records) == 0)
        try transaction.commit()
    }

    @Test func putInPlace() throws {
        let environment = try environment(directory.file())
        let transaction = try environment.beginWrite()
        let records = try transaction.createDatabase("records")
        for size in [0, 1, 100, 3_000, 100_000] {
            try transaction.put(
                key(size).span,
                valueSizeBytes: size,
                in: records,
                mode: .append
            ) { span in
                // The second half is left as it is found.
                for index in 0..<size / 2 { span[index] = 7 }
            }
            let expected =
                [UInt8](repeating: 7, count: size / 2)
                + [UInt8](repeating: 0, count: size - size / 2)
            #expect(try transaction.get(key(size), records) == expected)
        }
        for size in [0, 9, 5_000] {
            let header = value(1, count: 16)
            let body = value(2, count: size)
            try transaction.put(
                key(size).span,
                header: header.span,
                body: body.span,
                in: records,
                mode: .replace
            )
            #expect(try transaction.get(key(size), records) == header + body)
        }
        let empty: [UInt8] = []
        try transaction.put(
            key(1).span,
            header: empty.span,
            body: empty.span,
            in: records,
            mode: .replace
        )
        #expect(try transaction.get(key(1), records) == [])
        try transaction.commit()
    }

    @Test func keysHaveOneTo511Bytes() throws {
        let environment = try environment(directory.file())
        let transaction = try environment.beginWrite()
        let records = try transaction.createDatabase("records")
        try transaction.put([1], [], records, .insert)
        try transaction.put([UInt8](repeating: 2, count: 511), [], records, .insert)
        #expect(lmdbError { try transaction.put([], [], records, .insert) } != nil)
        let long = [UInt8](repeating: 2, count: 512)
        #expect(lmdbError { try transaction.put(long, [], records, .insert) } != nil)
    }

    @Test func mapFullThenGrow() throws {
        let environment = try environment(directory.file(), mapSizeBytes: 256 << 10)
        try environment.fill(10)
        let error = lmdbError {
            let transaction = try environment.beginWrite()
            let blobs = try transaction.createDatabase("blobs")
            for number in 0..<100 {
                do throws(LMDBError) {
                    try transaction.put(key(number), value(number, count: 10_000), blobs)
                } catch {
                    // The first reason stays the reason.
                    #expect(lmdbError { try transaction.put([1], [1], blobs) } == .mapFull)
                    throw error
                }
            }
            try transaction.commit()
        }
        #expect(error == .mapFull)
        #expect(try environment.countOfGoodEntries() == 10)

        do {
            let reader = try environment.beginRead()
            _ = try reader.openDatabase("records")
            #expect(lmdbError { try environment.grow(mapSizeBytes: 1 << 30) } == .transactionsOpen)
        }
        try environment.grow(mapSizeBytes: 1 << 30)
        #expect(try environment.information().mapSizeBytes == 1 << 30)
        let transaction = try environment.beginWrite()
        let blobs = try transaction.createDatabase("blobs")
        for number in 0..<100 {
            try transaction.put(key(number), value(number, count: 10_000), blobs)
        }
        try transaction.commit()
        #expect(try environment.countOfGoodEntries() == 10)
    }

    @Test func closeWaitsForTransactionsAndIsIdempotent() throws {
        let path = directory.file()
        let environment = try environment(path)
        try environment.fill(10)
        do {
            let transaction = try environment.beginRead()
            environment.close()
            environment.close()
            let records = try #require(try transaction.openDatabase("records"))
            #expect(try transaction.get(key(9), records) == value(9))
            #expect(lmdbError { _ = try environment.beginRead() } == .closed)
            #expect(lmdbError { _ = try environment.beginWrite() } == .closed)
        }
        #expect(lmdbError { _ = try environment.information() } == .closed)
        let again = try self.sealedCopy(of: path)
        #expect(try again.countOfGoodEntries() == 10)
    }

    @Test func everyReaderSlotTaken() throws {
        let environment = try Environment(
            path: directory.file(),
            access: .readWrite(mapSizeBytes: 1 << 20),
            maxDatabases: 1,
            maxReaders: 2
        )
        // LMDB rounds the reader table up to whole pages; far more than fit is enough.
        var held: [Held] = []
        let error = lmdbError {
            for _ in 0..<1_000 { held.append(Held(try environment.beginRead())) }
        }
        #expect(error == .readersFull)
        held.removeAll()
        _ = try environment.beginRead()
        #expect(try environment.clearStaleReaders() == 0)
    }

    @Test func oneMoreDatabaseThanAllowed() throws {
        let environment = try Environment(
            path: directory.file(),
            access: .readWrite(mapSizeBytes: 1 << 20),
            maxDatabases: 1
        )
        let transaction = try environment.beginWrite()
        _ = try transaction.createDatabase("one")
        #expect(lmdbError { _ = try transaction.createDatabase("two") } != nil)
    }

    private func sealedCopy(of path: String) throws -> Environment {
        try write(try contents(path), to: directory.file("copy.mdb"))
        return try sealed(directory.file("copy.mdb"))
    }

    /// A place to keep a transaction in an array.
    final class Held {
        let transaction: ReadTransaction
        init(_ transaction: consuming ReadTransaction) { self.transaction = transaction }
    }
}
