/// The place of an entry bundle: up to 256 neighbouring records.
///
/// Reference: C2SP tlog-tiles, "Log entries".
public struct EntryBundleCoordinate: Hashable, Sendable, CustomStringConvertible {
    /// The entries in a full bundle.
    public static let fullWidth = TilePath.fullWidth

    /// The number of full bundles to the left.
    public let index: UInt64

    /// The entries in the bundle, 1...256.
    public let width: Int

    /// A bundle; nil if no tree up to ``TreeSize/maximum`` has it.
    public init?(index: UInt64, width: Int = EntryBundleCoordinate.fullWidth) {
        guard let tile = TileCoordinate(level: 0, index: index, width: width) else { return nil }
        self.init(tile)
    }

    private init(_ tile: TileCoordinate) {
        index = tile.index
        width = tile.width
    }

    /// Whether this is a full bundle.
    public var isFull: Bool { width == Self.fullWidth }

    /// The leaves in the bundle.
    public var leaves: Range<UInt64> {
        index * UInt64(Self.fullWidth)..<index * UInt64(Self.fullWidth) + UInt64(width)
    }

    /// Whether a tree of `size` leaves has all the entries of this bundle.
    public func isAvailable(in size: TreeSize) -> Bool {
        leaves.upperBound <= size.value
    }

    /// The path below the log's prefix, without a leading slash: `tile/entries/x001/234` or
    /// `tile/entries/x001/234.p/17`.
    public var path: String {
        "tile/entries/" + TilePath.format(index: index, width: width)
    }

    /// The same as ``path``.
    public var description: String { path }

    /// Reads a path; nil unless it is exactly the ``path`` of a coordinate.
    public init?(path: some StringProtocol) {
        let parts = TilePath.split(path)
        guard parts.count >= 3, parts[0].elementsEqual("tile".utf8),
            parts[1].elementsEqual("entries".utf8),
            let (index, width) = TilePath.parse(parts[2...])
        else { return nil }
        self.init(index: index, width: width)
    }
}

/// The bytes of an entry bundle: each record behind its length, as a big-endian 16-bit number.
///
/// Reference: C2SP tlog-tiles, "Log entries".
public enum EntryBundle {
    /// The largest record that a bundle can carry.
    public static let maximumEntryBytes = 65_535

    /// Writes a bundle.
    ///
    /// - Precondition: there are 1...256 entries, each of at most ``maximumEntryBytes``.
    public static func encode(_ entries: [[UInt8]]) -> [UInt8] {
        precondition((1...TilePath.fullWidth).contains(entries.count), "not a bundle's width")
        var bytes: [UInt8] = []
        bytes.reserveCapacity(entries.reduce(0) { $0 + $1.count + 2 })
        for entry in entries {
            append(entry.span, to: &bytes)
        }
        return bytes
    }

    /// Writes one entry at the end of `bundle`, for those who stream a bundle out of a store.
    ///
    /// - Precondition: the entry has at most ``maximumEntryBytes``.
    public static func append(_ entry: Span<UInt8>, to bundle: inout [UInt8]) {
        precondition(entry.count <= maximumEntryBytes, "the entry is too large for a bundle")
        bundle.append(UInt8(entry.count >> 8))
        bundle.append(UInt8(entry.count & 0xff))
        unsafe entry.withUnsafeBufferPointer { unsafe bundle.append(contentsOf: $0) }
    }

    /// Reads a bundle of exactly `count` entries.
    ///
    /// - Throws: ``TileError/truncated(entry:)`` or ``TileError/trailingBytes(count:)``.
    public static func decode(
        _ bytes: Span<UInt8>,
        count: Int
    ) throws(TileError) -> [[UInt8]] {
        var entries: [[UInt8]] = []
        var position = 0
        for entry in 0..<count {
            guard bytes.count - position >= 2 else { throw .truncated(entry: entry) }
            let size = Int(bytes[position]) << 8 | Int(bytes[position + 1])
            position += 2
            guard bytes.count - position >= size else { throw .truncated(entry: entry) }
            let entryBytes = bytes.extracting(position..<position + size)
            entries.append(unsafe entryBytes.withUnsafeBufferPointer { unsafe Array($0) })
            position += size
        }
        guard position == bytes.count else {
            throw .trailingBytes(count: bytes.count - position)
        }
        return entries
    }
}
