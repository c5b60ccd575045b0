/// The name of a file of payloads in a sealed segment: its group, and how often it was written
/// anew.
///
/// The seal writes the first generation, `payloads-2033-11-C.mdb`. An erasure that leaves something
/// in the file writes what stands into the next, `payloads-2033-11-C.2.mdb`. `SHA256SUMS` names the
/// generation that counts.
struct PayloadFileName: Hashable, Comparable, Sendable {
    let group: PayloadGroup
    /// From 1 on.
    let generation: Int

    private static let suffix = ".mdb"

    /// The file that the seal writes.
    init(_ group: PayloadGroup) {
        self.init(group, generation: 1)
    }

    private init(_ group: PayloadGroup, generation: Int) {
        self.group = group
        self.generation = generation
    }

    /// Reads back what `text` gives; nil for any other name.
    init?(_ text: String) {
        guard text.hasSuffix(Self.suffix) else { return nil }
        let parts = text.dropLast(Self.suffix.count).split(
            separator: ".",
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        guard let group = PayloadGroup(fileName: parts[0] + Self.suffix) else { return nil }
        self.group = group
        guard parts.count == 2 else {
            generation = 1
            return
        }
        guard let generation = Int(parts[1]), generation > 1, String(generation) == parts[1] else {
            return nil
        }
        self.generation = generation
    }

    /// The name within the segment's directory.
    var text: String {
        let first = group.fileName
        guard generation > 1 else { return first }
        return "\(first.dropLast(Self.suffix.count)).\(generation)\(Self.suffix)"
    }

    /// The file that takes the place of this one.
    var next: PayloadFileName { PayloadFileName(group, generation: generation + 1) }

    static func < (left: PayloadFileName, right: PayloadFileName) -> Bool {
        (left.group, left.generation) < (right.group, right.generation)
    }
}
