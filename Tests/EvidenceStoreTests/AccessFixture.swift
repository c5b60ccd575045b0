import EvidenceModel
import Glibc
import Platform
import Testing

@testable import EvidenceStore

/// An access log in a temporary directory; its days are those of November 2026.
final class AccessFixture {
    private let directory: TemporaryDirectory
    var paths: StorePaths { StorePaths(directory.path) }

    init() throws { directory = try TemporaryDirectory() }

    /// Opens the log, and closes it after the body; no write may fail.
    func with(_ body: (AccessLog) throws -> Void) throws {
        let log = try AccessLog(paths) { Issue.record("\($0)") }
        defer { log.close() }
        try body(log)
    }

    func time(_ text: String) throws -> Timestamp { try #require(Timestamp(rfc3339: text)) }

    func entry(
        day: Int,
        _ target: String,
        action: String = "record",
        status: Int = 200,
        request: String? = nil
    ) throws -> AccessEntry {
        AccessEntry(
            time: try time("\(Self.day(day))T00:00:00.000Z"),
            principal: try PrincipalName("reader"),
            action: action,
            target: target,
            status: status,
            request: request
        )
    }

    static func day(_ day: Int) -> String { "2026-11-\(day < 10 ? "0" : "")\(day)" }

    func path(_ day: Int) -> String { "\(paths.access)/\(Self.day(day)).log" }

    var files: [String] { get throws { try FileSystem.list(paths.access) } }

    func bytes(_ day: Int) throws -> [UInt8] {
        try FileSystem.contents(path(day), limitBytes: 1 << 30)
    }

    func text(_ day: Int) throws -> String { String(decoding: try bytes(day), as: UTF8.self) }

    func write(_ bytes: [UInt8], _ day: Int) throws {
        let file = try File(path(day), .createOrTruncate(permissions: 0o600))
        try file.write(bytes.span)
    }

    /// The lines of a file, each with its end.
    func lines(_ day: Int) throws -> [[UInt8]] {
        try bytes(day).split(separator: UInt8(ascii: "\n")).map { $0 + [UInt8(ascii: "\n")] }
    }

    func targets(_ day: Int) throws -> [String] {
        try lines(day).map { line in
            let content = Array(line.dropLast())
            let parsed = AccessLine(parsing: content.span)
            return try #require(parsed).entry.target
        }
    }

    func findings(
        _ digests: [AccessLog.Digest] = []
    ) throws -> [FsckReport.Finding] {
        try AccessLog.verify(directory: paths.access, digests: digests)
    }

    /// The digest of everything that is there.
    func digest(_ day: Int) throws -> AccessLog.Digest {
        let end = try AccessFiles.end(of: path(day))
        let position = try #require(end.position)
        return AccessLog.Digest(
            day: Self.day(day),
            count: position.count,
            head: position.head
        )
    }

    func link(_ path: String, to target: String) throws {
        let status = unsafe symlink(target, path)
        try #require(status == 0)
    }
}
