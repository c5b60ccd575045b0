import Cryptography
import EvidenceModel
import Platform
import TarArchive
import TransparencyLog

/// Why a bundle is refused: the file, and what is wrong with it.
package struct BundleFault: Error, Equatable, Sendable, CustomStringConvertible {
    package let file: String
    package let reason: String

    package init(_ file: String, _ reason: String) {
        self.file = file
        self.reason = reason
    }

    package var description: String { "\(file): \(reason)" }
}

/// A bundle's archive, of exactly the form in which Strongroom writes it.
///
/// Nothing is unpacked: members are read where they lie, so names, links and sizes that an attacker
/// chose lead nowhere.
///
/// Reference: `Schemas/bundle.md` section 1.
final class BundleArchive: Sendable {
    /// A member that is no payload.
    struct Member: Sendable {
        let name: String
        let offset: UInt64
        let sizeBytes: UInt64
    }

    /// The record that the archive's directory is named after.
    let index: RecordIndex
    let sizeBytes: UInt64
    let modifiedSeconds: UInt64
    let members: [String: Member]
    /// The authorities whose tokens lie behind the checkpoint.
    let authorities: [String]
    /// Where the first payload's header stands.
    let payloadsOffset: UInt64
    private let file: File

    /// Reads the headers of all tag files.
    init(_ path: String) throws(BundleFault) {
        file = try Self.open(path)
        do throws(SystemError) {
            sizeBytes = try file.sizeBytes()
        } catch { throw BundleFault(path, "\(error)") }
        let first = try Self.header(file, at: 0, what: "the archive")
        let parts = first.name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1] == BundleLayout.declaration,
            parts[0].hasPrefix("bundle-"), let number = UInt64(parts[0].dropFirst(7)),
            "bundle-\(number)" == parts[0], number <= UInt64(JSONValue.maximumInteger)
        else { throw BundleFault(path, "it is no bundle: it begins with another member") }
        index = RecordIndex(number)
        modifiedSeconds = first.modifiedSeconds
        let root = BundleLayout.directory(of: index)
        var found: [String: Member] = [:]
        var offset: UInt64 = 0
        var stamped: [String] = []
        var waiting = BundleLayout.tagFiles[...]
        while let next = waiting.first {
            let header = try Self.header(file, at: offset, what: next)
            var name = next
            if let authority = Self.authority(header, root, behind: found, after: stamped.last) {
                name = BundleLayout.token(of: authority)
                stamped.append(authority)
            } else {
                waiting.removeFirst()
            }
            if header.name != root + name, BundleLayout.optional.contains(name) { continue }
            guard header.name == root + name, header.modifiedSeconds == first.modifiedSeconds else {
                throw BundleFault(name, "'\(header.name.prefix(80))' stands in its place")
            }
            guard header.sizeBytes > 0 || !BundleLayout.optional.contains(name) else {
                throw BundleFault(name, "it is empty, and would not be there then")
            }
            let start = offset + UInt64(TarHeader.blockSizeBytes)
            found[name] = Member(name: name, offset: start, sizeBytes: header.sizeBytes)
            offset = try Self.end(file, start, header.sizeBytes, name, sizeBytes)
        }
        let directory = try Self.header(file, at: offset, what: BundleLayout.payloads)
        guard directory.name == root + BundleLayout.payloads, directory.sizeBytes == 0,
            directory.modifiedSeconds == first.modifiedSeconds
        else {
            throw BundleFault(BundleLayout.payloads, "another member stands in its place")
        }
        payloadsOffset = offset + UInt64(TarHeader.blockSizeBytes)
        members = found
        authorities = stamped
    }

    /// Whose token a header is of, if one can stand here: behind the checkpoint, in order.
    private static func authority(
        _ header: TarHeader,
        _ root: String,
        behind found: [String: Member],
        after last: String?
    ) -> String? {
        guard found[BundleLayout.checkpoint] != nil, found[BundleLayout.entries] == nil,
            header.name.hasPrefix(root),
            let name = BundleLayout.authority(ofToken: header.name.dropFirst(root.count)),
            last.map({ $0 < name }) ?? true
        else { return nil }
        return name
    }

    private static func open(_ path: String) throws(BundleFault) -> File {
        do throws(SystemError) {
            return try File(path, .read)
        } catch { throw BundleFault(path, "\(error)") }
    }

    private static func header(
        _ file: borrowing File,
        at offset: UInt64,
        what: String
    ) throws(BundleFault) -> TarHeader {
        let block = try read(file, TarHeader.blockSizeBytes, at: offset, what)
        guard let header = TarHeader(parsing: block.span) else {
            throw BundleFault(what, "its header in the archive is not one that Strongroom writes")
        }
        return header
    }

    /// Where the next header stands: behind the zeros that fill a member up.
    private static func end(
        _ file: borrowing File,
        _ start: UInt64,
        _ count: UInt64,
        _ name: String,
        _ sizeBytes: UInt64
    ) throws(BundleFault) -> UInt64 {
        guard count <= sizeBytes, start <= sizeBytes - count else { throw truncated(name) }
        let padding = TarHeader.paddingBytes(sizeBytes: count)
        let zeros = try read(file, padding, at: start + count, name)
        guard zeros.allSatisfy({ $0 == 0 }) else {
            throw BundleFault(name, "the archive has bytes behind it that belong to no member")
        }
        return start + count + UInt64(padding)
    }

    private static func truncated(_ name: String) -> BundleFault {
        BundleFault(name, "the archive ends before it does: it was cut, get it again")
    }

    private static func read(
        _ file: borrowing File,
        _ count: Int,
        at offset: UInt64,
        _ name: String
    ) throws(BundleFault) -> [UInt8] {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try file.read(count: count, at: offset)
        } catch { throw BundleFault(name, "\(error)") }
        guard bytes.count == count else { throw truncated(name) }
        return bytes
    }

    // MARK: Reading

    /// Bytes of a member; as many as asked for.
    func read(_ count: Int, at offset: UInt64, of name: String) throws(BundleFault) -> [UInt8] {
        try Self.read(file, count, at: offset, name)
    }

    /// All bytes of a small member.
    func content(of name: String, limitBytes: Int = 1 << 20) throws(BundleFault) -> [UInt8] {
        guard let member = members[name] else { throw BundleFault(name, "it is missing") }
        guard member.sizeBytes <= UInt64(limitBytes) else {
            throw BundleFault(name, "it has more than \(limitBytes) bytes")
        }
        return try read(Int(member.sizeBytes), at: member.offset, of: name)
    }

    func digest(
        of name: String,
        at offset: UInt64,
        sizeBytes: UInt64
    ) throws(BundleFault) -> SHA256Digest {
        var hasher = SHA256Hasher()
        var position: UInt64 = 0
        while position < sizeBytes {
            let count = Int(min(1 << 20, sizeBytes - position))
            let bytes = try read(count, at: offset + position, of: name)
            hasher.update(bytes.span)
            position += UInt64(count)
        }
        return hasher.finalize()
    }

    /// The lines of a member, without their ends; a member that is not there has none.
    func lines(of name: String) -> BundleLines {
        BundleLines(self, members[name] ?? Member(name: name, offset: 0, sizeBytes: 0))
    }
}

/// Reads a member line by line.
struct BundleLines {
    private let archive: BundleArchive
    private let member: BundleArchive.Member
    private var buffer: [UInt8] = []
    private var start = 0
    private var readBytes: UInt64 = 0

    /// A record of 65,535 bytes, and what stands before it.
    private static let limitBytes = 1 << 17

    init(_ archive: BundleArchive, _ member: BundleArchive.Member) {
        self.archive = archive
        self.member = member
    }

    /// The next line; `nil` at the end.
    mutating func next() throws(BundleFault) -> ArraySlice<UInt8>? {
        var searched = start
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { start = end + 1 }
                return buffer[start..<end]
            }
            buffer.removeFirst(start)
            start = 0
            searched = buffer.count
            guard buffer.count <= Self.limitBytes else {
                throw BundleFault(member.name, "it has a line that is too long")
            }
            let rest = member.sizeBytes - readBytes
            guard rest > 0 else {
                guard buffer.isEmpty else {
                    throw BundleFault(member.name, "its last line has no end")
                }
                return nil
            }
            let count = Int(min(1 << 20, rest))
            buffer += try archive.read(count, at: member.offset + readBytes, of: member.name)
            readBytes += UInt64(count)
        }
    }
}
