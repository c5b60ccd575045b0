import Platform
import Synchronization
import Testing

@testable import LMDBKit

@Suite struct ConcurrencyTests {
    /// Each commit adds ten entries; whatever a reader sees is a multiple of ten, and whole.
    @Test func readersBesideAWriter() throws {
        let directory = try TemporaryDirectory()
        let environment = try environment(directory.file())
        try environment.fill(10)
        let isDone = Atomic(false)
        let failures = Atomic(0)
        let reads = Atomic(0)
        try withReaders(3) {
            repeat {
                do {
                    let count = try environment.countOfGoodEntries()
                    if !count.isMultiple(of: 10) { failures.add(1, ordering: .relaxed) }
                    reads.add(1, ordering: .relaxed)
                } catch {
                    failures.add(1, ordering: .relaxed)
                }
            } while !isDone.load(ordering: .relaxed)
        } while: {
            defer { isDone.store(true, ordering: .relaxed) }
            for start in stride(from: 10, to: 500, by: 10) {
                let transaction = try environment.beginWrite()
                let records = try transaction.createDatabase("records")
                for number in start..<start + 10 {
                    try transaction.put(key(number), value(number), records)
                }
                try transaction.commit()
            }
        }
        #expect(failures.load(ordering: .relaxed) == 0)
        #expect(reads.load(ordering: .relaxed) >= 3)
        #expect(try environment.countOfGoodEntries() == 500)
    }

    /// A transaction that began on one thread is read and ended on others.
    @Test func readTransactionsMoveBetweenThreads() throws {
        let directory = try TemporaryDirectory()
        let environment = try environment(directory.file())
        try environment.fill(10)
        let holder = Platform.Mutex<Holder?>(Holder(try environment.beginRead()))
        let found = Atomic(0)
        for number in 0..<10 {
            Thread(name: "reader") {
                if holder.withLock({ $0?.has(number) == true }) { found.add(1, ordering: .relaxed) }
            }.join()
        }
        Thread(name: "closer") { holder.withLock { $0 = nil } }.join()
        #expect(found.load(ordering: .relaxed) == 10)
        environment.close()
    }

    private func withReaders(
        _ count: Int,
        _ read: @escaping @Sendable () -> Void,
        while write: () throws -> Void
    ) throws {
        let threads = (0..<count).map { Thread(name: "reader \($0)", read) }
        defer { for thread in threads { thread.join() } }
        try write()
    }

    /// `@unchecked Sendable`: the test uses it from one thread at a time.
    private final class Holder: @unchecked Sendable {
        private let transaction: ReadTransaction

        init(_ transaction: consuming ReadTransaction) { self.transaction = transaction }

        func has(_ number: Int) -> Bool {
            guard let records = try? transaction.openDatabase("records") else { return false }
            return (try? transaction.get(key(number), records)) == value(number)
        }
    }
}
