import Cryptography
import EvidenceModel
import Platform
import Testing
import TransparencyLog

@testable import EvidenceStore

@Suite struct FsckTests {
    private func check(_ path: String) throws -> FsckReport {
        var fsck = try Fsck(path: path)
        return try fsck.run()
    }

    /// A log with sealed and open segments, sealed and open records, and a payload file.
    private func richLog() throws -> Fixture {
        let fixture = try Fixture()
        try fixture.fill(300, keyed: true)
        _ = try fixture.append(
            fixture.submission([UInt8](repeating: 3, count: 2_500_000), name: "large")
        )
        // Commits of all sizes up to that.
        var (done, size) = (0, 1)
        while done < 200 {
            let batch = try (done..<min(200, done + size)).map { number in
                try fixture.submission(
                    Array("private \(number)".utf8),
                    name: "hidden-\(number)",
                    collection: "private",
                    key: "k\(number)",
                    isSealed: true
                )
            }
            _ = try fixture.append(batch)
            (done, size) = (done + batch.count, size + 1)
        }
        try fixture.fill(100)
        fixture.waitForSeals()
        return fixture
    }

    @Test func soundLogIsClean() throws {
        let fixture = try richLog()
        let size = fixture.store.checkpoint.size
        let root = fixture.store.checkpoint.root
        try fixture.reopen {
            let report = try check(fixture.path)
            #expect(report.findings == [])
            #expect(report.records == size.value)
            #expect(report.root == root.hex)
            #expect(report.sealedSegments == 2)
            #expect(report.signatures == 3)
            #expect(report.payloads + report.acts == size.value)
        }
    }

    @Test func logThatIsOpenIsLeftAlone() throws {
        let fixture = try Fixture()
        #expect(throws: StoreError.busy(path: fixture.path)) { try check(fixture.path) }
    }

    @Test func fsckChangesNothing() throws {
        let fixture = try richLog()
        try fixture.reopen {
            let before = try snapshot(fixture.path)
            _ = try check(fixture.path)
            #expect(try snapshot(fixture.path) == before)
        }
    }

    /// Bytes of every file below a directory.
    private func snapshot(_ path: String) throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in try FileSystem.list(path) {
            let child = "\(path)/\(name)"
            if try FileSystem.information(child)?.kind == .directory {
                files.merge(try snapshot(child)) { first, _ in first }
            } else {
                files[child] = try FileSystem.contents(child, limitBytes: 1 << 30)
            }
        }
        return files
    }

    /// Every file that holds evidence, with a change in the middle of its content.
    @Test(arguments: [
        "segments/0000000000/log.mdb", "segments/0000000001/log.mdb",
        "segments/0000000002/active.mdb", "payload-file", "month-file", "log.json",
    ])
    func changedContentIsFound(_ what: String) throws {
        let fixture = try richLog()
        fixture.store.close()
        let path = try resolve(what, in: fixture.path)
        var bytes = try FileSystem.contents(path, limitBytes: 1 << 30)
        let needle: [UInt8] =
            switch what {
            case "log.json": Array("log.example".utf8)
            case "month-file": Array("payload 1".utf8)
            case "payload-file": []
            default: Array("\"kind\":\"evidence\"".utf8)
            }
        let place = try #require(
            needle.isEmpty ? bytes.count / 2 : places(of: needle, in: bytes).first
        )
        bytes[place] ^= 0x01
        try FileSystem.setPermissions(path, 0o600)
        try FileSystem.writeDurably(bytes.span, to: path, permissions: 0o600)
        let isFound: Bool
        do {
            isFound = try !check(fixture.path).isClean
        } catch let error as StoreError {
            isFound = if case .damaged = error { true } else { false }
        }
        #expect(isFound)
        bytes[place] ^= 0x01
        try FileSystem.writeDurably(bytes.span, to: path, permissions: 0o600)
        try fixture.reopen()
    }

    /// A table's name that sorts elsewhere than it stands, as after a flipped bit.
    @Test(arguments: ["records", "openings", "tiles"])
    func tableOutOfOrderIsDamage(_ name: String) throws {
        let fixture = try Fixture()
        _ = try fixture.append(fixture.submission([1]))
        fixture.store.close()
        let path = fixture.path + "/segments/0000000000/active.mdb"
        var bytes = try FileSystem.contents(path, limitBytes: 1 << 30)
        for place in places(of: Array(name.utf8), in: bytes) {
            bytes[place + 2] ^= 0x20
        }
        try FileSystem.writeDurably(bytes.span, to: path, permissions: 0o600)
        #expect(try !check(fixture.path).isClean)
        #expect {
            try EvidenceStore(path: fixture.path, keys: SigningKeys(fixture.signer)) { _ in }
        } throws: { error in
            if case StoreError.damaged? = error as? StoreError { true } else { false }
        }
    }

    /// A changed hash of a sealed tile is never given out.
    @Test func changedTileIsNotServed() throws {
        let fixture = try richLog()
        let tile = try #require(TileCoordinate(level: 0, index: 0))
        let hashes = try #require(try fixture.store.tile(tile))
        fixture.store.close()
        let path = fixture.path + "/segments/0000000000/log.mdb"
        var bytes = try FileSystem.contents(path, limitBytes: 1 << 30)
        let place = try #require(places(of: Array(hashes.prefix(64)), in: bytes).first)
        bytes[place + 40] ^= 0x10
        try FileSystem.setPermissions(path, 0o600)
        try FileSystem.writeDurably(bytes.span, to: path, permissions: 0o600)
        let store = try EvidenceStore(path: fixture.path, keys: SigningKeys(fixture.signer)) { _ in
        }
        defer { store.close() }
        #expect(throws: StoreError.self) { try store.tile(tile) }
        #expect(throws: StoreError.self) { try store.receipt(for: RecordIndex(7)) }
    }

    /// A file that was cut is found, and never a crash.
    @Test(arguments: [
        "segments/0000000000/log.mdb", "segments/0000000002/active.mdb", "payload-file",
        "month-file", "state/state.mdb", "catalog/catalog.mdb", "log.json",
    ])
    func cutFileIsFound(_ what: String) throws {
        let fixture = try richLog()
        fixture.store.close()
        let path = try resolve(what, in: fixture.path)
        let bytes = try FileSystem.contents(path, limitBytes: 1 << 30)
        // Zeros behind the last page in use are no loss.
        let used = (bytes.lastIndex { $0 != 0 } ?? 0) + 1
        for size in [used / 2, 100, 0] {
            try FileSystem.setPermissions(path, 0o600)
            try FileSystem.writeDurably(
                bytes.span.extracting(first: size),
                to: path,
                permissions: 0o600
            )
            let isFound: Bool
            do {
                isFound = try !check(fixture.path).isClean
            } catch let error as StoreError {
                isFound = if case .damaged = error { true } else { false }
            }
            #expect(isFound, "\(what) cut to \(size) bytes")
        }
        try FileSystem.writeDurably(bytes.span, to: path, permissions: 0o600)
        #expect(try check(fixture.path).isClean)
        try fixture.reopen()
    }

    private func resolve(_ what: String, in root: String) throws -> String {
        switch what {
        case "payload-file":
            for byte in try FileSystem.list(root + "/payloads") {
                for name in try FileSystem.list("\(root)/payloads/\(byte)") {
                    return "\(root)/payloads/\(byte)/\(name)"
                }
            }
        case "month-file":
            let directory = root + "/segments/0000000000"
            for name in try FileSystem.list(directory) where name.hasPrefix("payloads-") {
                return "\(directory)/\(name)"
            }
        default: return "\(root)/\(what)"
        }
        throw StoreError.notFound(what)
    }
}

@Suite struct RandomDamageTests {
    /// Any changed byte of a sealed segment or a payload file is found, and nothing crashes on it.
    @Test func everyChangedByteIsFound() throws {
        let fixture = try Fixture()
        _ = try fixture.append(
            fixture.submission(Random.bytes(count: 1_100_000), name: "large")
        )
        try fixture.fill(256, keyed: true)
        fixture.waitForSeals()
        let size = fixture.store.checkpoint.size.value
        fixture.store.close()
        let seed = UInt64.random(in: 0 ... .max)
        print("seed \(seed)")
        var state = seed
        func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 11
        }
        for path in try files(fixture.path) {
            let bytes = try FileSystem.contents(path, limitBytes: 1 << 30)
            try FileSystem.setPermissions(path, 0o600)
            for _ in 0..<5 {
                let place = Int(next() % UInt64(bytes.count))
                var changed = bytes
                changed[place] ^= UInt8(1 << (next() % 8))
                try FileSystem.writeDurably(changed.span, to: path, permissions: 0o600)
                var isFound = false
                do throws(StoreError) {
                    var fsck = try Fsck(path: fixture.path)
                    isFound = try !fsck.run().isClean
                } catch {
                    isFound = if case .damaged = error { true } else { false }
                }
                #expect(isFound, "\(path) at \(place)")
                try readAll(fixture, size)
            }
            try FileSystem.writeDurably(bytes.span, to: path, permissions: 0o440)
        }
        try fixture.reopen()
        try readAll(fixture.store, size)
    }

    private func files(_ root: String) throws -> [String] {
        var found: [String] = []
        for directory in try FileSystem.list(root + "/payloads") {
            for name in try FileSystem.list("\(root)/payloads/\(directory)") {
                found.append("\(root)/payloads/\(directory)/\(name)")
            }
        }
        for name in try FileSystem.list(root + "/segments/0000000000") {
            found.append("\(root)/segments/0000000000/\(name)")
        }
        return found
    }

    /// What a damaged log gives out is right, or it gives nothing.
    private func readAll(_ fixture: Fixture, _ size: UInt64) throws {
        let store: EvidenceStore
        do {
            store = try EvidenceStore(path: fixture.path, keys: SigningKeys(fixture.signer)) { _ in
            }
        } catch {
            guard case .damaged = error else { throw error }
            return
        }
        defer { store.close() }
        try readAll(store, size)
    }

    private func readAll(_ store: EvidenceStore, _ size: UInt64) throws {
        for value in 1..<size where value % 256 != 0 {
            do throws(StoreError) {
                _ = try store.receipt(for: RecordIndex(value))
                let reader = try store.payload(at: RecordIndex(value))
                var offset: UInt64 = 0
                var hasher = SHA256Hasher()
                while offset < reader.sizeBytes {
                    let piece = try reader.read(at: offset, limit: 1 << 20)
                    hasher.update(piece.span)
                    offset += UInt64(piece.count)
                }
                #expect(hasher.finalize() == reader.digest)
            } catch {
                guard case .damaged = error else { throw error }
            }
        }
    }
}
