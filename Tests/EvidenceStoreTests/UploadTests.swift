import EvidenceModel
import Platform
import Testing
import TransparencyLog

@testable import EvidenceStore

@Suite struct UploadTests {
    private func incoming(_ path: String) throws -> [String] {
        try FileSystem.list(StorePaths(path).incoming)
    }

    private func settled(_ path: String) throws -> [String] {
        try FileSystem.list(StorePaths(path).payloads).filter { $0 != "incoming" }.flatMap {
            try FileSystem.list("\(path)/payloads/\($0)")
        }
    }

    /// A failure in the middle must not make it forget a file: the sweep would remove it later.
    @Test func failedSettleIsDoneWholeTheNextTime() throws {
        let directory = try TemporaryDirectory()
        let paths = StorePaths(directory.path)
        try UploadDirectory.create(paths)
        let uploads = UploadDirectory(paths)
        let ids = try (0..<20).map { number in
            let id = UploadID([UInt8](repeating: UInt8(number), count: 16).span)
            return try #require(id)
        }
        for id in ids {
            _ = try File(paths.incoming(id), .create(permissions: 0o600))
            uploads.markTaken(id)
        }
        let blocked = FileSystem.parent(of: paths.payloadFile(ids[7]))
        try FileSystem.removeDirectory(blocked)
        #expect(throws: StoreError.self) { try uploads.settle() }
        #expect(throws: StoreError.self) { try uploads.settle() }
        try FileSystem.makeDirectory(blocked)
        try uploads.settle()
        for id in ids {
            #expect(try FileSystem.exists(paths.payloadFile(id)))
            _ = try uploads.open(id)
        }
        #expect(try incoming(directory.path) == [])
        // Nothing is left to do.
        try FileSystem.removeDirectory(paths.incoming)
        try uploads.settle()
    }

    @Test func abandonedUploadLeavesNothing() throws {
        let fixture = try Fixture()
        do {
            let upload = try fixture.store.beginUpload(expectedSizeBytes: 3 << 20)
            try upload.write([UInt8](repeating: 1, count: 3 << 20).span)
            #expect(try incoming(fixture.path).count == 1)
            withExtendedLifetime(upload) {}
        }
        #expect(try incoming(fixture.path) == [])
        do {
            let staged = try fixture.submission([UInt8](repeating: 1, count: 2 << 20))
            #expect(try incoming(fixture.path).count == 1)
            withExtendedLifetime(staged) {}
        }
        #expect(try incoming(fixture.path) == [])
    }

    @Test func repeatedUploadLeavesNoSecondFile() throws {
        let fixture = try Fixture()
        let payload = [UInt8](repeating: 5, count: 2 << 20)
        let first = try fixture.append(fixture.submission(payload, key: "k"))
        #expect(try fixture.append(fixture.submission(payload, key: "k")) == first)
        // The sequencer lets go of the second upload some time after its answer.
        while try incoming(fixture.path).count > 1 { Clock.sleep(milliseconds: 1) }
        #expect(try incoming(fixture.path).count == 1)
        try fixture.reopen()
        #expect(try incoming(fixture.path) == [])
        #expect(try settled(fixture.path).count == 1)
        #expect(try fixture.payload(first) == payload)
    }

    @Test func startKeepsWhatRecordsNameAndRemovesTheRest() throws {
        let fixture = try Fixture()
        let payload = Random.bytes(count: 1_200_000)
        let index = try fixture.append(fixture.submission(payload))
        #expect(try incoming(fixture.path).count == 1)
        try fixture.reopen {
            for name in ["00112233445566778899aabbccddeeff.zst", "garbage", ".hidden"] {
                _ = try File(
                    "\(StorePaths(fixture.path).incoming)/\(name)",
                    .create(permissions: 0o600)
                )
            }
        }
        #expect(try incoming(fixture.path) == [])
        #expect(try settled(fixture.path).count == 1)
        #expect(try fixture.payload(index) == payload)
    }

    @Test func payloadBeyondTheLimitIsRefused() throws {
        var configuration = StoreConfiguration()
        configuration.payloadLimitBytes = 3_000_000
        let fixture = try Fixture(configuration: configuration)
        #expect(throws: StoreError.self) {
            try fixture.submission([UInt8](repeating: 1, count: 3_000_001))
        }
        _ = try fixture.append(fixture.submission([UInt8](repeating: 1, count: 3_000_000)))
    }

    @Test func memoryOfUploadsIsBounded() throws {
        var configuration = StoreConfiguration()
        configuration.uploadLimitBytes = 1 << 20
        let fixture = try Fixture(configuration: configuration)
        do {
            let first = try fixture.store.beginUpload(expectedSizeBytes: 1 << 20)
            #expect(throws: StoreError.overloaded(retryAfterSeconds: 1)) {
                try fixture.store.beginUpload(expectedSizeBytes: 1)
            }
            let second = try fixture.store.beginUpload(expectedSizeBytes: nil)
            #expect(throws: StoreError.overloaded(retryAfterSeconds: 1)) {
                try second.write([1].span)
            }
            try first.write([1].span)
        }
        // What was given back can be taken again.
        _ = try fixture.store.beginUpload(expectedSizeBytes: 1 << 20)
    }

    @Test func readinessLooksAtTheDiskAsItIsNow() throws {
        let directory = try TemporaryDirectory(in: "/dev/shm")
        let free = try FileSystem.freeBytes(at: directory.path)
        let reserve = try DiskReserve(path: directory.path, reserveBytes: free - (16 << 20))
        try reserve.check(adding: 0)
        let file = try File(directory.path + "/filler", .create(permissions: 0o600))
        try file.write([UInt8](repeating: 1, count: 32 << 20).span)
        try reserve.refresh()
        #expect(throws: StoreError.self) { try reserve.check(adding: 0) }
        try FileSystem.unlink(directory.path + "/filler")
    }

    @Test func fullDiskRefusesBeforeAnythingIsRead() throws {
        var configuration = StoreConfiguration()
        configuration.diskReserveBytes = .max
        let fixture = try Fixture(configuration: configuration)
        #expect(throws: StoreError.self) { try fixture.store.checkReadiness() }
        #expect(throws: StoreError.self) {
            try fixture.store.beginUpload(expectedSizeBytes: nil)
        }
        #expect(throws: StoreError.self) { try fixture.append([]) }
        #expect(fixture.store.checkpoint.size.value == 1)
    }
}
