import Platform
import Testing

@testable import LMDBKit

@Suite struct DamageTests {
    let directory: TemporaryDirectory
    let path: String

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.file()
        try environment(path).fill(1_000)
    }

    /// What opening a file of these bytes throws, both ways.
    private func errors(of bytes: [UInt8]) throws -> [LMDBError?] {
        let other = directory.file("other.mdb")
        try write(bytes, to: other)
        return [
            lmdbError { _ = try sealed(other) }, lmdbError { _ = try environment(other) },
        ]
    }

    private func isDamaged(_ error: LMDBError?) -> Bool {
        if case .damaged = error { true } else { false }
    }

    @Test func sealedFileNeedsNoLockFile() throws {
        let copy = directory.file("sealed.mdb")
        try write(try contents(path), to: copy)
        let environment = try sealed(copy)
        #expect(try environment.countOfGoodEntries() == 1_000)
        #expect(try FileSystem.exists(copy + "-lock") == false)
        let size = try File(copy, .read).sizeBytes()
        #expect(try environment.information().mapSizeBytes == Int(size))
        #expect(try environment.fileSizeBytes == size)
        #expect(lmdbError { _ = try environment.beginWrite() } != nil)
    }

    @Test func absentFile() throws {
        #expect(lmdbError { _ = try sealed(directory.file("absent.mdb")) } != nil)
        #expect(lmdbError { _ = try environment(directory.file("no/absent.mdb")) } != nil)
    }

    @Test(arguments: [1, 2, 3, 10, 100, 200])
    func truncatedFile(missingPages: Int) throws {
        let bytes = try contents(path)
        for error in try errors(of: Array(bytes.dropLast(missingPages * 4_096))) {
            #expect(
                error
                    == .truncated(
                        path: directory.file("other.mdb"),
                        expectedBytes: UInt64(bytes.count),
                        actualBytes: UInt64(bytes.count - missingPages * 4_096)
                    )
            )
        }
    }

    @Test func halfAPageShort() throws {
        let bytes = try contents(path)
        for error in try errors(of: bytes.dropLast(2_048)) {
            guard case .truncated = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test(arguments: [1, 100, 4_095, 4_096, 4_200, 8_191])
    func tooShortForTwoMetaPages(count: Int) throws {
        let bytes = try contents(path)
        for error in try errors(of: Array(bytes.prefix(count))) where count < 4_096 + 152 {
            #expect(isDamaged(error))
        }
        #expect(try errors(of: Array(bytes.prefix(count))).allSatisfy { $0 != nil })
    }

    @Test func emptyFileIsNewUnlessSealed() throws {
        let errors = try errors(of: [])
        #expect(isDamaged(errors[0]))
        #expect(errors[1] == nil)
    }

    @Test func garbage() throws {
        let text = Array("not a database, but long enough to be one\n".utf8)
        var bytes: [UInt8] = []
        while bytes.count < 100_000 { bytes += text }
        #expect(try errors(of: bytes).allSatisfy(isDamaged))
        #expect(try errors(of: [UInt8](repeating: 0, count: 65_536)).allSatisfy(isDamaged))
        #expect(try errors(of: [UInt8](repeating: 255, count: 65_536)).allSatisfy(isDamaged))
    }

    /// Magic, version, flags, page size and page count of either meta page.
    @Test(arguments: [10, 16, 17, 18, 19, 20, 40, 41, 42, 43, 142], [0, 4_096])
    func damagedMetaPage(offset: Int, page: Int) throws {
        var bytes = try contents(path)
        bytes[page + offset] ^= 0x7f
        let current = bytes[144] > bytes[4_096 + 144] ? 0 : 4_096
        for error in try errors(of: bytes) where offset < 142 || page == current {
            #expect(error != nil)
        }
    }

    @Test func otherVersion() throws {
        var bytes = try contents(path)
        bytes[20] = 2
        #expect(try errors(of: bytes).allSatisfy { $0 == .versionMismatch })
    }

    /// A root that points nowhere is an error when it is used, at the latest.
    @Test func rootBeyondTheEnd() throws {
        var bytes = try contents(path)
        for page in [0, 4_096] { bytes[page + 128 + 2] = 0x7f }
        #expect(try errors(of: bytes).allSatisfy { $0 != nil })
    }

    /// LMDB does not write pages that a transaction took and gave back, so a sound file may be
    /// shorter than its last page number says.
    @Test(arguments: [700, 1_800, 9_000])
    func soundFileThatEndsEarly(valueBytes: Int) throws {
        let busy = directory.file("busy.mdb")
        var expected: [Int: [UInt8]] = [:]
        do {
            let environment = try environment(busy)
            for start in [0, 1_000, 2_000] {
                let transaction = try environment.beginWrite()
                let database = try transaction.createDatabase("busy")
                for number in start..<start + 200 {
                    let bytes = value(number, count: valueBytes)
                    try transaction.put(key(number), bytes, database)
                    if number < start + 100 { expected[number] = bytes }
                }
                for number in (start + 100..<start + 200).reversed() {
                    #expect(try transaction.delete(key(number), database))
                }
                try transaction.commit()
            }
            // The case that this test is about.
            let usedBytes = try environment.information().usedBytes
            #expect(try environment.fileSizeBytes < usedBytes)
        }
        let bytes = try contents(busy)
        #expect(try errors(of: bytes) == [nil, nil])
        try expectContents(of: try sealed(directory.file("other.mdb")), expected)
        try expectContents(of: try environment(busy), expected)
        for error in try errors(of: bytes.dropLast(4_096)) {
            guard case .truncated = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    private func expectContents(of environment: Environment, _ expected: [Int: [UInt8]]) throws {
        let transaction = try environment.beginRead()
        let database = try #require(try transaction.openDatabase("busy"))
        #expect(try transaction.entryCount(in: database) == UInt64(expected.count))
        for (number, bytes) in expected {
            let found = try transaction.get(key(number), database)
            #expect(found == bytes)
        }
    }
}
