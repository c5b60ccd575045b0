import Cryptography
import EvidenceModel
import Foundation
import TarArchive
import Testing
import TransparencyLog
import Zstandard

@testable import Replication

/// One member as somebody wrote it who means no good.
private struct Member {
    var name: String
    var content: [UInt8]
    var sizeBytes: UInt64?

    var bytes: [UInt8] {
        var writer = TarHeaderWriter()
        let size = sizeBytes ?? UInt64(content.count)
        writer.set(name: name.utf8.span, sizeBytes: size, modifiedSeconds: 7)
        let padding = TarHeader.paddingBytes(sizeBytes: UInt64(content.count))
        return writer.block + content + [UInt8](repeating: 0, count: padding)
    }
}

private func object(_ tar: [UInt8]) throws -> [UInt8] {
    let stream = ZstdCompressionStream(checksum: true)
    var output: [UInt8] = []
    try stream.append(tar.span, to: &output)
    try stream.finish(to: &output)
    return output
}

private func object(_ members: [Member], end: [UInt8] = TarHeader.endMark) throws -> [UInt8] {
    try object(members.flatMap(\.bytes) + end)
}

private func failure(_ object: [UInt8]) -> PackError? {
    do throws(PackError) {
        _ = try members(of: object)
        return nil
    } catch {
        return error
    }
}

private func isDamaged(_ object: [UInt8]) -> Bool {
    if case .damaged? = failure(object) { true } else { false }
}

@Suite struct PackDamageTests {
    private let good: [Member]

    init() throws {
        var draw = Draw(state: 3)
        let payloads = [Array("first".utf8), Array("second".utf8)]
        let opening = try PackSample.opening(&draw).packForm
        let entries = [7, 9].enumerated().map { number, index in
            PackEntry(
                index: RecordIndex(UInt64(index)),
                content: .payload(
                    PackEntry.Payload(
                        digest: digest(of: payloads[number]),
                        sizeBytes: UInt64(payloads[number].count)
                    )
                )
            )
        }
        let index = PackIndex.pack(origin: "o", try PackSample.home(), entries)
        good = [
            Member(name: "index.json", content: index.encoded),
            Member(name: "records/7.json", content: Array("{}".utf8)),
            Member(name: "openings/7.json", content: opening),
            Member(name: "payloads/7", content: payloads[0]),
            Member(name: "records/9.json", content: Array("{}".utf8)),
            Member(name: "payloads/9", content: payloads[1]),
        ]
    }

    @Test func eachChangedByteOfTheObjectIsNoticed() throws {
        for isJournal in [false, true] {
            var draw = Draw(state: 11)
            let sample = try PackSample.random(
                &draw,
                isJournal: isJournal,
                count: 4,
                payloadLimit: 200
            )
            let good = try sample.written().bytes
            for place in good.indices {
                var changed = good
                changed[place] ^= 0x04
                let found = try? members(of: changed)
                // A bit of the frame's header may only ask for more memory.
                #expect(found == nil || found == sample.members, "byte \(place)")
            }
        }
    }

    /// Of the archive within: headers, padding and payloads; the rest is for the caller to compare.
    @Test func eachChangedByteOfTheArchiveIsNoticed() throws {
        var tar: [UInt8] = []
        var free = IndexSet()
        for member in good {
            let start = tar.count + TarHeader.blockSizeBytes
            if !member.name.hasPrefix("payloads/") {
                free.insert(integersIn: start..<start + member.content.count)
            }
            tar += member.bytes
        }
        tar += TarHeader.endMark
        #expect(failure(try object(tar)) == nil)
        for place in tar.indices where !free.contains(place) {
            var changed = tar
            changed[place] ^= 0x01
            #expect(isDamaged(try object(changed)), "byte \(place)")
        }
    }

    @Test func aCutObjectIsTruncated() throws {
        let whole = try object(good)
        for count in 0..<whole.count {
            #expect(failure(Array(whole[..<count])) == .truncated)
        }
        for count in stride(from: 0, to: good.flatMap(\.bytes).count, by: 100) {
            let cut = Array((good.flatMap(\.bytes) + TarHeader.endMark)[..<max(count, 1)])
            #expect(failure(try object(cut)) != nil)
        }
        #expect(failure([]) == .truncated)
    }

    @Test func nothingMayFollow() throws {
        let whole = try object(good)
        #expect(failure(whole) == nil)
        #expect(isDamaged(whole + [0]))
        #expect(isDamaged(whole + whole))
        #expect(isDamaged(try object(good, end: TarHeader.endMark + [0])))
        #expect(isDamaged(try object(good + [Member(name: "more", content: [])])))
        #expect(failure(try object(good, end: [UInt8](repeating: 0, count: 512))) == .truncated)
    }

    @Test func theOrderIsFixed() throws {
        for (first, second) in [(1, 3), (1, 4), (2, 3), (3, 5), (0, 1)] {
            var changed = good
            changed.swapAt(first, second)
            #expect(isDamaged(try object(changed)), "\(first) and \(second)")
        }
        for place in good.indices where place != 2 {
            var changed = good
            changed.remove(at: place)
            #expect(isDamaged(try object(changed)), "without \(place)")
        }
        for place in good.indices {
            var changed = good
            changed.insert(good[place], at: place)
            #expect(isDamaged(try object(changed)), "\(place) twice")
        }
    }

    @Test(arguments: [
        "/records/7.json", "../records/7.json", "records/../7.json", "records/07.json",
        "records/7.JSON", "./records/7.json", "records//7.json",
    ])
    func otherNamesAreRefused(name: String) throws {
        var changed = good
        changed[1].name = name
        #expect(isDamaged(try object(changed)))
    }

    @Test func linksAndDirectoriesAreRefused() throws {
        for type in "123456xgLK\0".utf8 {
            var bytes = good[1].bytes
            bytes[156] = type
            // A checksum that holds.
            for index in 148..<156 { bytes[index] = 0x20 }
            let sum = bytes[..<512].reduce(0) { $0 + Int($1) }
            let digits = Array(String(sum, radix: 8).utf8)
            let field = [UInt8](repeating: 0x30, count: 6 - digits.count) + digits + [0, 0x20]
            bytes.replaceSubrange(148..<156, with: field)
            let tar = good[0].bytes + bytes + good[2...].flatMap(\.bytes) + TarHeader.endMark
            #expect(isDamaged(try object(tar)), "type \(type)")
        }
    }

    @Test func sizesAreBounded() throws {
        for (place, size) in [
            (0, UInt64(1) << 30), (1, 65_536), (2, 1 << 30), (3, 6), (3, 4), (3, 1 << 32),
        ] {
            var changed = good
            changed[place].sizeBytes = size
            #expect(isDamaged(try object(changed)), "\(size) bytes at \(place)")
        }
        var changed = good
        changed[3].content = Array("other".utf8)
        #expect(isDamaged(try object(changed)))
    }

    /// A frame of a few KiB that would be 256 MiB.
    @Test func bombsDoNotGoOff() throws {
        let stream = ZstdCompressionStream(checksum: true)
        var bomb: [UInt8] = []
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        for _ in 0..<256 { try stream.append(zeros.span, to: &bomb) }
        try stream.finish(to: &bomb)
        #expect(bomb.count < 100_000)
        #expect(isDamaged(bomb))
        let start = good[0].bytes
        var inside: [UInt8] = []
        try stream.append(start.span, to: &inside)
        for _ in 0..<256 { try stream.append(zeros.span, to: &inside) }
        try stream.finish(to: &inside)
        #expect(isDamaged(inside))
    }

    private func journal(
        _ records: String,
        count: Int = 1,
        type: String = "strongroom-journal-v1"
    ) -> [UInt8] {
        let text = """
            {"count":\(count),"first":3,"origin":"o","records":[\(records)],"type":"\(type)"}
            """
        return Array(text.utf8)
    }

    @Test func otherIndexesAreRefused() {
        let bad = [
            journal(#"{"index":4}"#), journal(#"{"index":3}"#, count: 2), journal("", count: 0),
            journal(#"{"index":3,"x":1}"#), journal(#"{"index":3},{"index":3}"#, count: 2),
            journal(#"{"index":3}"#, type: "strongroom-journal-v2"), journal(#"{"index":-3}"#),
            journal(#"{"erased":false,"index":3}"#), journal(#"{"index":3}"#) + [0x0A],
            Array("[]".utf8), [], Array(#"{"type":"strongroom-pack-v1"}"#.utf8),
        ]
        for bytes in bad {
            #expect(throws: PackError.self, "\(String(decoding: bytes, as: UTF8.self))") {
                try PackIndex(parsing: bytes.span)
            }
        }
        let right = journal(#"{"index":3},{"erased":true,"index":4}"#, count: 2)
        #expect(throws: Never.self) { try PackIndex(parsing: right.span) }
    }

    @Test func aFailingSourceIsTold() throws {
        struct Broken: Error {}
        let reader = PackReader { throw Broken() }
        #expect(throws: PackError.source(detail: "Broken()")) { try reader.index() }
    }
}
