internal import Cryptography
internal import EvidenceModel
internal import Observability
internal import TransparencyLog

/// One piece of evidence as `put` and `list` print it: `index  sha256  name  locked-until`.
struct EvidenceLine: Equatable, Sendable {
    let index: UInt64
    let collection: String
    let digest: String?
    let name: String?
    let sizeBytes: UInt64?
    let mode: String
    let lockedUntil: String
    /// `added`, `unchanged`; nil where neither applies.
    let status: String?

    init(
        index: UInt64,
        collection: String,
        digest: String?,
        name: String?,
        sizeBytes: UInt64?,
        mode: String,
        lockedUntil: String,
        status: String?
    ) {
        self.index = index
        self.collection = collection
        self.digest = digest
        self.name = name
        self.sizeBytes = sizeBytes
        self.mode = mode
        self.lockedUntil = lockedUntil
        self.status = status
    }

    /// The line of a record of evidence; nil for other records.
    init?(
        index: RecordIndex,
        record: Record,
        description: EvidenceDescription?,
        status: String? = nil
    ) {
        guard let lock = record.lock, let collection = record.collection else { return nil }
        self.init(
            index: index.value,
            collection: collection.text,
            digest: description?.payloadDigest.hex,
            name: description?.name.text,
            sizeBytes: description?.payloadSize,
            mode: lock.mode.rawValue,
            lockedUntil: LockWords.end(lock),
            status: status
        )
    }

    /// Columns two spaces apart; `-` where a sealed record cannot be opened.
    var text: String {
        let mark = status == "unchanged" ? "  unchanged" : ""
        return "\(index)  \(digest ?? "-")  \(name ?? "-")  \(lockedUntil)\(mark)"
    }

    var json: String {
        var line = JSONLine()
        line.add("index", index)
        line.add("collection", collection)
        if let digest { line.add("sha256", digest) }
        if let name { line.add("name", name) }
        if let sizeBytes { line.add("size", sizeBytes) }
        line.add("mode", mode)
        line.add("lockedUntil", lockedUntil)
        if let status { line.add("status", status) }
        return line.text
    }
}
