import EvidenceModel
import EvidenceStore
import Platform
import Testing
import TransparencyLog

@testable import strongroom

@Suite struct SigningKeyTests {
    @Test func aWrittenKeyIsReadBackAndNeverReplaced() throws {
        let path = "/tmp/strongroom-key-\(TemporaryName.make())"
        defer { try? FileSystem.unlink(path) }
        let (made, isNew) = try SigningKey.readOrMake(path, origin: nil)
        #expect(isNew && made.name.hasPrefix("strongroom.local/"))
        #expect(try FileSystem.information(path)?.permissions == 0o600)
        let (again, isNewAgain) = try SigningKey.readOrMake(path, origin: made.name)
        #expect(!isNewAgain && again.verifierKey == made.verifierKey)
        #expect(throws: CommandFailure.self) {
            _ = try SigningKey.readOrMake(path, origin: "another.example")
        }
        #expect(throws: CommandFailure.self) { try SigningKey.write([made], to: path) }
        #expect(throws: CommandFailure.self) { _ = try SigningKey.make(origin: "a b") }
    }

    @Test func aFailureShowsNoSecret() throws {
        let path = "/tmp/strongroom-key-\(TemporaryName.make())"
        defer { try? FileSystem.unlink(path) }
        try FileSystem.writeDurably(
            Array("PRIVATE+KEY+secret-part\n".utf8).span,
            to: path,
            permissions: 0o600
        )
        do {
            _ = try SigningKey.read(path)
            Issue.record("read as a key")
        } catch {
            #expect(!error.text.contains("secret-part"))
        }
    }

    /// A log whose key file has lines of other keys before its own, up to a size.
    private struct Log {
        let path = "/tmp/strongroom-keys-\(TemporaryName.make())"
        let origin = "log.example/keys"
        var file: String { StorePaths(path).signingKey }

        init(fileSizeBytes limit: Int) throws {
            let signer = try SigningKey.make(origin: origin)
            let geometry = try #require(SegmentGeometry(height: 8))
            _ = try EvidenceStore.create(
                at: path,
                geometry: geometry,
                signer: signer,
                founders: []
            )
            let sizeBytes = signer.secretText.utf8.count + 1
            // No key of the log: a rotation must not take one of them.
            let others = try (1..<limit / sizeBytes).map { _ in
                try SigningKey.make(origin: "old.example/keys")
            }
            try SigningKey.write(others + [signer], to: file)
        }

        func open() throws -> EvidenceStore {
            let keys = try SigningKey.ofOpenedLog(in: path, file: nil)
            return try EvidenceStore(path: path, keys: keys) { _ in }
        }

        func contents() throws -> [UInt8] {
            try FileSystem.contents(file, limitBytes: SigningKey.sizeLimitBytes)
        }

        func rotate(_ store: EvidenceStore) throws {
            let overlap = try RetentionDuration(parsing: "1h")
            _ = try store.rotateKey(
                overlap: overlap,
                by: .anonymous,
                reason: try Reason("a test")
            )
        }

        func remove() { try? FileSystem.removeTree(path) }
    }

    /// What a rotation writes must be read at the next start.
    @Test func aLogOpensAfterManyRotations() throws {
        let log = try Log(fileSizeBytes: SigningKey.sizeLimitBytes / 2)
        defer { log.remove() }
        let store = try log.open()
        try log.rotate(store)
        let known = store.verifierKeys
        store.close()
        let again = try log.open()
        defer { again.close() }
        #expect(again.verifierKeys == known && known.count == 2)
        #expect(try SigningKey.readAll(log.file).last?.verifierKey == known.last)
    }

    /// A key that somebody has prepared meanwhile is not written over.
    @Test func aKeyFileThatWasChangedIsLeftAsItIs() throws {
        let log = try Log(fileSizeBytes: 1024)
        defer { log.remove() }
        let store = try log.open()
        defer { store.close() }
        let prepared = try SigningKey.make(origin: log.origin)
        let changed = try log.contents() + Array((prepared.secretText + "\n").utf8)
        for contents in [changed, Array("no key\n".utf8)] {
            try FileSystem.writeDurably(contents.span, to: log.file, permissions: 0o600)
            #expect(throws: StoreError.self) { try log.rotate(store) }
            #expect(try log.contents() == contents && store.verifierKeys.count == 1)
        }
    }

    @Test func aRotationForWhichTheKeyFileHasNoRoomIsRefused() throws {
        let log = try Log(fileSizeBytes: SigningKey.sizeLimitBytes)
        defer { log.remove() }
        let before = try log.contents()
        let store = try log.open()
        #expect {
            try log.rotate(store)
        } throws: { error in
            guard case .unavailable(let words) = error as? StoreError else { return false }
            return words.contains("has no room") && words.contains("take out")
                && !words.contains("PRIVATE+KEY")
        }
        #expect(store.verifierKeys.count == 1)
        store.close()
        #expect(try log.contents() == before)
        // One line less is room enough.
        try FileSystem.writeDurably(
            Array(before.drop { $0 != UInt8(ascii: "\n") }.dropFirst()).span,
            to: log.file,
            permissions: 0o600
        )
        let again = try log.open()
        defer { again.close() }
        try log.rotate(again)
        #expect(again.verifierKeys.count == 2)
        #expect(try SigningKey.readAll(log.file).last?.verifierKey == again.verifierKeys.last)
    }
}
