import EvidenceModel
import EvidenceStore
import Platform
import TransparencyLog

// In `s3-primary` large payloads leave the disk, and come back when they are asked for.
extension TargetService {
    /// Removes payload files from the disk that are older than that and verified in a target.
    ///
    /// Each is asked for once more before it goes.
    /// - Returns: How many bytes left.
    func evict(_ name: TargetName, after seconds: UInt64) throws(TargetError) -> UInt64 {
        let replicator = try replicator(name)
        let uploader = replicator.uploader
        var bytes: UInt64 = 0
        var missing: StoreFailure?
        do throws(StoreError) {
            for entry in try replicator.ledger.entries(below: "payloads/")
            where entry.state == .stored {
                guard !isStopping, let index = entry.records.first else { break }
                // One at a time, so that a change of phase need not wait for all.
                bytes += try changing.withLock { _ throws(StoreError) in
                    guard store.withState({ $0.targets[name]?.phase }) == .s3Primary,
                        let age = store.clock.reading.releasing
                            .adding(milliseconds: -Int64(seconds) * 1_000)
                    else { return 0 }
                    return try store.evict(index, digest: entry.digest, olderThan: age) {
                        do throws(StoreFailure) {
                            _ = try uploader.verify(Uploader.Expected(entry), entry.version)
                            return true
                        } catch {
                            missing = error
                            return false
                        }
                    }
                }
                if missing != nil { break }
            }
        } catch {
            throw .log(error)
        }
        if let missing { throw .store(missing, while: "looking for what is to leave the disk") }
        return bytes
    }

    /// Fetches all that was evicted, before a target is no longer where it stands.
    func bringBackEvicted(_ name: TargetName) throws(TargetError) {
        do throws(StoreError) {
            _ = try store.fetchAllEvicted()
        } catch {
            throw .refused(
                "payloads that stand in a target only could not be fetched: \(error); \(name) "
                    + "stays as it is until they are back"
            )
        }
    }

    /// Fetches a payload's file from the first target that gives it.
    func fetch(_ mark: EvictionMark, to path: String) throws(StoreError) {
        let collection = try store.record(at: mark.index).record.collection
        guard let collection else {
            throw .damaged(path: path, detail: "record \(mark.index) is no evidence")
        }
        let keys = [
            ObjectLayout.strongerPayload(collection, mark.index),
            ObjectLayout.payload(collection, mark.index),
        ]
        var failures: [String] = []
        for (name, replicator) in replicators.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
            for key in keys {
                guard let entry = try replicator.ledger.entry(key), entry.state == .stored,
                    let version = entry.version, entry.digest == mark.digest
                else { continue }
                do throws(StoreFailure) {
                    return try Self.get(replicator.target, VersionedKey(key, version), to: path)
                } catch {
                    failures.append("\(name): \(error)")
                }
            }
        }
        throw .unavailable(
            failures.isEmpty
                ? "no target is known to have the payload of record \(mark.index)"
                : "the payload of record \(mark.index) stands in a target only, and cannot be "
                    + "fetched now: \(failures.joined(separator: "; "))"
        )
    }

    private static func get(
        _ target: any ObjectStore,
        _ name: VersionedKey,
        to path: String
    ) throws(StoreFailure) {
        let file = try create(path)
        _ = try target.get(name.key, version: name.version, range: nil) { try file.write($0) }
    }

    private static func create(_ path: String) throws(StoreFailure) -> File {
        do throws(SystemError) {
            return try File(path, .createOrTruncate(permissions: 0o600))
        } catch {
            throw .local(detail: "\(error)")
        }
    }
}
