import Cryptography
import Testing

@testable import TransparencyLog

/// The vectors that implementations of RFC 6962 share, see Tests/Vectors/merkle/reference.json.
struct ReferenceVectors: Decodable {
    struct Inclusion: Decodable {
        let index: UInt64
        let size: UInt64
        let path: [String]
    }
    struct Consistency: Decodable {
        let from: UInt64
        let to: UInt64
        let path: [String]
    }
    let leaves: [String]
    let roots: [String]
    let inclusion: [Inclusion]
    let consistency: [Consistency]

    static func load() throws -> ReferenceVectors {
        try Vectors.json("merkle/reference.json", as: ReferenceVectors.self)
    }

    /// The leaf hashes, by the product.
    var leafHashes: [MerkleHash] {
        get throws {
            try leaves.map { hex in
                let leaf = try #require(Hex.decode(hex))
                return MerkleTree.leafHash(leaf.span)
            }
        }
    }
}

@Suite("Merkle tree")
struct MerkleTreeTests {
    @Test func emptyTreeHasTheHashOfNothing() throws {
        let root = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        #expect(MerkleTree.emptyRoot.hex == root)
        #expect(CompactRange().root == MerkleTree.emptyRoot)
        #expect(MerkleTree.root(over: []) == MerkleTree.emptyRoot)
    }

    @Test func leavesAndNodesAreHashedApart() {
        let left = NaiveTree.leafHash("left")
        let right = NaiveTree.leafHash("right")
        let joined = left.bytes + right.bytes
        #expect(MerkleTree.nodeHash(left, right) == sha256([1] + joined))
        #expect(MerkleTree.leafHash(joined.span) == sha256([0] + joined))
        #expect(MerkleTree.nodeHash(left, right) != MerkleTree.nodeHash(right, left))
    }

    @Test func rootsAreThePublishedOnes() throws {
        let vectors = try ReferenceVectors.load()
        let leaves = try vectors.leafHashes
        for size in 0...leaves.count {
            let root = try Vectors.hash(vectors.roots[size])
            #expect(MerkleTree.root(over: Array(leaves[..<size])) == root, "size \(size)")
        }
    }

    @Test func inclusionPathsAreThePublishedOnes() throws {
        let vectors = try ReferenceVectors.load()
        let leaves = try vectors.leafHashes
        #expect(vectors.inclusion.count == 36)
        for vector in vectors.inclusion {
            let path = try Vectors.hashes(vector.path)
            try InclusionProof.verify(
                leafHash: leaves[Int(vector.index)],
                at: LeafIndex(vector.index),
                in: TreeSize(vector.size),
                path: path,
                root: Vectors.hash(vectors.roots[Int(vector.size)])
            )
            let built = InclusionProof.path(
                for: LeafIndex(vector.index),
                in: TreeSize(vector.size)
            ) { node in
                MerkleTree.root(
                    over: Array(leaves[Int(node.firstLeaf.value)...Int(node.lastLeaf.value)])
                )
            }
            #expect(built == path, "leaf \(vector.index) in \(vector.size)")
        }
    }

    @Test func consistencyPathsAreThePublishedOnes() throws {
        let vectors = try ReferenceVectors.load()
        let leaves = try vectors.leafHashes
        #expect(vectors.consistency.count == 36)
        for vector in vectors.consistency {
            let path = try Vectors.hashes(vector.path)
            try ConsistencyProof.verify(
                from: TreeSize(vector.from),
                to: TreeSize(vector.to),
                oldRoot: Vectors.hash(vectors.roots[Int(vector.from)]),
                newRoot: Vectors.hash(vectors.roots[Int(vector.to)]),
                path: path
            )
            let built = ConsistencyProof.path(
                from: TreeSize(vector.from),
                to: TreeSize(vector.to)
            ) { node in
                MerkleTree.root(
                    over: Array(leaves[Int(node.firstLeaf.value)...Int(node.lastLeaf.value)])
                )
            }
            #expect(built == path, "\(vector.from) to \(vector.to)")
        }
    }

    @Test func allPathsUpTo130LeavesAreThoseOfAnotherImplementation() throws {
        let tree = NaiveTree(below: 130)
        let rows = try Vectors.rows("merkle/exhaustive.txt")
        #expect(rows.count == 130)
        for row in rows {
            let size = try #require(UInt64(row[0]))
            #expect(RootComputation.root(TreeSize(size), from: tree).hex == row[1])
            var inclusion: [UInt8] = []
            for index in 0..<size {
                for hash in InclusionProof.path(
                    for: LeafIndex(index),
                    in: TreeSize(size),
                    from: tree
                ) {
                    hash.append(to: &inclusion)
                }
            }
            #expect(sha256(inclusion).hex == row[2], "inclusion in \(size)")
            var consistency: [UInt8] = []
            for old in 1...size {
                for hash in ConsistencyProof.path(
                    from: TreeSize(old),
                    to: TreeSize(size),
                    from: tree
                ) {
                    hash.append(to: &consistency)
                }
            }
            #expect(sha256(consistency).hex == row[3], "consistency to \(size)")
        }
    }
}

/// Trees that nobody could store, see Tests/Vectors/merkle/large.json.
@Suite("Large trees")
struct LargeTreeTests {
    struct Vector: Decodable {
        let size: UInt64
        let special: [UInt64]
        let root: String
        let index: UInt64
        let inclusion: [String]
        let from: UInt64
        let oldRoot: String
        let consistency: [String]
    }
    struct File: Decodable {
        let trees: [Vector]
    }

    @Test func rootsAndPathsAreThoseOfAnotherImplementation() throws {
        let vectors = try Vectors.json("merkle/large.json", as: File.self).trees
        #expect(vectors.count == 8)
        for vector in vectors {
            let tree = NaiveTree(special: vector.special)
            let size = TreeSize(vector.size)
            let from = TreeSize(vector.from)
            let root = try Vectors.hash(vector.root)
            let oldRoot = try Vectors.hash(vector.oldRoot)
            #expect(RootComputation.root(size, from: tree) == root)
            #expect(RootComputation.root(from, from: tree) == oldRoot)
            let inclusion = InclusionProof.path(for: LeafIndex(vector.index), in: size, from: tree)
            #expect(inclusion.map(\.hex) == vector.inclusion)
            try InclusionProof.verify(
                leafHash: tree.leafHash(vector.index),
                at: LeafIndex(vector.index),
                in: size,
                path: inclusion,
                root: root
            )
            let consistency = ConsistencyProof.path(from: from, to: size, from: tree)
            #expect(consistency.map(\.hex) == vector.consistency)
            try ConsistencyProof.verify(
                from: from,
                to: size,
                oldRoot: oldRoot,
                newRoot: root,
                path: consistency
            )
        }
    }
}
