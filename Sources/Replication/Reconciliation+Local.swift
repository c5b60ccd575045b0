import Cryptography
import EvidenceModel
import EvidenceStore
import Platform
import TransparencyLog

// The log is repaired from the target.
extension Reconciliation {
    /// Whether an object that stands has the payload of a record.
    func hasSource(of index: RecordIndex, isLarge: Bool) -> Bool {
        standing.contains { entry in
            entry.records.contains(index) && (entry.kind == .payload) == isLarge
        }
    }

    /// Fetches what a survey found damaged from objects that stand, and puts it back.
    ///
    /// - Returns: Why sources could not be used: others may have held the same.
    func repair(_ survey: PayloadSurvey) throws(ReplicationFailure) -> String? {
        var supplied: [RecordIndex: SuppliedPayload] = [:]
        var paths: [String] = []
        defer { for path in paths { try? FileSystem.unlinkIfPresent(path) } }
        var faults: [String] = []
        let wanted = Set(survey.damaged.keys)
        for entry in standing where entry.kind == .payload {
            guard let index = entry.records.first, wanted.contains(index),
                supplied[index]?.content == nil
            else { continue }
            try checkStopping()
            let path = "\(replicator.folder)/reconcile-\(index).zst.tmp"
            paths.append(path)
            do throws(ReplicationFailure) {
                try download(entry, to: path)
                supplied[index, default: SuppliedPayload()].content = .payloadFile(path: path)
            } catch .local(let fault) {
                faults.append(fault)
            }
        }
        // Packs before journal objects, which are soon gone.
        var open = wanted
        for kind in [LedgerEntry.Kind.pack, .journal] {
            for entry in standing where entry.kind == kind {
                let here = open.filter { entry.records.contains($0) }
                guard !here.isEmpty else { continue }
                try checkStopping()
                do throws(ReplicationFailure) {
                    open.subtract(try extract(here, from: entry, into: &supplied, &paths))
                } catch .local(let fault) {
                    faults.append(fault)
                }
            }
        }
        let (store, found) = (store, supplied)
        _ = try logged { () throws(StoreError) in
            try store.repairPayloads(survey, with: found)
        }
        return faults.isEmpty ? nil : faults.joined(separator: "; ")
    }

    /// Writes an object to a file, and compares its digest.
    private func download(
        _ entry: LedgerEntry,
        to path: String
    ) throws(ReplicationFailure) {
        let sink: FileSink
        do throws(SystemError) {
            try FileSystem.unlinkIfPresent(path)
            sink = try FileSink(path)
        } catch {
            throw .local("\(error)")
        }
        let target = target
        do throws(StoreFailure) {
            _ = try target.get(entry.key, version: entry.version, range: nil) {
                try sink.append($0)
            }
        } catch .notFound, .deleteMarker {
            throw .local("\(entry.key) is gone by now")
        } catch {
            throw .store(error)
        }
        guard sink.digest() == entry.digest else {
            throw .local("\(entry.key) has other bytes than its checksum says")
        }
    }

    /// Takes payloads and openings out of a pack or journal object; returns the records found.
    private func extract(
        _ wanted: Set<RecordIndex>,
        from entry: LedgerEntry,
        into supplied: inout [RecordIndex: SuppliedPayload],
        _ paths: inout [String]
    ) throws(ReplicationFailure) -> Set<RecordIndex> {
        let path = "\(replicator.folder)/reconcile-source.tmp"
        defer { try? FileSystem.unlinkIfPresent(path) }
        try download(entry, to: path)
        var found: Set<RecordIndex> = []
        do throws(PackError) {
            let pieces: FilePieces
            do throws(SystemError) { pieces = try FilePieces(path) } catch { throw .system(error) }
            let reader = PackReader { try pieces.next() }
            var isOurs = false
            while let member = try reader.next() {
                switch member {
                case .record(let index, let bytes):
                    let own = try? store.recordBytes(at: index)
                    isOurs = wanted.contains(index) && own == bytes
                    if isOurs { found.insert(index) }
                case .opening(let index, let opening):
                    if isOurs { supplied[index, default: SuppliedPayload()].opening = opening }
                case .payload(let index, _):
                    guard isOurs else { continue }
                    let copy = "\(replicator.folder)/reconcile-\(index).tmp"
                    paths.append(copy)
                    try spool(reader, to: copy)
                    supplied[index, default: SuppliedPayload()].content = .bytes(path: copy)
                case .checkpoint: continue
                }
            }
        } catch {
            throw .local("\(entry.key): \(error)")
        }
        return found
    }

    private func spool(_ reader: PackReader, to path: String) throws(PackError) {
        let sink: FileSink
        do throws(SystemError) {
            try FileSystem.unlinkIfPresent(path)
            sink = try FileSink(path)
        } catch {
            throw .system(error)
        }
        var piece: [UInt8] = []
        while try reader.nextPiece(into: &piece) {
            do throws(SystemError) {
                try sink.append(piece.span)
            } catch {
                throw .system(error)
            }
        }
    }
}

/// Writes a file and hashes it; a reference, so that closures can share it.
private final class FileSink {
    private let file: File
    private var hasher = SHA256Hasher()

    init(_ path: String) throws(SystemError) {
        file = try File(path, .create(permissions: 0o600))
    }

    func append(_ piece: Span<UInt8>) throws(SystemError) {
        hasher.update(piece)
        try file.write(piece)
    }

    func digest() -> SHA256Digest { hasher.finalize() }
}

/// Reads a file in pieces.
private final class FilePieces {
    private let file: File
    private var offset: UInt64 = 0

    init(_ path: String) throws(SystemError) {
        file = try File(path, .read)
    }

    func next() throws(SystemError) -> [UInt8]? {
        let bytes = try file.read(count: 1 << 18, at: offset)
        offset += UInt64(bytes.count)
        return bytes.isEmpty ? nil : bytes
    }
}
