import Cryptography
import Testing

@testable import TransparencyLog

@Suite("Hashing")
struct MerkleTreeTests {
    @Test("the empty tree has the hash of nothing as its root")
    func emptyRoot() {
        let root = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        #expect(MerkleTree.emptyRoot.hex == root)
        #expect(CompactRange().root == MerkleTree.emptyRoot)
    }
}
