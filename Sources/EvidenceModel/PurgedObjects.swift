public import Cryptography

/// Which objects of a target were deleted to purge an erasure, version by version.
///
/// A purge is told by a digest over all of them, so that a record of any size of purge stays
/// small; where there are few they are named as well.
public struct PurgedObjects: Hashable, Sendable {
    /// The most that are named.
    public static let maximumNamedCount = 64
    /// The most bytes of the names together.
    public static let maximumNamesSizeBytes = 24_576

    /// How many versions were deleted.
    public let count: UInt64
    /// SHA-256 over a line `<key> <version>`, ended by a newline, for each; ascending by bytes.
    public let digest: SHA256Digest
    /// `<key> <version>` of all of them, ascending; empty if there are more than
    /// ``maximumNamedCount``, or if they are longer than ``maximumNamesSizeBytes``.
    public let versions: [String]

    /// Versions in any order; each counts once.
    ///
    /// Key, below the target's prefix, and version id are visible ASCII: nothing else stands in
    /// the layout of a target.
    public init(_ versions: some Sequence<(key: String, version: String)>) {
        let lines = Set(versions.map { ExactText("\($0.key) \($0.version)") }).sorted()
        count = UInt64(lines.count)
        digest = Self.digest(of: lines.map(\.string))
        self.versions = Self.mayName(lines.map(\.string)) ? lines.map(\.string) : []
    }

    init(count: UInt64, digest: SHA256Digest, versions: [String]) {
        self.count = count
        self.digest = digest
        self.versions = versions
    }

    private static func digest(of lines: [String]) -> SHA256Digest {
        var hash = SHA256Hasher()
        for line in lines { hash.update("\(line)\n".utf8.span) }
        return hash.finalize()
    }

    private static func mayName(_ lines: [String]) -> Bool {
        lines.count <= maximumNamedCount
            && lines.reduce(0) { $0 + $1.utf8.count } <= maximumNamesSizeBytes
    }

    var fault: (member: String, rule: String)? {
        guard count <= UInt64(JSONValue.maximumInteger) else {
            return ("count", "must be below 2^53")
        }
        guard !versions.isEmpty else {
            return count > 0 || digest == Self.digest(of: [])
                ? nil : ("digest", "must be that of nothing")
        }
        guard Self.mayName(versions), UInt64(versions.count) == count,
            versions.allSatisfy(Self.isLine),
            zip(versions, versions.dropFirst()).allSatisfy({ ExactText($0) < ExactText($1) })
        else {
            return (
                "versions",
                "must be all of them as <key> <version>, ascending, each once, at most "
                    + "\(Self.maximumNamedCount) and \(Self.maximumNamesSizeBytes) bytes"
            )
        }
        return digest == Self.digest(of: versions) ? nil : ("digest", "must be that of versions")
    }

    /// Two words of visible ASCII with one blank between them.
    private static func isLine(_ text: String) -> Bool {
        let words = text.utf8.split(separator: 0x20, omittingEmptySubsequences: false)
        return words.count == 2
            && words.allSatisfy { word in
                !word.isEmpty && word.allSatisfy { (0x21...0x7E).contains($0) }
            }
    }
}
