import Cryptography
import EvidenceModel
import EvidenceStore
import Platform
import StoreDouble
import Testing
import TransparencyLog

@testable import Replication

/// A directory that a log is restored into; removed at the end.
final class RestoredLog {
    let path = "/tmp/strongroom-restored-\(Hex.encode(Random.bytes(count: 8).span))"

    deinit { try? FileSystem.removeTree(path) }

    func restore(
        _ fixture: CopyFixture,
        atLeast: String? = nil,
        successor: String? = nil,
        key: VerifierKey? = nil
    ) throws(RestorationError) -> RestorationReport {
        var request = RestorationRequest(
            path: path,
            keys: [key ?? fixture.store.description.verifierKey],
            bucket: "evidence"
        )
        request.atLeast = atLeast
        request.successor = successor
        return try Restoration.run(request, from: MemoryStore(fixture.bucket))
    }

    /// What the bucket lacks; `nil` if it is restored, or fails otherwise.
    func whatIsLacking(_ fixture: CopyFixture, atLeast: String) -> String? {
        do throws(RestorationError) {
            _ = try restore(fixture, atLeast: atLeast)
            return nil
        } catch {
            guard case .lagging(let detail) = error else { return nil }
            return detail
        }
    }

    func open(_ signer: NoteSigner? = nil) throws -> EvidenceStore {
        try EvidenceStore(path: path, keys: signer.map { SigningKeys($0) }) { error in
            preconditionFailure("the log stopped: \(error)")
        }
    }

    /// What `fsck` finds; notes are left out.
    func damage() throws -> [String] {
        var check = try Fsck(path: path)
        let report = try check.run()
        return report.findings.filter { $0.severity == .damage }.map(\.description)
    }

    /// All bytes of all files.
    func holds(_ bytes: [UInt8]) throws -> Bool {
        try Self.files(below: path).contains { file in
            let content = try FileSystem.contents(file, limitBytes: 64 << 20)
            return place(of: bytes, in: content) != nil
        }
    }

    private static func files(below path: String) throws -> [String] {
        try FileSystem.list(path).flatMap { name -> [String] in
            let inner = "\(path)/\(name)"
            let kind = try FileSystem.information(inner)?.kind
            return kind == .directory ? try files(below: inner) : [inner]
        }
    }
}

func payload(_ index: RecordIndex, of store: EvidenceStore) throws -> [UInt8] {
    let reader = try store.payload(at: index)
    var bytes: [UInt8] = []
    while UInt64(bytes.count) < reader.sizeBytes {
        bytes += try reader.read(at: UInt64(bytes.count), limit: 1 << 20)
    }
    return bytes
}

/// Compares everything that both logs say of every record.
func expectEqual(_ copy: EvidenceStore, _ original: EvidenceStore, upTo size: UInt64) throws {
    #expect(copy.withState { $0.exported } == original.withState { $0.exported })
    for value in 0..<size {
        let index = RecordIndex(value)
        let (found, expected) = (try copy.record(at: index), try original.record(at: index))
        #expect(found.bytes == expected.bytes, "record \(index)")
        #expect(found.opening == expected.opening, "record \(index)")
        guard expected.record.collection != nil else { continue }
        if original.withState({ $0.erasure(of: index) }) == nil {
            #expect(try payload(index, of: copy) == payload(index, of: original), "\(index)")
        } else {
            #expect(throws: StoreError.self) { try copy.payload(at: index) }
        }
    }
}
