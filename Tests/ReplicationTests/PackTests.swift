import Cryptography
import EvidenceModel
import Foundation
import Platform
import Testing
import TransparencyLog

@testable import Replication

@Suite struct PackTests {
    @Test(arguments: [false, true]) func randomObjectsComeBack(isJournal: Bool) throws {
        var seeds = Draw(state: UInt64(Clock.monotonicNanoseconds()))
        for _ in 0..<40 {
            let seed = seeds.next()
            var draw = Draw(state: seed)
            let count = 1 + draw.below(30)
            let sample = try PackSample.random(&draw, isJournal: isJournal, count: count)
            let object = try sample.written()
            #expect(try members(of: object.bytes) == sample.members, "seed \(seed)")
            #expect(object.digest == SHA256.hash(object.bytes.span))
            #expect(object.sizeBytes == UInt64(object.bytes.count))
            #expect(try members(of: object.bytes, pieceSize: 1) == sample.members)
        }
    }

    @Test func piecesAndPlaceDoNotChangeTheBytes() throws {
        var draw = Draw(state: 5)
        let sample = try PackSample.random(&draw, count: 40, payloadLimit: 200_000)
        let whole = try sample.written(pieceSize: 1 << 20)
        #expect(try sample.written(pieceSize: 777).bytes == whole.bytes)
        let path = NSTemporaryDirectory() + "pack-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let filed = try sample.written(to: .file(path: path))
        #expect(filed.digest == whole.digest && filed.sizeBytes == whole.sizeBytes)
        #expect(filed.bytes.isEmpty)
        #expect(try FileSystem.contents(path, limitBytes: 64 << 20) == whole.bytes)
        #expect(try FileSystem.information(path)?.permissions == 0o600)
    }

    @Test func anAbandonedFileIsGone() throws {
        var draw = Draw(state: 6)
        let sample = try PackSample.random(&draw)
        let path = NSTemporaryDirectory() + "pack-\(UUID().uuidString)"
        let writer = try PackWriter(
            sample.index,
            indexTime: PackSample.time,
            to: .file(path: path)
        )
        #expect(throws: PackError.self) {
            try PackWriter(sample.index, indexTime: PackSample.time, to: .file(path: path))
        }
        try writer.abandon()
        #expect(try !FileSystem.exists(path))
    }

    @Test func whatWasNotReadIsPassedOver() throws {
        var draw = Draw(state: 7)
        let sample = try PackSample.random(&draw, payloadLimit: 300_000)
        var object: [UInt8]? = try sample.written().bytes
        let reader = PackReader {
            defer { object = nil }
            return object
        }
        var count = 0
        while try reader.next() != nil { count += 1 }
        #expect(count == sample.members.count - 1)
        #expect(try reader.next() == nil)
    }

    @Test func homesComeBack() throws {
        let seven = try RetentionDuration(parsing: "7y")
        let awaiting = Lock(mode: .governance, awaiting: try EventName("end"), then: seven)
        let homes = try [
            PackSample.home(), PackSample.home(.extended), PackSample.home(.held(Matter("a/b"))),
            PackHome(collection: CollectionName("c"), lock: awaiting, kind: .original),
        ]
        let payload = PackEntry.Payload(digest: digest(of: []), sizeBytes: 0)
        let entry = PackEntry(index: RecordIndex(3), content: .payload(payload))
        for home in homes {
            let index = PackIndex.pack(origin: "o", home, [entry])
            let encoded = index.encoded
            #expect(try PackIndex(parsing: encoded.span) == index)
        }
        let encoded = PackIndex.pack(origin: "o", homes[2], [entry]).encoded
        #expect(
            String(decoding: encoded, as: UTF8.self) == """
                {"collection":"payments","held":"a/b","home":"held",\
                "lock":{"mode":"COMPLIANCE","until":"2033-11-22T00:00:00Z"},"origin":"o",\
                "records":[{"index":3,"payload":{"sha256":"\(payload.digest)","size":0}}],\
                "type":"strongroom-pack-v1"}
                """
        )
    }

    /// `tar` and `zstd` as everybody has them.
    @Test func tarUnpacksIt() throws {
        var draw = Draw(state: 8)
        let sample = try PackSample.random(&draw, count: 20)
        let folder = NSTemporaryDirectory() + "pack-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: false
        )
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/pack.tar.zst"
        _ = try sample.written(to: .file(path: path))
        let tar = Process()
        tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        tar.arguments = ["tar", "--zstd", "-C", folder, "-xf", path]
        let errors = Pipe()
        tar.standardError = errors
        try tar.run()
        let said = errors.fileHandleForReading.readDataToEndOfFile()
        tar.waitUntilExit()
        #expect(
            tar.terminationStatus == 0 && said.isEmpty,
            "\(String(decoding: said, as: UTF8.self))"
        )

        func file(_ name: String) throws -> [UInt8] { try FileSystem.contents("\(folder)/\(name)") }
        #expect(try file("index.json") == sample.index.encoded)
        for item in sample.records {
            let index = item.entry.index
            #expect(try file("records/\(index).json") == item.record)
            let payload = "\(folder)/payloads/\(index)"
            #expect(try FileSystem.exists(payload) == (item.payload != nil))
            if let bytes = item.payload { #expect(try FileSystem.contents(payload) == bytes) }
            let opening = "\(folder)/openings/\(index).json"
            #expect(try FileSystem.exists(opening) == (item.opening != nil))
            if let kept = item.opening {
                #expect(try FileSystem.contents(opening) == kept.packForm)
            }
            let seconds = item.received.milliseconds / 1_000
            let found = try #require(try FileSystem.information("\(folder)/records/\(index).json"))
            #expect(found.permissions == 0o444)
            #expect(found.modifiedNanoseconds == seconds &* 1_000_000_000)
        }
    }
}
