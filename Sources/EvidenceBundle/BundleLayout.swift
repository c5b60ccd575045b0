package import EvidenceModel
import TransparencyLog

/// Where things lie in a bundle.
///
/// Reference: `Schemas/bundle.md` section 1; RFC 8493 (BagIt).
package enum BundleLayout {
    package static let declaration = "bagit.txt"
    package static let information = "bag-info.txt"
    package static let readme = "README.html"
    package static let verifier = "verify.py"
    package static let claims = "bundle.json"
    package static let keys = "keys.txt"
    package static let checkpoint = "checkpoint"
    package static let entries = "log/entries.txt"
    package static let openings = "log/openings.txt"
    package static let locks = "locks.jsonl"
    package static let accesses = "access.jsonl"
    package static let payloadManifest = "manifest-sha256.txt"
    package static let tagManifest = "tagmanifest-sha256.txt"
    package static let payloads = "data/payloads/"

    /// The tag files in their order in the archive; `tagManifest` lists those before it.
    package static let tagFiles = [
        declaration, information, readme, verifier, claims, keys, checkpoint, entries, openings,
        locks, accesses, payloadManifest, tagManifest,
    ]
    /// Where an authority's time-stamp token lies, directly behind the checkpoint.
    package static func token(of authority: String) -> String { "timestamps/\(authority).tst" }

    /// Whose token lies at a path; nil if none can.
    package static func authority(ofToken path: some StringProtocol) -> String? {
        guard path.hasPrefix("timestamps/"), path.hasSuffix(".tst") else { return nil }
        let name = String(path.dropFirst("timestamps/".count).dropLast(".tst".count))
        return (try? CollectionName(name)) == nil ? nil : name
    }

    /// The tag files with the tokens of these authorities, in their order in the archive.
    package static func tagFiles(with authorities: [String]) -> [String] {
        tagFiles.flatMap { name in
            name == checkpoint ? [name] + authorities.sorted().map { token(of: $0) } : [name]
        }
    }

    /// Tag files that are there only if they have content.
    package static let optional: Set<String> = [openings, locks, accesses]

    package static let declarationText =
        "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"

    /// The directory that everything lies in.
    package static func directory(of export: RecordIndex) -> String { "bundle-\(export)/" }

    /// Where the payload of a record lies, below the directory.
    package static func payload(of index: RecordIndex, name: EvidenceName) -> String {
        "\(payloads)\(index)/\(fileName(of: name))"
    }

    /// The longest name of a payload's file.
    static let maximumFileNameBytes = 100

    /// The last component of a name, escaped: safe as a file's name everywhere, and no longer than
    /// 100 bytes.
    static func fileName(of name: EvidenceName) -> String {
        let part = name.text.utf8.split(separator: UInt8(ascii: "/")).last ?? "-"[...].utf8
        let bytes = Array(part)
        var escaped: [UInt8] = []
        for (place, byte) in bytes.enumerated() {
            let isAtEnd = place == 0 || place == bytes.count - 1
            let isPlain =
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                    true
                case UInt8(ascii: "."): !isAtEnd
                case UInt8(ascii: "-"): place > 0
                default: false
                }
            let next = isPlain ? [byte] : [UInt8(ascii: "=")] + hex(byte)
            guard escaped.count + next.count <= maximumFileNameBytes else { break }
            escaped += next
        }
        return String(decoding: escaped, as: UTF8.self)
    }

    private static func hex(_ byte: UInt8) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        return [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
}
