/// How far the second copy has become the first.
///
/// A target walks forward one step at a time, and back in the same way.
public enum TargetPhase: String, Sendable, Hashable, CaseIterable {
    /// The disk acknowledges; the bucket follows.
    case local
    /// Acknowledged is what stands on the disk and in the bucket's journal.
    case dual
    /// As `dual`; payloads of sealed segments may leave the disk, and are fetched when asked for.
    case s3Primary = "s3-primary"
    /// As `s3-primary`, and the disk has all payloads again: it is the bucket's backup.
    case localBackup = "local-backup"

    /// Whether an append waits for the bucket.
    public var waitsForTarget: Bool { self != .local }

    /// Whether no payload stands in the target only.
    public var keepsPayloadsOnDisk: Bool { self != .s3Primary }

    /// The steps next to this one.
    public var neighbours: [TargetPhase] {
        let all = Self.allCases
        guard let place = all.firstIndex(of: self) else { return [] }
        return [place - 1, place + 1].filter(all.indices.contains).map { all[$0] }
    }
}

extension TargetPhase: CustomStringConvertible {
    /// The word that stands in records.
    public var description: String { rawValue }
}
