import Foundation
import Testing

@testable import TarArchive

private struct Read: Equatable {
    let path: String
    let kind: TarEntry.Kind
    let data: [UInt8]
}

private func readAll(_ bytes: [UInt8], limitBytes: Int = 1 << 20) throws(TarError) -> [Read] {
    let reader = TarReader(bytes)
    var all: [Read] = []
    while let entry = try reader.next() {
        let data = try reader.data(limitBytes: limitBytes)
        all.append(Read(path: entry.path, kind: entry.kind, data: data))
    }
    return all
}

private func failure(_ bytes: [UInt8], limitBytes: Int = 1 << 20) -> TarError? {
    do throws(TarError) {
        _ = try readAll(bytes, limitBytes: limitBytes)
        return nil
    } catch {
        return error
    }
}

private func isDamaged(_ error: TarError?) -> Bool {
    if case .damaged = error { true } else { false }
}

private func archive(_ build: (inout TarBuilder) -> Void) -> [UInt8] {
    var builder = TarBuilder()
    build(&builder)
    builder.end()
    return builder.bytes
}

@Suite struct TarReaderTests {
    @Test func entriesInTheirOrder() throws {
        let large = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 17) }
        let bytes = archive {
            $0.add("index.json", Array("{}".utf8))
            $0.add("records/", type: "5")
            $0.add("records/0.json", large)
            $0.add("empty")
        }
        #expect(
            try readAll(bytes) == [
                Read(path: "index.json", kind: .regular, data: Array("{}".utf8)),
                Read(path: "records/", kind: .directory, data: []),
                Read(path: "records/0.json", kind: .regular, data: large),
                Read(path: "empty", kind: .regular, data: []),
            ]
        )
        // Without reading the data, and with zeros after the end mark.
        let reader = TarReader(bytes + [UInt8](repeating: 0, count: 9_000))
        var sizes: [UInt64] = []
        while let entry = try reader.next() { sizes.append(entry.sizeBytes) }
        #expect(sizes == [2, 0, 200_000, 0])
    }

    @Test func emptyArchive() throws {
        #expect(try readAll(archive { _ in }) == [])
    }

    /// Written by Python's `tarfile`, in each of its formats.
    @Test(arguments: ["USTAR_FORMAT", "PAX_FORMAT", "GNU_FORMAT"])
    func archivesOfAnotherWriter(format: String) throws {
        let script = """
            import io, sys, tarfile
            t = tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.\(format))
            for name in ("plain.json", "é/ü.json", "x" * 90 + "/ä" + "y" * 60):
                i = tarfile.TarInfo(name); i.size = 5; t.addfile(i, io.BytesIO(b"hello"))
            i = tarfile.TarInfo("directory"); i.type = tarfile.DIRTYPE; t.addfile(i)
            i = tarfile.TarInfo("s"); i.type = tarfile.SYMTYPE; i.linkname = "/etc"; t.addfile(i)
            i = tarfile.TarInfo("h"); i.type = tarfile.LNKTYPE; i.linkname = "plain.json"
            t.addfile(i)
            i = tarfile.TarInfo("fifo"); i.type = tarfile.FIFOTYPE; t.addfile(i)
            t.close()
            """
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", script]
        process.standardOutput = output
        try process.run()
        let bytes = [UInt8](output.fileHandleForReading.readDataToEndOfFile())
        process.waitUntilExit()

        let long = String(repeating: "x", count: 90) + "/ä" + String(repeating: "y", count: 60)
        let hello = Array("hello".utf8)
        #expect(
            try readAll(bytes) == [
                Read(path: "plain.json", kind: .regular, data: hello),
                Read(path: "é/ü.json", kind: .regular, data: hello),
                Read(path: long, kind: .regular, data: hello),
                Read(path: "directory/", kind: .directory, data: []),
                Read(path: "s", kind: .link, data: []),
                Read(path: "h", kind: .link, data: []),
                Read(path: "fifo", kind: .other, data: []),
            ]
        )
    }

    @Test func dataIsBounded() throws {
        let bytes = archive { $0.add("a", [UInt8](repeating: 1, count: 100_000)) }
        #expect(try readAll(bytes, limitBytes: 100_000).count == 1)
        #expect(
            failure(bytes, limitBytes: 99_999) == .entryTooLarge(path: "a", limitBytes: 99_999)
        )
    }

    /// Eight gigabytes are claimed, one byte is there.
    @Test func claimsAreNotBelieved() {
        let bytes = archive { $0.add("a", claimedSize: "77777777777", [1]) }
        #expect(failure(bytes) == .truncated)
        let pax = archive {
            $0.addPax([("size", "9223372036854775807")])
            $0.add("a", [1])
        }
        #expect(failure(pax) != nil)
    }

    /// A file with holes, a terabyte of them.
    @Test func filesWithHolesAreOther() throws {
        let bytes = archive {
            $0.addPax([("GNU.sparse.size", "1099511627776"), ("GNU.sparse.map", "1099511627775,1")])
            $0.add("a", [1])
        }
        let reader = TarReader(bytes)
        let entry = try #require(try reader.next())
        #expect(entry.kind == .other)
        #expect(entry.sizeBytes == 1 << 40)
        #expect(throws: TarError.entryTooLarge(path: "a", limitBytes: 100_000)) {
            try reader.data(limitBytes: 100_000)
        }
    }

    @Test func everyTruncationIsRefused() {
        let bytes = archive {
            $0.add("a", [1, 2, 3])
            $0.addPax([("path", "é")])
            $0.add("b", [UInt8](repeating: 0, count: 1_500))
        }
        for count in stride(from: 0, to: bytes.count, by: 64) {
            #expect(failure(Array(bytes.prefix(count))) != nil)
        }
        #expect(failure(Array(bytes.dropLast(1_024))) == .truncated)
        #expect(failure(Array(bytes.dropLast(512))) == .truncated)
        #expect(failure(Array(bytes.dropLast(1_024 + 512))) == .truncated)
    }

    @Test func everyFlippedHeaderByteIsRefused() {
        let bytes = archive { $0.add("a", [1, 2, 3]) }
        for index in 0..<512 {
            var changed = bytes
            changed[index] ^= 0x15
            // What follows the checksum's digits means nothing.
            #expect((failure(changed) != nil) == (index != 155))
        }
    }

    @Test func dataAfterTheEndMarkIsRefused() {
        let bytes = archive { $0.add("a", [1]) }
        #expect(isDamaged(failure(bytes + [1])))
        #expect(isDamaged(failure(bytes + bytes)))
        #expect(isDamaged(failure(bytes + [UInt8](repeating: 0, count: 100_000) + [1])))
    }

    @Test(arguments: [
        Array("not a tar archive, though long enough to be one".utf8), [0x1f, 0x8b, 8, 0],
        [0x28, 0xb5, 0x2f, 0xfd], Array("PK\u{3}\u{4}".utf8),
    ])
    func otherFormatsAreRefused(start: [UInt8]) {
        let bytes = start + [UInt8](repeating: 7, count: 5_000)
        #expect(failure(bytes) == .notTar)
    }

    @Test(arguments: ["0", "x"])
    func namesMustBeUTF8(type: Character) {
        let bytes = archive {
            if type == "x" {
                $0.add("pax", type: "x", Array("11 path=a".utf8) + [0xff, 0x0a])
                $0.add("a", [1])
            } else {
                $0.add([0x61, 0xff, 0xfe], [1])
            }
        }
        #expect(isDamaged(failure(bytes)))
    }

    @Test(arguments: [
        ("a", true), ("a/b.json", true), ("a/", true), ("..a/b..", true), (".a", true), ("", false),
        ("/", false), ("/a", false), ("..", false), ("../a", false), ("a/..", false),
        ("a/../b", false), ("a//b", false), ("./a", false), ("a/./b", false), ("a//", false),
    ])
    func safePaths(path: String, isSafe: Bool) {
        #expect(TarEntry(path: path, kind: .regular, sizeBytes: 0).hasSafePath == isSafe)
    }

    @Test func unsafePathsAreReported() throws {
        let reader = TarReader(archive { $0.add("../../etc/passwd", [1]) })
        let entry = try #require(try reader.next())
        #expect(entry.path == "../../etc/passwd")
        #expect(!entry.hasSafePath)
    }
}
