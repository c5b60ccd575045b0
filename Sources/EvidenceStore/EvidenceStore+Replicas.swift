package import Cryptography
package import EvidenceModel
import Platform
package import TransparencyLog

/// A record with everything that a copy of it needs.
package struct Replica: Sendable {
    package enum Payload: Sendable {
        /// The record is no evidence.
        case none
        case erased(certificate: RecordIndex)
        /// Its bytes, checked against the digest that the record names.
        case bytes([UInt8])
        /// It is in a file of its own, compressed in frames.
        case file
    }

    package let stored: StoredRecord
    package let payload: Payload
}

/// A payload's file as it stands on the disk: 1 MiB zstd frames and their seek table.
package struct PayloadFileFacts: Sendable {
    package let path: String
    package let sizeBytes: UInt64
    /// Of the file's bytes.
    package let digest: SHA256Digest
}

extension EvidenceStore {
    /// Where the log's files are.
    package var paths: StorePaths { view.paths }

    /// What acknowledgements pass.
    package var gate: AcknowledgementGate { view.gate }

    /// Waits until the log has more than `size` records, or the time (monotonic) is over.
    package func waitForGrowth(beyond size: TreeSize, deadlineNanoseconds: UInt64) {
        view.waitForGrowth(beyond: size, deadlineNanoseconds: deadlineNanoseconds)
    }

    /// Ends appending for good, until the log is opened anew; reads go on.
    ///
    /// `reason`: for whoever appends.
    package func stopAppending(because reason: String) {
        queue.close(because: .unavailable(reason))
    }

    /// A record and its payload, for a copy.
    package func replica(at index: RecordIndex) throws(StoreError) -> Replica {
        let stored = try record(at: index)
        // The bytes of what was erased may stand on the disk for a moment.
        if let certificate = withState({ $0.erasure(of: index) }) {
            return Replica(stored: stored, payload: .erased(certificate: certificate))
        }
        switch stored.frame.payload {
        case .none: return Replica(stored: stored, payload: .none)
        case .file: return Replica(stored: stored, payload: .file)
        case .table:
            do throws(StoreError) {
                let reader = try payload(of: stored)
                let bytes = try reader.read(at: 0, limit: Int(reader.sizeBytes))
                return Replica(stored: stored, payload: .bytes(Array(bytes)))
            } catch .erased(_, let certificate) {
                // Of a sealed record the opening went with the payload.
                let current = try record(at: index)
                return Replica(stored: current, payload: .erased(certificate: certificate))
            }
        }
    }

    /// The file of a payload, read once from end to end: every frame was checked on the way.
    ///
    /// - Throws: `erased`, `damaged`, `notFound` if its payload is in no file.
    package func payloadFile(of index: RecordIndex) throws(StoreError) -> PayloadFileFacts {
        let stored = try record(at: index)
        guard case .file(let id, _) = stored.frame.payload else {
            throw .notFound("record \(index) has no payload file")
        }
        let reader = try payload(of: stored)
        var offset: UInt64 = 0
        while offset < reader.sizeBytes {
            offset += UInt64(try reader.read(at: offset, limit: 1 << 20).count)
        }
        let file = try evicted.open(id)
        do throws(SystemError) {
            var hasher = SHA256Hasher()
            let size = try file.sizeBytes()
            var position: UInt64 = 0
            while position < size {
                let bytes = try file.read(count: 1 << 20, at: position)
                guard !bytes.isEmpty else { break }
                hasher.update(bytes.span)
                position += UInt64(bytes.count)
            }
            guard position == size else {
                throw SystemError(operation: "read", path: file.path, errno: .notFound)
            }
            return PayloadFileFacts(path: file.path, sizeBytes: size, digest: hasher.finalize())
        } catch {
            if let certificate = withState({ $0.erasure(of: index) }) {
                throw .erased(index, certificate: certificate)
            }
            throw .system(error)
        }
    }
}
