import Cryptography
import EvidenceModel
import EvidenceStore
import TransparencyLog

// Objects at the copy's keys that this log did not store.
extension Reconciliation {
    /// Fills `strays`.
    ///
    /// The ledger is read after the listing: it has an object before its upload begins. Tiles,
    /// which it has only behind theirs, follow from the log; the upload of one tells if another
    /// stands there.
    func findStrays(_ listed: [ObjectKey: [VersionEntry]]) throws(ReplicationFailure) {
        let ledger = replicator.ledger
        let entries = try logged { () throws(StoreError) in try ledger.entries() }
        let known = Dictionary(uniqueKeysWithValues: entries.map { ($0.key, $0) })
        for (key, versions) in listed.sorted(by: { $0.key < $1.key }) {
            if let entry = known[key], entry.state != .planned { continue }
            switch ObjectLayout.meaning(of: key) {
            case .checkpoint, .tile, .entryBundle, .probe, .state: continue
            case .journal, .pack, .payload, .foreign: break
            }
            for version in versions {
                guard case .object(let sizeBytes, _) = version.content else { continue }
                let found = ObjectWalk.Found(
                    key: key,
                    version: version.name.version,
                    sizeBytes: sizeBytes
                )
                guard let problem = try judge(found, known[key]) else { continue }
                strays.append(
                    ReconcileReport.Stray(
                        what: key.text,
                        version: found.version.text,
                        problem: problem
                    )
                )
            }
            try checkStopping()
        }
    }

    /// What is to be said of an object that the ledger does not have as stored; `nil` if it is gone
    /// by now, or the upload that was begun.
    private func judge(
        _ found: ObjectWalk.Found,
        _ planned: LedgerEntry?
    ) throws(ReplicationFailure) -> String? {
        do throws(StoreFailure) {
            let head = try target.head(found.key, version: found.version)
            if let planned, case .whole(planned.digest)? = head.checksum { return nil }
        } catch .notFound, .deleteMarker {
            return nil
        } catch {
            throw .store(error)
        }
        guard case .journal = ObjectLayout.meaning(of: found.key) else {
            return "this log did not store it"
        }
        do throws(PackError) {
            return try judge(journal: found)
        } catch {
            return "this log did not store it, and it is no journal object: \(error)"
        }
    }

    /// Compares the records of a journal object with those of the log.
    private func judge(journal found: ObjectWalk.Found) throws(PackError) -> String {
        let reader = PackReader(source: RestorationSource(store: target).pieces(found))
        let origin = try reader.index().origin
        guard origin == store.description.origin else { return "it is of another log: \(origin)" }
        let size = store.checkpoint.size
        var other: String?
        var note: String?
        while let member = try reader.next() {
            switch member {
            case .record(let index, let bytes):
                guard other == nil else { continue }
                if index.value >= size.value {
                    other = "it goes on to record \(index), this log has \(size) records"
                } else if (try? store.recordBytes(at: index)) != bytes {
                    other = "its record \(index) is another than here"
                }
            case .checkpoint(let text): note = text
            case .opening, .payload: continue
            }
        }
        guard let other else { return "its records are those of this log, which did not note it" }
        let isSigned =
            note.flatMap {
                try? SignedCheckpoint.open(
                    $0,
                    origin: origin,
                    keys: store.verifierKeys
                )
            } != nil
        return isSigned
            ? "it is of another node with this log's key: \(other)"
            : "it is not signed with this log's key: \(other)"
    }
}
