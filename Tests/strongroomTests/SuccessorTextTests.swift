import Cryptography
import EvidenceModel
import Testing
import TransparencyLog

@testable import strongroom

/// How a log that goes on for another says so to people.
@Suite struct SuccessorTextTests {
    private func lines(lost: ClosedRange<UInt64>?) throws -> [String] {
        let signer = try NoteSigner(
            name: "log.example/first",
            privateKey: Ed25519PrivateKey.generate()
        )
        let root = SHA256.hash("root".utf8.span)
        let head = try Checkpoint(origin: signer.name, size: TreeSize(40), root: root)
        let predecessor = try Predecessor(
            checkpoint: SignedCheckpoint.sign(head, by: signer).encoded,
            keys: [signer.verifierKey],
            lost: lost
        )
        let lines = RecordText.predecessor(predecessor)
        #expect(lines[0] == "successor of log.example/first")
        #expect(lines[1] == "from        40 records, root \(root.hex)")
        #expect(lines[2] == "its key     \(signer.verifierKey)")
        return lines
    }

    @Test func whatIsLostIsTold() throws {
        #expect(try lines(lost: nil).last == "lost        none known")
        #expect(try lines(lost: 40...44).last == "lost        records 40 to 44")
    }
}
