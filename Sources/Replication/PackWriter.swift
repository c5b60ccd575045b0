package import Cryptography
package import EvidenceModel
internal import Platform
internal import TransparencyLog

/// Writes a pack or journal object: a plain tar in one zstd frame.
///
/// ```
/// index.json | records/7.json | openings/7.json | payloads/7 | records/9.json | … | end mark
/// journal.json | …                                            … | checkpoint | end mark
/// ```
///
/// The same records in the same order give the same bytes, however payloads are cut into pieces.
/// The caller hands in what the index announces, in its order; anything else is a programmer's
/// error and traps. Bytes go from the caller to zstd without a copy in between, and nothing is
/// allocated for a record. Belongs to one thread at a time; after an error only `abandon` makes
/// sense.
package final class PackWriter {
    /// Where the object's bytes go.
    package enum Sink: Sendable {
        case memory
        /// A file that must not be there yet; only its owner can read it. It is not synced.
        case file(path: String)
    }

    /// The object, once it is whole.
    package struct Result: Sendable {
        /// Of the object's bytes.
        package let digest: SHA256Digest
        package let sizeBytes: UInt64
        /// Empty if they went to a file.
        package let bytes: [UInt8]
    }

    /// What comes next.
    private enum Stage { case record, payload, checkpoint, end }

    private let isJournal: Bool
    private let entries: [PackEntry]
    private let indexSeconds: UInt64
    /// The entry whose record or payload comes next.
    private var position = 0
    private var stage = Stage.record
    /// Of the payload that was begun; `nil` between payloads.
    private var missingBytes: UInt64?
    private let destination: Sink
    private var sink: PackSink

    /// Begins an object.
    ///
    /// - Precondition: the index holds 1 to 65,536 records, ascending, and in a journal object
    ///   without gaps.
    package init(_ index: PackIndex, indexTime: Timestamp, to sink: Sink) throws(PackError) {
        if let fault = index.fault { preconditionFailure("an index of \(fault)") }
        isJournal = index.isJournal
        entries = index.entries
        indexSeconds = Self.seconds(indexTime)
        destination = sink
        self.sink = try PackSink(sink)
        let bytes = index.encoded
        precondition(bytes.count <= PackIndex.maximumSizeBytes, "the index is too large")
        try self.sink.member(index.memberName.utf8.span, bytes.span, indexSeconds)
    }

    /// Adds the next record, and the opening of a sealed one whose payload was not erased.
    ///
    /// `record` are the leaf's bytes.
    package func append(
        index: RecordIndex,
        record: Span<UInt8>,
        received: Timestamp,
        opening: SealedOpening?
    ) throws(PackError) {
        precondition(stage == .record && entries[position].index == index, "not the next record")
        let seconds = Self.seconds(received)
        try sink.member(.records, index, record, seconds)
        if let opening {
            try sink.member(.openings, index, opening.packForm.span, seconds)
        }
        if entries[position].memberSizeBytes == nil { advance() } else { stage = .payload }
    }

    /// Begins the payload of the record that was added last.
    package func beginPayload(
        index: RecordIndex,
        sizeBytes: UInt64,
        received: Timestamp
    ) throws(PackError) {
        let entry = entries[position]
        precondition(
            stage == .payload && missingBytes == nil && entry.index == index
                && entry.memberSizeBytes == sizeBytes,
            "not the payload that the index announces"
        )
        try sink.begin(.payloads, index, sizeBytes: sizeBytes, Self.seconds(received))
        missingBytes = sizeBytes
        if sizeBytes == 0 { try endPayload() }
    }

    /// Adds a piece of the payload that was begun; it ends when all its bytes are there.
    package func payload(_ bytes: Span<UInt8>) throws(PackError) {
        if bytes.isEmpty { return }
        guard let missing = missingBytes, UInt64(bytes.count) <= missing else {
            preconditionFailure("more payload than was announced")
        }
        try sink.write(bytes)
        missingBytes = missing - UInt64(bytes.count)
        if missingBytes == 0 { try endPayload() }
    }

    /// Adds the signed checkpoint that covers all records: the last member of a journal object.
    package func checkpoint(_ note: String) throws(PackError) {
        precondition(stage == .checkpoint, "not the place of a checkpoint")
        try sink.member(MemberName.checkpoint.utf8.span, note.utf8.span, indexSeconds)
        stage = .end
    }

    /// Ends the object; a file is then complete, and closed.
    package func finish() throws(PackError) -> Result {
        precondition(stage == .end, "the object is not complete")
        return try sink.finish()
    }

    /// Gives the object up, at any time: its file is removed.
    package func abandon() throws(PackError) {
        sink.close()
        guard case .file(let path) = destination else { return }
        do throws(SystemError) {
            try FileSystem.unlinkIfPresent(path)
        } catch { throw .system(error) }
    }

    private func advance() {
        position += 1
        stage = position < entries.count ? .record : isJournal ? .checkpoint : .end
    }

    private func endPayload() throws(PackError) {
        try sink.pad(after: entries[position].memberSizeBytes ?? 0)
        missingBytes = nil
        advance()
    }

    private static func seconds(_ time: Timestamp) -> UInt64 { UInt64(time.milliseconds / 1_000) }
}

extension SealedOpening {
    /// The opening as a member of a pack: the description's exact text, and the salt in base64.
    var packForm: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(description.count * 5 / 4 + 128)
        bytes.append(contentsOf: "{\"description\":".utf8)
        CanonicalJSON.append(string: String(decoding: description, as: UTF8.self), to: &bytes)
        bytes.append(contentsOf: ",\"salt\":\"".utf8)
        Base64.append(salt.span, to: &bytes)
        bytes.append(contentsOf: "\"}".utf8)
        return bytes
    }
}
