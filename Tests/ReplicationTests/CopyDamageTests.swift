import EvidenceModel
import EvidenceStore
import Foundation
import StoreDouble
import Testing
import TransparencyLog

@testable import Replication

/// A payload that is damaged on the disk holds up no other.
@Suite struct CopyDamageTests {
    /// Flips a bit where some bytes stand in a file.
    private static func damage(_ bytes: [UInt8], below folder: String) throws {
        let files = FileManager.default.enumerator(atPath: folder)
        for case let name as String in files ?? .init() where !name.hasSuffix("-lock") {
            let url = URL(fileURLWithPath: "\(folder)/\(name)")
            guard let content = try? Data(contentsOf: url),
                let place = content.range(of: Data(bytes))
            else { continue }
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o600],
                ofItemAtPath: url.path
            )
            let file = try FileHandle(forWritingTo: url)
            try file.seek(toOffset: UInt64(place.lowerBound))
            try file.write(contentsOf: [content[place.lowerBound] ^ 1])
            try file.close()
            return
        }
        Issue.record("the bytes stand nowhere below \(folder)")
    }

    private static func bytes(_ fixture: CopyFixture, _ index: RecordIndex) throws -> [UInt8] {
        Array(try fixture.store.payload(at: index).read(at: 0, limit: 64).prefix(64))
    }

    private static func isFailing(_ fixture: CopyFixture, naming index: RecordIndex) throws -> Bool
    {
        let status = try fixture.service.status(of: fixture.name)
        guard case .failing(let reason) = status.health else { return false }
        return reason.contains("record \(index) ")
    }

    @Test func othersArePacked() throws {
        let fixture = try CopyFixture()
        let indexes = try fixture.fill(5)
        let status = { try fixture.service.status(of: fixture.name) }
        #expect(try fixture.eventually { try status().replicated == status().size })
        try Self.damage(Self.bytes(fixture, indexes[1]), below: fixture.path + "/segments")
        try fixture.service.replicator(fixture.name).flush(below: status().size)
        let packed = {
            try fixture.versions("packs/").flatMap { try fixture.contents($0.name).payloads.keys }
        }
        #expect(try fixture.eventually { try packed().count == 4 })
        #expect(Set(try packed()) == Set(indexes).subtracting([indexes[1]]))
        #expect(try fixture.eventually { try Self.isFailing(fixture, naming: indexes[1]) })
        #expect(try fixture.eventually { try status().unpacked == 1 })
    }

    @Test func otherLargeOnesAreCopied() throws {
        let fixture = try CopyFixture()
        fixture.bucket.fail(
            next: .max,
            [.put],
            below: "payloads/",
            with: .unavailable(detail: "injected")
        )
        let indexes = try fixture.fill(3, bytes: 1_200_000)
        let bytes = try Self.bytes(fixture, indexes[0])
        // While nothing reads it: what was read before could still be sent.
        try fixture.reopen {
            try Self.damage(bytes, below: fixture.path + "/payloads")
            fixture.bucket.heal()
        }
        let copied = { try fixture.versions("payloads/").count }
        #expect(try fixture.eventually { try copied() == 2 })
        #expect(try fixture.eventually { try Self.isFailing(fixture, naming: indexes[0]) })
        let status = try fixture.service.status(of: fixture.name)
        #expect(status.replicated.value <= indexes[0].value)
    }
}
