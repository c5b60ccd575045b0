import Testing

@testable import LMDBKit

@Suite struct CursorTests {
    let directory: TemporaryDirectory
    let environment: Environment

    init() throws {
        directory = try TemporaryDirectory()
        environment = try LMDBKitTests.environment(directory.file())
        let transaction = try environment.beginWrite()
        let even = try transaction.createDatabase("even")
        for number in stride(from: 0, through: 2_000, by: 2) {
            try transaction.put(key(number), value(number, count: 100), even)
        }
        _ = try transaction.createDatabase("empty")
        try transaction.commit()
    }

    private func current(_ cursor: borrowing Cursor) throws -> [UInt8] {
        try cursor.withCurrent { key, _ in copy(key) }
    }

    @Test func walksBothWays() throws {
        let transaction = try environment.beginRead()
        let even = try #require(try transaction.openDatabase("even"))
        var cursor = try transaction.cursor(in: even)
        var forward: [[UInt8]] = []
        while try cursor.next() { forward.append(try current(cursor)) }
        #expect(forward == stride(from: 0, through: 2_000, by: 2).map(key))
        var backward: [[UInt8]] = []
        while try cursor.previous() { backward.append(try current(cursor)) }
        #expect(backward == forward.reversed())
    }

    @Test func seeks() throws {
        let transaction = try environment.beginRead()
        let even = try #require(try transaction.openDatabase("even"))
        var cursor = try transaction.cursor(in: even)
        #expect(try cursor.first())
        #expect(try current(cursor) == key(0))
        #expect(try cursor.last())
        #expect(try current(cursor) == key(2_000))
        #expect(try cursor.seek(atOrAfter: key(1_001).span))
        #expect(try current(cursor) == key(1_002))
        let found = try cursor.withCurrent { _, found in copy(found) }
        #expect(found == value(1_002, count: 100))
        #expect(try cursor.previous())
        #expect(try current(cursor) == key(1_000))
        #expect(try cursor.seek(exactly: key(4).span))
        #expect(try current(cursor) == key(4))
        let hasOdd = try cursor.seek(exactly: key(5).span)
        #expect(!hasOdd)
        let hasLater = try cursor.seek(atOrAfter: key(2_001).span)
        #expect(!hasLater)
    }

    @Test func emptyDatabase() throws {
        let transaction = try environment.beginRead()
        let empty = try #require(try transaction.openDatabase("empty"))
        var cursor = try transaction.cursor(in: empty)
        #expect(try !cursor.first())
        #expect(try !cursor.last())
        #expect(try !cursor.next())
        #expect(try !cursor.previous())
        let isThere = try cursor.seek(atOrAfter: key(0).span)
        #expect(!isThere)
    }

    @Test func cursorOfAWriteTransactionSeesItsPuts() throws {
        let transaction = try environment.beginWrite()
        let even = try #require(try transaction.openDatabase("even"))
        var cursor = try transaction.cursor(in: even)
        #expect(try cursor.last())
        try transaction.put(key(2_002), [1], even)
        #expect(try cursor.next())
        #expect(try current(cursor) == key(2_002))
        // The commit ends the cursor as well; its own end must not free it again.
        try transaction.commit()
    }

    @Test func cursorMayGoBeforeOrAfterItsTransaction() throws {
        for _ in 0..<3 {
            let transaction = try environment.beginRead()
            let even = try #require(try transaction.openDatabase("even"))
            do {
                var early = try transaction.cursor(in: even)
                #expect(try early.first())
            }
            let late = try transaction.cursor(in: even)
            end(transaction)
            _ = consume late
        }
        for _ in 0..<3 {
            let transaction = try environment.beginWrite()
            let even = try #require(try transaction.openDatabase("even"))
            let cursor = try transaction.cursor(in: even)
            try transaction.commit()
            _ = consume cursor
        }
    }

    private func end(_ transaction: consuming ReadTransaction) {}
}
