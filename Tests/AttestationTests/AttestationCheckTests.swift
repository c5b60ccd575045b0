import Cryptography
import EvidenceModel
import EvidenceStore
import Platform
import Testing
import TransparencyLog

@testable import Attestation

/// What `fsck` finds in what others have said of the log.
@Suite struct AttestationCheckTests {
    private static let authority = Result { try TestAuthority("Checked") }

    private func check(_ path: String) throws -> FsckReport {
        var fsck = try Fsck(path: path)
        let attestations = try AttestationCheck(path: path)
        fsck.keepRoots(at: attestations.sizes)
        var report = try fsck.run()
        try attestations.judge(fsck, &report)
        return report
    }

    /// A log of three records that was stamped twice, closed; with the entries.
    private func stamped() throws -> (log: StampedLog, entries: [TimeStampEntry]) {
        let log = try StampedLog()
        let service = try log.service([("tsa", try Self.authority.get())])
        var entries = log.stamp(service).stamped
        try log.grow()
        try log.grow()
        entries += log.stamp(service).stamped
        service.stop()
        log.store.close()
        #expect(entries.map(\.key.size) == [TreeSize(1), TreeSize(3)])
        return (log, entries)
    }

    private func put(_ entries: [TimeStampEntry], _ log: StampedLog) throws {
        let store = try TimeStampStore(StorePaths(log.path))
        try store.put(entries)
        store.close()
    }

    private func details(_ report: FsckReport) -> [String] { report.findings.map(\.detail) }

    @Test func whatIsRightIsCountedAndNotChanged() throws {
        let (log, entries) = try stamped()
        let path = StorePaths(log.path).timestampsFile
        let before = try FileSystem.contents(path)
        let report = try check(log.path)
        #expect(report.findings == [])
        #expect(report.timestamps == UInt64(entries.count) && report.cosignedCheckpoints == 0)
        #expect(try FileSystem.contents(path) == before)
    }

    @Test func aLogWithoutAnyIsClean() throws {
        let log = try StampedLog()
        log.store.close()
        let report = try check(log.path)
        #expect(report.findings == [] && report.timestamps == 0)
    }

    /// Each byte of the value of an entry, and of its key.
    @Test func aChangedByteIsFound() throws {
        let (log, entries) = try stamped()
        let path = StorePaths(log.path).timestampsFile
        let sound = try FileSystem.contents(path)
        let note = try #require(place(of: Array(entries[0].note.utf8.prefix(12)), in: sound))
        let key = try #require(place(of: TimeStampStore.key(entries[1].key), in: sound))
        // In the note, in the checksum's reach before and behind it, in the key's authority.
        for place in [note, note - 40, note + 300, key + 8] {
            var bytes = sound
            bytes[place] ^= 0x04
            try FileSystem.writeDurably(bytes.span, to: path, permissions: 0o600)
            let report = try check(log.path)
            #expect(!report.isClean, "byte \(place)")
            #expect(report.findings.allSatisfy { $0.path == path }, "\(report.findings)")
        }
        try FileSystem.writeDurably(sound.span, to: path, permissions: 0o600)
        #expect(try check(log.path).isClean)
    }

    private func place(of needle: [UInt8], in bytes: [UInt8]) -> Int? {
        bytes.indices.first { bytes[$0...].starts(with: needle) }
    }

    /// Entries whose checksums are right.
    @Test func aWrongEntryIsFound() throws {
        let (log, entries) = try stamped()
        let (one, three) = (entries[0], entries[1])
        func entry(
            size: UInt64 = 3,
            authority: String = "tsa",
            note: String? = nil,
            _ record: TimeStampRecord? = nil
        ) -> TimeStampEntry {
            TimeStampEntry(
                key: TimeStampKey(size: TreeSize(size), authority: authority),
                note: note ?? three.note,
                record: record ?? three.record,
                ends: three.ends,
                subject: three.subject
            )
        }
        func note(
            size: UInt64,
            root: MerkleHash,
            by signer: NoteSigner? = nil
        ) throws -> String {
            let signer = signer ?? log.signer
            let checkpoint = try Checkpoint(origin: signer.name, size: TreeSize(size), root: root)
            return try SignedCheckpoint.sign(checkpoint, by: signer).encoded
        }
        let root = SHA256.hash([7].span)
        let stranger = try NoteSigner(
            name: log.signer.name,
            privateKey: Ed25519PrivateKey.generate()
        )
        let cases: [(TimeStampEntry, String)] = [
            (entry(one.record), "does not cover the data"),
            (entry(size: 2), "its checkpoint is of 3 records"),
            (entry(note: try note(size: 3, root: root)), "not that of the log's tree"),
            (entry(note: try note(size: 2, root: root)), "not that of the log's tree"),
            (entry(note: try note(size: 9, root: root)), "of 9 records, and the log has 3"),
            (entry(note: try note(size: 3, root: root, by: stranger)), "not signed by the log"),
            (entry(note: "nothing"), "not signed by the log"),
            (entry(authority: "NO"), "no authority can have that name"),
        ]
        for (wrong, words) in cases {
            let path = StorePaths(log.path).timestampsFile
            let sound = try FileSystem.contents(path)
            try put([wrong], log)
            let found = details(try check(log.path))
            #expect(found.count == 1 && found.allSatisfy { $0.contains(words) }, "\(found)")
            try FileSystem.writeDurably(sound.span, to: path, permissions: 0o600)
        }
    }

    @Test func cosignedNotesAreCompared() throws {
        let (log, entries) = try stamped()
        let paths = StorePaths(log.path)
        let cosigner = try Cosigner(
            name: "witness.example",
            privateKey: Ed25519PrivateKey.generate()
        )
        func keep(_ note: String, hour: UInt64) throws {
            let store = try CosignatureStore(paths)
            let standing = CosignatureStore.Standing(size: TreeSize(3), timestampSeconds: 1)
            try store.keep(
                [(cosigner.cosignatureKey, standing)],
                note: Array(note.utf8),
                nowSeconds: hour * 3600
            )
            store.close()
        }
        try keep(entries[0].note, hour: 5)
        try keep(entries[1].note, hour: 6)
        let sound = try check(log.path)
        #expect(sound.findings == [] && sound.cosignedCheckpoints == 3)
        try keep("\(entries[1].note.dropLast(9))", hour: 7)
        let found = details(try check(log.path))
        #expect(found.count == 2, "\(found)")
        #expect(found.contains { $0.hasPrefix("the newest checkpoint: ") })
        #expect(found.contains { $0.hasPrefix("the checkpoint of hour 7: ") })
    }

    @Test func nothingIsSaidOfWhatWasNotRead() throws {
        let (log, _) = try stamped()
        let active = StorePaths(log.path).active(SegmentNumber(0))
        var bytes = try FileSystem.contents(active, limitBytes: 1 << 30)
        let kind = Array("\"kind\":\"log.created\"".utf8)
        // Also in the pages that LMDB has let go of.
        while let found = place(of: kind, in: bytes) { bytes[found] ^= 1 }
        try FileSystem.writeDurably(bytes.span, to: active, permissions: 0o600)
        let report = try check(log.path)
        #expect(!report.isClean && report.timestamps == 0)
        let note = try #require(report.findings.last)
        #expect(note.severity == .note && note.detail.contains("not compared"))
    }
}
