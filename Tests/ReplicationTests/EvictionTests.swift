import EvidenceModel
import EvidenceStore
import Platform
import StoreDouble
import Testing
import TransparencyLog

@testable import Replication

/// In `s3-primary` large payloads leave the disk; nothing is lost by it.
@Suite struct EvictionTests {
    /// A log in `s3-primary` with payloads of a sealed segment, and one of the next.
    private final class Site {
        let fixture: CopyFixture
        let large: [RecordIndex]
        let unsealed: RecordIndex
        let bytes: [RecordIndex: [UInt8]]

        init(lock: LockRequest = .standard) throws {
            fixture = try CopyFixture()
            large = try fixture.fill(2, bytes: 1_300_000, lock: lock)
            try fixture.fill(260)
            let store = fixture.store
            #expect(fixture.eventually { store.unsealedSegmentCount == 1 })
            unsealed = try fixture.fill(1, bytes: 1_300_000)[0]
            bytes = try Dictionary(
                uniqueKeysWithValues: (large + [unsealed]).map {
                    ($0, try EvictionTests.read(store, $0))
                }
            )
            try go(to: .dual)
            try go(to: .s3Primary)
        }

        func go(to phase: TargetPhase) throws {
            // What is compared has to be there, and acts come in between.
            _ = try fixture.settle()
            _ = try fixture.service.change(
                fixture.name,
                to: phase,
                by: CopyFixture.boss(),
                reason: try Reason("a test")
            )
        }

        /// By itself the service, which is not told to evict, does not come in between.
        func evict() throws -> UInt64 { try fixture.service.evict(fixture.name, after: 3_600) }

        func files(_ suffix: String) throws -> [String] {
            let folder = fixture.store.paths.payloads
            return try FileSystem.list(folder).flatMap { name in
                try FileSystem.list("\(folder)/\(name)").filter { $0.hasSuffix(suffix) }
            }
        }

        /// Old enough to leave: the log's clock, not the disk's, has gone on.
        func age() { fixture.advance(seconds: 7_200) }
    }

    private static func read(_ store: EvidenceStore, _ index: RecordIndex) throws -> [UInt8] {
        let reader = try store.payload(at: index)
        var bytes: [UInt8] = []
        while UInt64(bytes.count) < reader.sizeBytes {
            bytes += try reader.read(at: UInt64(bytes.count), limit: 1 << 20)
        }
        return bytes
    }

    @Test func whatIsOldLeavesAndComesBack() throws {
        let site = try Site()
        #expect(try site.evict() == 0)
        site.age()
        #expect(try site.evict() > 2_000_000)
        #expect(try site.files(".zst").count == 1)
        #expect(try site.files(".evicted").count == 2)
        // Nothing is left that could go.
        #expect(try site.evict() == 0)
        try site.fixture.reopen()
        for (index, bytes) in site.bytes {
            #expect(try Self.read(site.fixture.store, index) == bytes)
        }
        #expect(try site.files(".zst").count == 3)
        #expect(try site.files(".evicted").isEmpty)
    }

    @Test func fsckKnowsWhatLeft() throws {
        let site = try Site()
        site.age()
        #expect(try site.evict() > 0)
        try site.fixture.reopen {
            var fsck = try Fsck(path: site.fixture.path)
            let report = try fsck.run()
            #expect(report.isClean, "\(report.findings)")
            #expect(report.evictedPayloads == 2)
        }
    }

    @Test func aStoreThatIsAwayIsToldOf() throws {
        let site = try Site()
        site.age()
        #expect(try site.evict() > 0)
        site.fixture.bucket.fail(next: .max, [.get], with: .unavailable(detail: "injected"))
        #expect {
            try Self.read(site.fixture.store, site.large[0])
        } throws: { error in
            if case StoreError.unavailable = error { true } else { false }
        }
        // Nothing that would need them can go on.
        #expect(throws: TargetError.self) { try site.go(to: .dual) }
        site.fixture.bucket.heal()
        #expect(try Self.read(site.fixture.store, site.large[0]) == site.bytes[site.large[0]])
        try site.go(to: .dual)
        #expect(try site.files(".evicted").isEmpty)
        #expect(try site.files(".zst").count == 3)
    }

    @Test func otherBytesAreRefused() throws {
        let site = try Site()
        site.age()
        #expect(try site.evict() > 0)
        let prefix = "payloads/tests/"
        let name = try #require(
            try site.fixture.versions(prefix).first {
                ObjectLayout.meaning(of: $0.name.key)
                    == .payload(site.fixture.collection, site.large[0])
            }
        ).name
        site.fixture.bucket.flipBit(of: name, at: 70_000)
        #expect {
            try Self.read(site.fixture.store, site.large[0])
        } throws: { error in
            if case StoreError.damaged = error { true } else { false }
        }
        #expect(try site.files(".evicted").count == 2)
    }

    @Test func nothingLeavesThatTheTargetLacks() throws {
        let site = try Site()
        site.age()
        for entry in try site.fixture.versions("payloads/") {
            site.fixture.bucket.vanish(entry.name)
        }
        #expect(throws: TargetError.self) { try site.evict() }
        #expect(try site.files(".zst").count == 3)
    }

    @Test func whatIsErasedDoesNotComeBack() throws {
        let minute = LockRequest(retention: .duration(try RetentionDuration(60, .seconds)))
        let site = try Site(lock: minute)
        site.age()
        #expect(try site.evict() > 0)
        let facts = try site.large.map { try site.fixture.store.facts(of: $0) }
        _ = try site.fixture.store.propose(.erase(facts), by: .system, reason: nil)
        #expect(try site.fixture.eventually { try site.files(".evicted").isEmpty })
        #expect {
            try Self.read(site.fixture.store, site.large[0])
        } throws: { error in
            if case StoreError.erased = error { true } else { false }
        }
    }
}
