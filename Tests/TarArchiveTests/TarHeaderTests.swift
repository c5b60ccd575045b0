import Foundation
import Testing

@testable import TarArchive

private func block(_ name: String, _ size: UInt64, _ seconds: UInt64) -> [UInt8] {
    var writer = TarHeaderWriter()
    writer.set(name: name.utf8.span, sizeBytes: size, modifiedSeconds: seconds)
    return writer.block
}

private func parsed(_ block: [UInt8]) -> TarHeader? { TarHeader(parsing: block.span) }

private let names = [
    "a", "records/0.json", "payloads/9007199254740990", String(repeating: "n", count: 100),
    String(repeating: "p", count: 155) + "/" + String(repeating: "n", count: 100),
    "a/b/" + String(repeating: "n", count: 97),
]
private let numbers: [UInt64] = [0, 1, 7, 8, 511, 512, 1_700_000_000, 1 << 33 - 1]

@Suite struct TarHeaderTests {
    @Test(arguments: names, numbers) func roundTrips(name: String, number: UInt64) {
        let times = [number, 253_402_300_799]
        for seconds in times {
            let header = parsed(block(name, number, seconds))
            #expect(
                header == TarHeader(name: name, sizeBytes: number, modifiedSeconds: seconds)
            )
        }
    }

    @Test func theBlockIsReused() {
        var writer = TarHeaderWriter()
        for name in ["a long name of a member", "b", "cc"] {
            writer.set(name: name.utf8.span, sizeBytes: 3, modifiedSeconds: 4)
            #expect(writer.block == block(name, 3, 4))
        }
    }

    @Test func directoriesEndWithASlash() {
        for name in ["a/", String(repeating: "d", count: 120) + "/e/"] {
            let header = parsed(block(name, 0, 7))
            #expect(header == TarHeader(name: name, sizeBytes: 0, modifiedSeconds: 7))
            #expect(header?.isDirectory == true)
        }
        #expect(parsed(block("a", 0, 7))?.isDirectory == false)
        // A file that is called like a directory, and a directory with content.
        var fake = block("ab", 5, 7)
        fake[1] = UInt8(ascii: "/")
        for type in "05".utf8 {
            fake[156] = type
            #expect(parsed(fake) == nil)
        }
    }

    @Test func whatDoesNotFitIsSaidToDoSo() {
        for name in [
            "", String(repeating: "n", count: 101), "a/" + String(repeating: "n", count: 101),
            String(repeating: "p", count: 156) + "/n" + String(repeating: "n", count: 90),
        ] {
            let isFitting = TarHeaderWriter.fits(name: name.utf8.span)
            #expect(!isFitting, "\(name)")
        }
    }

    /// Every other header is refused, also those that mean the same.
    @Test func eachChangedByteIsRefused() {
        let good = block("records/12.json", 1_234, 1_700_000_000)
        for place in good.indices {
            for change: UInt8 in [1, 0x20, 0x80] {
                var changed = good
                changed[place] ^= change
                #expect(parsed(changed) == nil, "byte \(place)")
            }
        }
        #expect(parsed(Array(good.dropLast())) == nil)
        #expect(parsed([UInt8](repeating: 0, count: 512)) == nil)
    }

    @Test func paddingFillsUpToABlock() {
        #expect(
            [0, 1, 511, 512, 513].map { TarHeader.paddingBytes(sizeBytes: $0) } == [
                0, 511, 1, 0, 511,
            ]
        )
    }

    /// What other programs make of it: Python's `tarfile`, and libarchive.
    @Test func othersReadIt() throws {
        var archive: [UInt8] = []
        for (number, name) in names.enumerated() {
            let content = [UInt8](repeating: 65 + UInt8(number), count: number * 300)
            let seconds: UInt64 = number == 2 ? 253_402_300_799 : 1_700_000_000
            archive += block(name, UInt64(content.count), seconds) + content
            archive += [UInt8](
                repeating: 0,
                count: TarHeader.paddingBytes(sizeBytes: UInt64(content.count))
            )
        }
        archive += TarHeader.endMark
        let reader = TarReader(archive)
        for (number, name) in names.enumerated() {
            let entry = try #require(try reader.next())
            #expect(entry.path == name && entry.kind == .regular)
            #expect(entry.sizeBytes == UInt64(number * 300))
        }
        #expect(try reader.next() == nil)

        let path = NSTemporaryDirectory() + "tar-\(UUID().uuidString)"
        try Data(archive).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let script = """
            import sys, tarfile
            for m in tarfile.open(sys.argv[1], "r:"):
                print(m.name, m.size, m.mtime, oct(m.mode), m.uid, m.gid, m.isreg())
            """
        let lines = names.enumerated().map { number, name in
            let seconds = number == 2 ? "253402300799" : "1700000000"
            return "\(name) \(number * 300) \(seconds) 0o444 0 0 True\n"
        }
        #expect(try output("python3", ["-c", script, path]) == lines.joined())
    }

    private func output(_ program: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }
}
