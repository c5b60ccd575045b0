import Testing

@testable import Platform

@Suite struct FileTests {
    private let directory: String

    init() throws {
        let name = Random.bytes(count: 8).map { String($0, radix: 16) }.joined()
        directory = "/tmp/strongroom-platform-\(name)"
        try FileSystem.makeDirectory(directory)
    }

    @Test func whatIsWrittenIsReadBack() throws {
        defer { try? FileSystem.removeTree(directory) }
        let path = directory + "/a"
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        do {
            let file = try File(path, .create(permissions: 0o640))
            try file.write(bytes.span)
            try file.write([1, 2, 3].span, at: 10)
            try file.sync()
        }
        let read = try FileSystem.contents(path)
        #expect(read.count == bytes.count)
        #expect(Array(read[10..<13]) == [1, 2, 3])
        #expect(Array(read[13...]) == Array(bytes[13...]))
        #expect(try FileSystem.information(path)?.permissions == 0o640)
    }

    @Test func failuresNameOperationPathAndReason() throws {
        defer { try? FileSystem.removeTree(directory) }
        let path = directory + "/absent"
        #expect(throws: SystemError(operation: "open", path: path, errno: .notFound)) {
            _ = try File(path, .read).sizeBytes()
        }
        try FileSystem.writeDurably([1].span, to: path, permissions: 0o600)
        #expect(throws: SystemError(operation: "open", path: path, errno: .exists)) {
            _ = try File(path, .create(permissions: 0o600)).sizeBytes()
        }
        #expect(throws: SystemError.self) { try FileSystem.contents(path, limitBytes: 0) }
    }

    @Test func secondLockIsRefusedUntilTheFirstGoes() throws {
        defer { try? FileSystem.removeTree(directory) }
        let path = directory + "/LOCK"
        do {
            let first = try File(path, .createOrTruncate(permissions: 0o600))
            #expect(try first.tryLockExclusively())
            let second = try File(path, .readWrite)
            #expect(try !second.tryLockExclusively())
        }
        let third = try File(path, .readWrite)
        #expect(try third.tryLockExclusively())
    }

    @Test func listIsSortedAndTreesGoWhole() throws {
        for name in ["b", "a", "c"] { try FileSystem.makeDirectory("\(directory)/\(name)") }
        try FileSystem.writeDurably([7].span, to: directory + "/a/x", permissions: 0o600)
        #expect(try FileSystem.list(directory) == ["a", "b", "c"])
        try FileSystem.removeTree(directory)
        #expect(try !FileSystem.exists(directory))
    }

    @Test func parents() {
        #expect(FileSystem.parent(of: "a/b/c") == "a/b")
        #expect(FileSystem.parent(of: "c") == ".")
        #expect(FileSystem.parent(of: "/c") == "/")
    }
}

@Suite struct ThreadTests {
    @Test func mutexAndConditionHandOver() {
        let count = Mutex(0)
        let changed = Condition()
        let threads = (0..<4).map { _ in
            Thread(name: "adder", priority: .background) {
                for _ in 0..<1000 { count.withLock { $0 += 1 } }
                changed.broadcast()
            }
        }
        let seen = count.withLock(when: { $0 == 4000 }, on: changed) { $0 }
        #expect(seen == 4000)
        for thread in threads { thread.join() }
    }

    @Test func waitEndsAtItsDeadline() {
        let never = Mutex(false)
        let deadline = Clock.monotonicNanoseconds() + 5_000_000
        let value = never.withLock(
            when: { $0 },
            on: Condition(),
            deadlineNanoseconds: deadline
        ) { $0 }
        #expect(!value)
        #expect(Clock.monotonicNanoseconds() >= deadline)
    }

    @Test func randomBytesDiffer() {
        #expect(Random.bytes(count: 32) != Random.bytes(count: 32))
        #expect(Random.bytes(count: 0).isEmpty)
    }
}
