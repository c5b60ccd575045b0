import EvidenceModel
import Platform
import Testing
import TransparencyLog

@testable import EvidenceStore

@Suite struct TreeTests {
    /// Hashes of all records, from their bytes alone.
    private func leaves(_ store: EvidenceStore) throws -> [MerkleHash] {
        try (0..<store.checkpoint.size.value).map { value in
            MerkleTree.leafHash(try store.record(at: RecordIndex(value)).bytes.span)
        }
    }

    @Test func proofsHoldOnBothSidesOfSegmentBoundaries() throws {
        let fixture = try Fixture()
        try fixture.fill(700)
        for isSealed in [false, true] {
            if isSealed { fixture.waitForSeals() }
            let leaves = try leaves(fixture.store)
            for size: UInt64 in [1, 2, 255, 256, 257, 511, 512, 513, 700, 701] {
                let root = MerkleTree.root(over: Array(leaves[..<Int(size)]))
                for index: UInt64 in [0, 1, 254, 255, 256, 257, 511, 512, 699] where index < size {
                    let receipt = try fixture.store.receipt(
                        for: RecordIndex(index),
                        size: TreeSize(size)
                    )
                    try InclusionProof.verify(
                        leafHash: leaves[Int(index)],
                        at: RecordIndex(index),
                        in: TreeSize(size),
                        path: receipt.proof,
                        root: root
                    )
                }
                for from: UInt64 in [0, 1, 200, 256, 300, 512] where from <= size {
                    let proof = try fixture.store.consistencyProof(
                        from: TreeSize(from),
                        to: TreeSize(size)
                    ).proof
                    try ConsistencyProof.verify(
                        from: TreeSize(from),
                        to: TreeSize(size),
                        oldRoot: MerkleTree.root(over: Array(leaves[..<Int(from)])),
                        newRoot: root,
                        path: proof
                    )
                }
            }
        }
    }

    @Test func tilesAndBundlesHoldTheTree() throws {
        let fixture = try Fixture()
        try fixture.fill(600)
        fixture.waitForSeals()
        let leaves = try leaves(fixture.store)
        let first = try #require(TileCoordinate(level: 0, index: 1))
        #expect(
            try fixture.store.tile(first) == TileHashes.encode(Array(leaves[256..<512]))
        )
        let partial = try #require(TileCoordinate(level: 0, index: 2, width: 91))
        #expect(
            try fixture.store.tile(partial) == TileHashes.encode(Array(leaves[512..<603]))
        )
        let ahead = try #require(TileCoordinate(level: 0, index: 2, width: 92))
        #expect(try fixture.store.tile(ahead) == nil)
        let bundle = try #require(EntryBundleCoordinate(index: 1))
        let bytes = try #require(try fixture.store.entryBundle(bundle))
        let entries = try EntryBundle.decode(bytes.span, count: 256)
        #expect(entries.map { MerkleTree.leafHash($0.span) } == Array(leaves[256..<512]))
    }

    @Test func sizesThatNoTreeHasAreRefused() throws {
        let fixture = try Fixture()
        try fixture.fill(3)
        for size: UInt64 in [0, 5, 1 << 40] {
            #expect(throws: StoreError.self) {
                try fixture.store.receipt(for: RecordIndex(0), size: TreeSize(size))
            }
            #expect(throws: StoreError.self) {
                try fixture.store.consistencyProof(from: .zero, to: TreeSize(size))
            }
        }
        #expect(throws: StoreError.self) {
            try fixture.store.consistencyProof(from: TreeSize(3), to: TreeSize(2))
        }
        let empty = try fixture.store.consistencyProof(from: .zero, to: TreeSize(4))
        #expect(empty.proof.isEmpty)
    }

    @Test func reopeningGivesTheSameCheckpoint() throws {
        let fixture = try Fixture()
        for count in [0, 100, 154, 1, 1, 300, 512] {
            try fixture.fill(count)
            let note = fixture.store.checkpoint.note
            try fixture.reopen()
            #expect(fixture.store.checkpoint.note == note)
        }
    }

    @Test func catalogIsMadeAnewAndEqual() throws {
        let fixture = try Fixture()
        try fixture.fill(600, keyed: true)
        fixture.waitForSeals()
        let paths = StorePaths(fixture.path)
        var before = CatalogContents()
        try fixture.reopen { before = try Catalog(paths).contents() }
        #expect(before.watermark == SegmentNumber(2))
        try fixture.reopen { try FileSystem.removeTree(paths.catalog) }
        var after = CatalogContents()
        try fixture.reopen { after = try Catalog(paths).contents() }
        #expect(after == before)
        #expect(throws: StoreError.self) {
            try fixture.append(fixture.submission([9], key: "key-3"))
        }
    }
}
