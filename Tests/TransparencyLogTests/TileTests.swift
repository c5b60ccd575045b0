import Cryptography
import Testing

@testable import TransparencyLog

@Suite("Tiles")
struct TileTests {
    /// A full or partial tile that must exist.
    private func tile(_ level: Int, _ index: UInt64, _ width: Int = 256) throws -> TileCoordinate {
        try #require(TileCoordinate(level: level, index: index, width: width))
    }

    @Test func pathsAreThoseOfAnotherImplementation() throws {
        let rows = try Vectors.rows("tiles/paths.txt")
        #expect(rows.count == 156)
        for row in rows {
            let index = try #require(UInt64(row[1]))
            let width = try #require(Int(row[2]))
            let path = String(row[3])
            if row[0] == "entries" {
                let bundle = try #require(EntryBundleCoordinate(index: index, width: width))
                #expect(bundle.path == path)
                #expect("\(bundle)" == path)
                #expect(EntryBundleCoordinate(path: path) == bundle)
                #expect(TileCoordinate(path: path) == nil)
            } else {
                let tile = try tile(#require(Int(row[0])), index, width)
                #expect(tile.path == path)
                #expect("\(tile)" == path)
                #expect(TileCoordinate(path: row[3]) == tile)
                #expect(EntryBundleCoordinate(path: path) == nil)
            }
        }
    }

    @Test func otherPathsAreRefused() throws {
        let paths = try Vectors.text("tiles/refused-paths.txt").split(separator: "\n").dropFirst()
        #expect(paths.count > 50)
        for path in paths + ["", "/", "tile/0/000\n", "tile/0/000 ", "tile/0/000.p/1\n"] {
            #expect(TileCoordinate(path: path) == nil, "\(path)")
            #expect(EntryBundleCoordinate(path: path) == nil, "\(path)")
        }
    }

    @Test func everyPathWithOneOtherByteIsRefusedOrAnotherTile() {
        for path in ["tile/2/x001/234.p/17", "tile/0/067", "tile/entries/x001/x234/067"] {
            for (position, bytes) in flips(of: Array(path.utf8)) {
                guard let changed = String(validating: bytes, as: UTF8.self) else { continue }
                // What is read at all is a path in its only spelling.
                let tile = TileCoordinate(path: changed)
                let bundle = EntryBundleCoordinate(path: changed)
                #expect(tile == nil || tile?.path == changed, "byte \(position)")
                #expect(bundle == nil || bundle?.path == changed, "byte \(position)")
                #expect(tile?.path != path && bundle?.path != path)
            }
        }
    }

    @Test func coordinatesOutsideOfTheLargestTreeDoNotExist() {
        #expect(TileCoordinate(level: -1, index: 0) == nil)
        #expect(TileCoordinate(level: 7, index: 0) == nil)
        #expect(TileCoordinate(level: 0, index: 0, width: 0) == nil)
        #expect(TileCoordinate(level: 0, index: 0, width: 257) == nil)
        // 2^53 - 1 leaves fill 2^45 - 1 tiles, and all but one place of the next.
        let last: UInt64 = (1 << 45) - 1
        #expect(TileCoordinate(level: 0, index: last - 1) != nil)
        #expect(TileCoordinate(level: 0, index: last) == nil)
        #expect(TileCoordinate(level: 0, index: .max) == nil)
        // They are 31 nodes of tile level 6.
        #expect(TileCoordinate(level: 6, index: 0, width: 31) != nil)
        #expect(TileCoordinate(level: 6, index: 0, width: 32) == nil)
        #expect(EntryBundleCoordinate(index: last - 1) != nil)
        #expect(EntryBundleCoordinate(index: last) == nil)
        #expect(EntryBundleCoordinate(index: 0, width: 0) == nil)
    }

    @Test func theLastPartialTileOfTheLargestTreeExists() {
        let tile = TileCoordinate(level: 0, index: (1 << 45) - 1, width: 255)
        #expect(tile?.lastLeaf.value == TreeSize.maximum.value - 1)
        #expect(tile?.isAvailable(in: .maximum) == true)
    }

    @Test func aTileKnowsItsNodes() throws {
        let tile = try tile(1, 3, 7)
        #expect(!tile.isFull)
        #expect(tile.firstNode == NodeID(level: 8, index: 768))
        #expect(tile.nodeIDs.map(\.index) == Array(768..<775))
        #expect(tile.nodeIDs.allSatisfy { $0.level == 8 })
        #expect(tile.lastLeaf == LeafIndex(775 * 256 - 1))
        #expect(tile.isAvailable(in: TreeSize(775 * 256)))
        #expect(!tile.isAvailable(in: TreeSize(775 * 256 - 1)))
        #expect(TileCoordinate(level: 1, index: 3)?.isFull == true)
    }

    @Test func theTileOfANodeHoldsWhatItIsComputedFrom() throws {
        let tree = NaiveTree(below: 700)
        for level in 0...9 as ClosedRange<UInt8> {
            for index in 0..<(640 as UInt64 >> UInt64(level)) {
                let node = NodeID(level: level, index: index)
                let tile = try #require(TileCoordinate(containing: node))
                let hashes = tree.nodes(tile.nodeIDs)
                let positions = try #require(tile.positions(of: node))
                #expect(positions.count == 1 << (level % 8))
                #expect(MerkleTree.root(over: Array(hashes[positions])) == tree.node(node))
            }
        }
    }

    @Test func positionsOutsideOfATileAreNil() throws {
        let tile = try tile(0, 1, 5)
        #expect(tile.positions(of: NodeID(level: 0, index: 260)) == 4..<5)
        #expect(tile.positions(of: NodeID(level: 2, index: 64)) == 0..<4)
        #expect(tile.positions(of: NodeID(level: 0, index: 261)) == nil)
        #expect(tile.positions(of: NodeID(level: 0, index: 255)) == nil)
        #expect(tile.positions(of: NodeID(level: 3, index: 32)) == nil)
        #expect(tile.positions(of: NodeID(level: 8, index: 1)) == nil)
        #expect(tile.positions(of: NodeID(level: 9, index: 0)) == nil)
        let full = try self.tile(1, 0)
        #expect(full.positions(of: NodeID(level: 16, index: 0)) == 0..<256)
        #expect(full.positions(of: NodeID(level: 7, index: 0)) == nil)
        #expect(TileCoordinate(containing: NodeID(level: 60, index: 0)) == nil)
    }

    @Test func growthCompletesEachTileOnceInTheOrderOfTheStore() throws {
        let largest: UInt64 = 256 * 256 + 600
        let all = TileCoordinate.completed(from: .zero, to: TreeSize(largest))
        #expect(all.count == 258 + 1)
        #expect(Set(all).count == all.count)
        for (left, right) in zip(all, all.dropFirst()) {
            #expect((left.lastLeaf.value, left.level) < (right.lastLeaf.value, right.level))
        }
        #expect(all.allSatisfy { $0.isFull && $0.isAvailable(in: TreeSize(largest)) })
        // However the growth is cut into steps, the tiles are the same.
        var chance = Chance()
        var size: UInt64 = 0
        var found: [TileCoordinate] = []
        while size < largest {
            let next = min(largest, size + UInt64.random(in: 0...2000, using: &chance))
            found += TileCoordinate.completed(from: TreeSize(size), to: TreeSize(next))
            size = next
        }
        #expect(found == all)
        let before = TreeSize(65_535)
        let completed = TileCoordinate.completed(from: before, to: TreeSize(65_536))
        #expect(completed == [try tile(0, 255), try tile(1, 0)])
        #expect(TileCoordinate.completed(from: before, to: before).isEmpty)
    }

    @Test(
        arguments: [
            (0, []), (1, ["tile/0/000.p/1"]), (255, ["tile/0/000.p/255"]),
            (256, ["tile/1/000.p/1"]),
            (70_000, ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]),
        ] as [(UInt64, [String])]
    )
    func partialTilesAreThoseOfTheSpecification(size: UInt64, paths: [String]) {
        #expect(TileCoordinate.partial(in: TreeSize(size)).map(\.path) == paths)
    }

    @Test func aWholeTreeOfTilesIsThatOfAnotherImplementation() throws {
        let rows = try Vectors.rows("tiles/tree-70000.txt")
        let size = TreeSize(70_000)
        var hashes: [NodeID: MerkleHash] = [:]
        var range = CompactRange()
        for index in 0..<size.value {
            range.append(NaiveTree.leafHash(String(index))) { hashes[$0] = $1 }
        }
        var expected: [String: [Substring]] = [:]
        for row in rows {
            expected[String(row[0])] = row
        }
        let tiles =
            TileCoordinate.completed(from: .zero, to: size) + TileCoordinate.partial(in: size)
        for tile in tiles {
            let row = try #require(expected[tile.path])
            expected[tile.path] = nil
            let bytes = TileHashes.encode(tile.nodeIDs.compactMap { hashes[$0] })
            #expect(bytes.count == Int(row[1]))
            #expect(sha256(bytes).hex == row[2], "\(tile)")
        }
        for path in expected.keys.sorted() {
            let bundle = try #require(EntryBundleCoordinate(path: path))
            #expect(bundle.isAvailable(in: size))
            let row = try #require(expected[path])
            expected[path] = nil
            let bytes = EntryBundle.encode(bundle.leaves.map { Array(String($0).utf8) })
            #expect(bytes.count == Int(row[1]))
            #expect(sha256(bytes).hex == row[2], "\(bundle)")
        }
        #expect(expected.isEmpty)
    }
}

@Suite("Tile and bundle contents")
struct TileContentTests {
    /// What decoding throws; nil if it accepts.
    private func errorOfBundle(_ bytes: [UInt8], count: Int) -> TileError? {
        do {
            _ = try EntryBundle.decode(bytes.span, count: count)
            return nil
        } catch {
            return error
        }
    }

    @Test func tilesComeBackFromTheirBytes() throws {
        for width in [1, 2, 255, 256] {
            let hashes = (0..<width).map { NaiveTree.leafHash(String($0)) }
            let bytes = TileHashes.encode(hashes)
            let decoded = try TileHashes.decode(bytes.span, width: width)
            #expect(decoded == hashes)
        }
    }

    @Test func tilesOfAnotherSizeAreRefused() {
        let bytes = [UInt8](repeating: 7, count: 64)
        for count in [0, 1, 31, 33, 63] {
            #expect(throws: TileError.wrongSize(expectedBytes: 64, foundBytes: count)) {
                try TileHashes.decode(bytes.span.extracting(first: count), width: 2)
            }
        }
        #expect(throws: TileError.wrongSize(expectedBytes: 32, foundBytes: 64)) {
            try TileHashes.decode(bytes.span, width: 1)
        }
    }

    @Test func bundlesComeBackFromTheirBytes() throws {
        let largest = [UInt8](repeating: 0xab, count: EntryBundle.maximumEntryBytes)
        let entries = [[1, 2, 3], [], largest, [0xff]] as [[UInt8]]
        let bytes = EntryBundle.encode(entries)
        #expect(bytes.prefix(9) == [0, 3, 1, 2, 3, 0, 0, 0xff, 0xff])
        #expect(bytes.count == 3 + 65_535 + 1 + 8)
        let decoded = try EntryBundle.decode(bytes.span, count: 4)
        #expect(decoded == entries)
    }

    @Test func everyCutOrProlongedBundleIsRefused() {
        let bytes = EntryBundle.encode([[1, 2, 3], [4], []])
        let ends = [0: 0, 1: 0, 2: 0, 3: 0, 4: 0, 5: 1, 6: 1, 7: 1, 8: 2, 9: 2]
        for (count, entry) in ends {
            #expect(
                errorOfBundle(Array(bytes.prefix(count)), count: 3) == .truncated(entry: entry)
            )
        }
        #expect(errorOfBundle(bytes, count: 3) == nil)
        #expect(errorOfBundle(bytes + [0], count: 3) == .trailingBytes(count: 1))
        #expect(errorOfBundle(bytes, count: 2) == .trailingBytes(count: 2))
        #expect(errorOfBundle(bytes, count: 4) == .truncated(entry: 3))
        #expect(errorOfBundle([], count: 0) == nil)
    }

    @Test func errorsSayWhatIsWrong() {
        let errors: [TileError] = [
            .wrongSize(expectedBytes: 64, foundBytes: 63), .truncated(entry: 3),
            .trailingBytes(count: 5),
        ]
        for (error, number) in zip(errors, ["63", "3", "5"]) {
            #expect(error.description.contains(number))
        }
    }
}
