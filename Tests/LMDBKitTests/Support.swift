import Platform

@testable import LMDBKit

// Platform has one of its own: the variables of the process.
typealias Environment = LMDBKit.Environment

/// A directory of one test, removed with the value.
final class TemporaryDirectory {
    let path: String

    init() throws {
        path = "/tmp/lmdbkit-\(UInt64.random(in: 0...UInt64.max))"
        try FileSystem.makeDirectory(path)
    }

    deinit { try? FileSystem.removeTree(path) }

    func file(_ name: String = "test.mdb") -> String { path + "/" + name }
}

func environment(_ path: String, mapSizeBytes: Int = 1 << 30) throws -> Environment {
    try Environment(path: path, access: .readWrite(mapSizeBytes: mapSizeBytes), maxDatabases: 8)
}

func sealed(_ path: String) throws -> Environment {
    try Environment(path: path, access: .readOnlySealed, maxDatabases: 8)
}

/// Eight bytes whose order is that of the numbers.
func key(_ number: Int) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) }
}

/// Bytes that differ from number to number.
func value(_ number: Int, count: Int = 700) -> [UInt8] {
    let start = number &* 31 & 255
    return Array(pattern[start..<start + count])
}

private let pattern = [UInt8]((0..<4_200).flatMap { _ in UInt8.min...UInt8.max }.map { $0 &* 7 })

func copy(_ bytes: Span<UInt8>) -> [UInt8] {
    unsafe bytes.withUnsafeBufferPointer { unsafe [UInt8]($0) }
}

// `#expect` cannot take a `Span` apart, so the tests speak of arrays.

extension WriteTransaction {
    func put(
        _ key: [UInt8],
        _ value: [UInt8],
        _ database: Database,
        _ mode: PutMode = .append
    ) throws(LMDBError) {
        try put(key.span, value.span, in: database, mode: mode)
    }

    func get(_ key: [UInt8], _ database: Database) throws(LMDBError) -> [UInt8]? {
        try get(key.span, in: database, copy)
    }

    func delete(_ key: [UInt8], _ database: Database) throws(LMDBError) -> Bool {
        try delete(key.span, in: database)
    }
}

extension ReadTransaction {
    func get(_ key: [UInt8], _ database: Database) throws(LMDBError) -> [UInt8]? {
        try get(key.span, in: database, copy)
    }
}

extension Environment {
    /// Commits `count` entries to the database "records".
    func fill(_ count: Int, valueBytes: Int = 700) throws {
        let transaction = try beginWrite()
        let records = try transaction.createDatabase("records")
        for number in 0..<count {
            try transaction.put(key(number), value(number, count: valueBytes), records)
        }
        try transaction.commit()
    }

    /// How many entries `fill` made that are there, whole and in order.
    func countOfGoodEntries() throws -> Int {
        let transaction = try beginRead()
        guard let records = try transaction.openDatabase("records") else { return 0 }
        var cursor = try transaction.cursor(in: records)
        var count = 0
        while try cursor.next() {
            let isGood = try cursor.withCurrent { foundKey, found in
                copy(foundKey) == key(count) && copy(found) == value(count, count: found.count)
            }
            guard isGood else { return count }
            count += 1
        }
        return count
    }
}

/// The error that `body` throws.
func lmdbError(_ body: () throws -> Void) -> LMDBError? {
    do {
        try body()
        return nil
    } catch {
        return error as? LMDBError
    }
}

func contents(_ path: String) throws -> [UInt8] {
    let file = try File(path, .read)
    return try file.read(count: Int(file.sizeBytes()), at: 0)
}

func write(_ bytes: [UInt8], to path: String) throws {
    try File(path, .createOrTruncate(permissions: 0o600)).write(bytes.span)
}
