import Cryptography
import EvidenceModel
import Platform
import Testing

@testable import strongroom

/// A directory that goes with the test.
private final class Folder {
    let path: String

    init() throws {
        path = "/tmp/strongroom-put-\(TemporaryName.make())"
        try FileSystem.makeDirectory(path)
    }

    deinit { try? FileSystem.removeTree(path) }

    func write(_ name: String, _ text: String = "x") throws {
        var directory = path
        for part in name.split(separator: "/").dropLast() {
            directory += "/\(part)"
            try FileSystem.makeDirectoryIfAbsent(directory)
        }
        let file = try File("\(path)/\(name)", .create(permissions: 0o600))
        try file.write(Array(text.utf8).span)
    }

    func link(_ name: String, to target: String) throws {
        let child = try ChildProcess(
            executable: "/bin/ln",
            arguments: ["-s", target, "\(path)/\(name)"]
        )
        #expect(try child.wait() == .exited(0))
    }
}

@Suite struct FileWalkTests {
    @Test func directoriesAreWalkedInByteOrderWithNamesBelowThem() throws {
        let folder = try Folder()
        for name in ["b", "a/z", "a/B/c", "a.x", "Z"] { try folder.write(name) }
        let walk = try FileWalk(paths: [folder.path], name: nil)
        #expect(walk.items.map(\.name.text) == ["Z", "a/B/c", "a/z", "a.x", "b"])
        #expect(walk.failures.isEmpty && walk.skipped.isEmpty)
        let prefixed = try FileWalk(paths: [folder.path + "/"], name: "run-4")
        #expect(prefixed.items.first?.name.text == "run-4/Z")
    }

    @Test func filesAreNamedByTheirLastPart() throws {
        let folder = try Folder()
        try folder.write("a/z")
        let walk = try FileWalk(paths: [folder.path + "/a/z"], name: nil)
        #expect(walk.items.map(\.name.text) == ["z"])
        let named = try FileWalk(paths: [folder.path + "/a/z"], name: "other/name")
        #expect(named.items.map(\.name.text) == ["other/name"])
    }

    @Test func linksAreNotFollowed() throws {
        let folder = try Folder()
        try folder.write("d/a")
        try folder.link("d/l", to: "/etc/passwd")
        try folder.link("d/loop", to: "..")
        let walk = try FileWalk(paths: [folder.path + "/d"], name: nil)
        #expect(walk.items.map(\.name.text) == ["a"])
        #expect(walk.skipped.map(\.path) == ["\(folder.path)/d/l", "\(folder.path)/d/loop"])
    }

    @Test func aLinkThatIsNamedIsFollowed() throws {
        let folder = try Folder()
        try folder.write("real/a")
        try folder.link("d", to: "real")
        try folder.link("l", to: "real/a")
        try folder.link("dangling", to: "nowhere")
        let paths = ["d", "l", "dangling"].map { "\(folder.path)/\($0)" }
        let walk = try FileWalk(paths: paths, name: nil)
        #expect(walk.items.map(\.name.text) == ["a", "l"])
        #expect(walk.failures.map(\.code) == [.notFound])
    }

    @Test func oneFailureDoesNotStopTheOthers() throws {
        let folder = try Folder()
        try folder.write("good")
        try folder.write("bad\u{1}name")
        let walk = try FileWalk(paths: [folder.path, "/nonexistent/x"], name: nil)
        #expect(walk.items.map(\.name.text) == ["good"])
        #expect(walk.failures.map(\.code) == [.refused, .notFound])
    }

    @Test func sameNamesAreRefused() throws {
        let folder = try Folder()
        try folder.write("a/x")
        try folder.write("b/x")
        #expect(throws: CommandFailure.self) {
            _ = try FileWalk(paths: [folder.path + "/a", folder.path + "/b"], name: nil)
        }
    }

    @Test func standardInputNeedsAName() throws {
        #expect(throws: CommandFailure.self) { _ = try FileWalk(paths: ["-"], name: nil) }
        #expect(throws: CommandFailure.self) { _ = try FileWalk(paths: ["-"], name: "../x") }
        #expect(try FileWalk(paths: ["-"], name: "x").items.count == 1)
    }
}

@Suite struct RequestIdentityTests {
    private let digest = SHA256.hash([1, 2, 3].span)

    private func settings(
        labels: [String] = [],
        lock: LockRequest = .standard,
        media: String? = nil
    ) throws -> PutSettings {
        PutSettings(
            collection: try CollectionName("payments"),
            labels: try Labels(userInput: labels),
            mediaType: try media.map { media in try MediaType(media) },
            lock: lock,
            idempotencyKey: nil
        )
    }

    private func canonical(_ settings: PutSettings) throws -> String {
        String(
            decoding: RequestIdentity.canonical(try EvidenceName("a/b"), digest, settings),
            as: UTF8.self
        )
    }

    @Test func theFormIsFixed() throws {
        #expect(
            try canonical(settings())
                == #"{"collection":"payments","name":"a/b","sha256":"\#(digest.hex)","v":1}"#
        )
        let lock = LockRequest(mode: .governance, retention: .duration(try .init(parsing: "7y")))
        #expect(
            try canonical(settings(labels: ["z=1", "a=é"], lock: lock))
                == #"{"collection":"payments","#
                + #""labels":{"a":"é","z":"1"},"lock":{"mode":"GOVERNANCE","retain":"7y"},"#
                + #""name":"a/b","sha256":"\#(digest.hex)","v":1}"#
        )
        let key = RequestIdentity.key(
            for: try EvidenceName("a/b"),
            digest: digest,
            settings: try settings()
        )
        #expect(key?.text.hasPrefix("auto-") == true)
        #expect(key?.text.utf8.count == 69)
    }

    @Test func whatCountsMakesAnotherKey() throws {
        let base = try canonical(settings())
        #expect(try canonical(settings(media: "text/plain")) == base)
        #expect(try canonical(settings(labels: ["a=b"])) != base)
        let until = LockRequest(retention: .until(try Timestamp(userInput: "2040-01-01")))
        #expect(try canonical(settings(lock: until)).contains("2040-01-01T00:00:00.000Z"))
    }
}

@Suite struct ReceiptFolderTests {
    @Test func receiptsStandBelowTheFolderUnderTheirNames() throws {
        let folder = try Folder()
        let receipts = try ReceiptFolder(path: folder.path + "/r")
        try receipts.write(Array("one".utf8), for: EvidenceName("a/b/c"))
        try receipts.write(Array("two".utf8), for: EvidenceName("a/b/c"))
        #expect(try FileSystem.list(folder.path + "/r/a/b") == ["c.receipt.json"])
        #expect(
            try FileSystem.contents(folder.path + "/r/a/b/c.receipt.json") == Array("two".utf8)
        )
    }

    @Test func aLinkAmongTheDirectoriesIsNotFollowed() throws {
        let folder = try Folder()
        let receipts = try ReceiptFolder(path: folder.path + "/r")
        try FileSystem.makeDirectory(folder.path + "/outside")
        try folder.link("r/a", to: folder.path + "/outside")
        #expect(throws: CommandFailure.self) {
            try receipts.write(Array("one".utf8), for: EvidenceName("a/b"))
        }
        #expect(try FileSystem.list(folder.path + "/outside").isEmpty)
    }
}

@Suite struct RequestPathTests {
    @Test func valuesAreEncoded() {
        var path = RequestPath("/v1/search")
        path.add("prefix", "a b/é&=+%?#\u{0}")
        path.add("absent", nil)
        path.add("label", "k=v")
        #expect(
            path.text == "/v1/search?prefix=a%20b%2F%C3%A9%26%3D%2B%25%3F%23%00&label=k%3Dv"
        )
    }
}
