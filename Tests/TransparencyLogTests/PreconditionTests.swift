import Cryptography
import Testing

@testable import TransparencyLog

/// Errors of the programmer stop the program instead of giving a proof of something else.
@Suite("Preconditions")
struct PreconditionTests {
    @Test func aPathNeedsALeafOfTheTree() async {
        await #expect(processExitsWith: .failure) {
            _ = InclusionProof.nodeIDs(for: LeafIndex(5), in: TreeSize(5))
        }
        await #expect(processExitsWith: .failure) {
            _ = InclusionProof.length(for: LeafIndex(0), in: TreeSize(1 << 53))
        }
    }

    @Test func anEdgeNeedsALeafOfItsTree() async {
        await #expect(processExitsWith: .failure) { _ = RightEdge(CompactRange()) }
        await #expect(processExitsWith: .failure) {
            var range = CompactRange()
            range.append(MerkleTree.emptyRoot)
            let edge = RightEdge(range)
            _ = InclusionProof.path(for: LeafIndex(1), edge: edge) { _ in MerkleTree.emptyRoot }
        }
    }

    @Test func aTreeOnlyGrows() async {
        await #expect(processExitsWith: .failure) {
            _ = ConsistencyProof.nodeIDs(from: TreeSize(6), to: TreeSize(5))
        }
        await #expect(processExitsWith: .failure) {
            _ = TileCoordinate.completed(from: TreeSize(600), to: TreeSize(5))
        }
    }

    @Test func aSubtreeStartsAtItsBoundary() async {
        await #expect(processExitsWith: .failure) {
            var range = CompactRange()
            range.append(MerkleTree.emptyRoot)
            range.append(subtree: MerkleTree.emptyRoot, level: 1)
        }
    }

    @Test func aReaderGivesOneHashForEachNode() async {
        struct Forgetful: NodeReader {
            func nodes(_ ids: [NodeID]) -> [MerkleHash] { [] }
        }
        await #expect(processExitsWith: .failure) {
            _ = InclusionProof.path(for: LeafIndex(0), in: TreeSize(2), from: Forgetful())
        }
        await #expect(processExitsWith: .failure) {
            _ = RootComputation.root(TreeSize(2), from: Forgetful())
        }
    }

    @Test func anEntryFitsItsLength() async {
        await #expect(processExitsWith: .failure) {
            _ = EntryBundle.encode([[UInt8](repeating: 0, count: 65_536)])
        }
        await #expect(processExitsWith: .failure) { _ = EntryBundle.encode([]) }
        await #expect(processExitsWith: .failure) { _ = TileHashes.encode([]) }
    }

    @Test func aSignerSignsOnlyWhatANoteCanHold() async {
        await #expect(processExitsWith: .failure) {
            _ = try TestKey.log.signer.sign("no newline")
        }
    }

    @Test func aWitnessNeverGoesBack() async {
        await #expect(processExitsWith: .failure) {
            var state = WitnessState(keys: [try TestKey.log.verifier])
            state.advance(to: try TestCheckpoint.of(size: 4), timestampSeconds: 5)
            state.advance(to: try TestCheckpoint.of(size: 3), timestampSeconds: 5)
        }
        await #expect(processExitsWith: .failure) {
            var state = WitnessState(keys: [try TestKey.log.verifier])
            state.advance(to: try TestCheckpoint.of(size: 4), timestampSeconds: 5)
            state.advance(to: try TestCheckpoint.of(size: 4), timestampSeconds: 4)
        }
        await #expect(processExitsWith: .failure) {
            _ = WitnessState(keys: [try TestKey.log.verifier, try TestKey.other.verifier])
        }
        await #expect(processExitsWith: .failure) { _ = WitnessState(keys: []) }
        await #expect(processExitsWith: .failure) {
            let checkpoint = try TestCheckpoint.of(size: 4)
            _ = try TestKey.witness.cosigner.cosign(checkpoint, timestampSeconds: 0)
        }
    }
}
