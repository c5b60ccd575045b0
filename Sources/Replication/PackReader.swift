internal import Cryptography
package import EvidenceModel
internal import TarArchive
internal import TransparencyLog

/// Reads a pack or journal object, member by member, and accepts only what `PackWriter` writes.
///
/// The object may come from anybody: order, names, headers and sizes must be exactly those that the
/// index demands, payloads must hash to the digest there, and nothing may follow. Memory is bounded
/// by the limits of index, record and opening, whatever sizes are claimed; payloads go through in
/// pieces. What the reader cannot know is whether the records are those of the log.
///
/// Belongs to one thread at a time; after an error only its end makes sense.
package final class PackReader {
    package enum Member: Sendable {
        /// The leaf's bytes.
        case record(RecordIndex, [UInt8])
        /// Of the record before it.
        case opening(RecordIndex, SealedOpening)
        /// Of the record before it; the bytes come from `nextPiece`.
        case payload(RecordIndex, sizeBytes: UInt64)
        /// The signed note at the end of a journal object; not verified.
        case checkpoint(String)
    }

    private enum Stage { case record, afterRecord, payload, checkpoint, end, over }

    /// `nil` stands for a block of zeros.
    private struct Pending { let header: TarHeader? }

    /// At most so many bytes are in a piece of a payload.
    private static let pieceSizeBytes = 64 << 10
    private static let maximumOpeningBytes = 8 * Record.maximumSizeBytes
    private static let maximumCheckpointBytes = 128 << 10

    private var stream: PackStream
    private var known: PackIndex?
    private var entries: [PackEntry] = []
    private var position = 0
    private var stage = Stage.record
    /// Whether the record's opening was read.
    private var hasOpening = false
    /// A header that was read and not used yet.
    private var pending: Pending?
    private var buffer: [UInt8] = []
    private var name: [UInt8] = []
    /// Of the payload that is being read.
    private var missingBytes: UInt64 = 0
    private var hasher = SHA256Hasher()

    /// `source` gives the object's bytes in pieces, and `nil` at their end.
    package init(source: @escaping () throws -> [UInt8]?) {
        stream = PackStream(source: source)
    }

    /// The index; may be called first, and at any time.
    package func index() throws(PackError) -> PackIndex {
        if let known { return known }
        guard let header = try peek(),
            header.name == "index.json" || header.name == "journal.json"
        else { throw .damaged(detail: "it does not begin with an index") }
        pending = nil
        let bytes = try content(of: header, limitBytes: UInt64(PackIndex.maximumSizeBytes))
        let index = try PackIndex(parsing: bytes.span)
        guard index.memberName == header.name else {
            throw .damaged(detail: "an index that is called \(header.name)")
        }
        known = index
        entries = index.entries
        return index
    }

    /// The next member; what was not read of a payload is read, and checked, first.
    ///
    /// - Returns: `nil` at the end, when nothing follows.
    package func next() throws(PackError) -> Member? {
        let index = try index()
        var rest: [UInt8] = []
        while try nextPiece(into: &rest) {}
        switch stage {
        case .record: return try record()
        case .afterRecord: return try openingOrPayload()
        case .checkpoint:
            let header = try header(named: MemberName.checkpoint)
            let bytes = try content(of: header, limitBytes: UInt64(Self.maximumCheckpointBytes))
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw .damaged(detail: "a checkpoint that is no text")
            }
            stage = .end
            return .checkpoint(text)
        case .end:
            let isEnd = try peek() == nil
            pending = nil
            guard isEnd, try peek() == nil else {
                throw .damaged(detail: "more members than \(index.memberName) announces")
            }
            try stream.end()
            stage = .over
            return nil
        case .payload, .over: return nil
        }
    }

    /// Replaces the content of `piece` by the next bytes of the payload that `next` gave last.
    ///
    /// - Returns: False at the end of the payload, when it hashes to its digest; `piece` is empty
    ///   then.
    package func nextPiece(into piece: inout [UInt8]) throws(PackError) -> Bool {
        piece.removeAll(keepingCapacity: true)
        guard stage == .payload else { return false }
        if missingBytes > 0 {
            let count = Int(min(missingBytes, UInt64(Self.pieceSizeBytes)))
            try stream.read(count: count, into: &piece)
            hasher.update(piece.span)
            missingBytes -= UInt64(count)
            return true
        }
        let entry = entries[position]
        guard let payload = entry.payload, hasher.finalize() == payload.digest else {
            throw .damaged(detail: "the payload of the record \(entry.index) has another digest")
        }
        try skipPadding(after: payload.sizeBytes)
        advance()
        return false
    }

    private func record() throws(PackError) -> Member {
        let entry = entries[position]
        let header = try header(of: .records)
        let bytes = try content(of: header, limitBytes: UInt64(Record.maximumSizeBytes))
        stage = .afterRecord
        if entry.memberSizeBytes == nil, try !isNext(.openings) { advance() }
        return .record(entry.index, bytes)
    }

    private func openingOrPayload() throws(PackError) -> Member {
        let entry = entries[position]
        guard !hasOpening, try isNext(.openings) else { return try payload(entry) }
        let header = try header(of: .openings)
        let bytes = try content(of: header, limitBytes: UInt64(Self.maximumOpeningBytes))
        guard let opening = SealedOpening(packForm: bytes) else {
            throw .damaged(detail: "\(header.name) is no opening")
        }
        hasOpening = true
        if entry.memberSizeBytes == nil { advance() }
        return .opening(entry.index, opening)
    }

    private func payload(_ entry: PackEntry) throws(PackError) -> Member {
        let header = try header(of: .payloads)
        guard header.sizeBytes == entry.memberSizeBytes else {
            throw .damaged(detail: "\(header.name) has \(header.sizeBytes) bytes")
        }
        missingBytes = header.sizeBytes
        hasher = SHA256Hasher()
        stage = .payload
        return .payload(entry.index, sizeBytes: header.sizeBytes)
    }

    private func advance() {
        position += 1
        hasOpening = false
        let isJournal = known?.isJournal == true
        stage = position < entries.count ? .record : isJournal ? .checkpoint : .end
    }

    // MARK: Headers and contents

    /// The header that comes next; `nil` is a block of zeros.
    private func peek() throws(PackError) -> TarHeader? {
        if let pending { return pending.header }
        try stream.read(count: TarHeader.blockSizeBytes, into: &buffer)
        let header = TarHeader(parsing: buffer.span)
        guard header != nil || buffer.allSatisfy({ $0 == 0 }) else {
            throw .damaged(detail: "a header that is not as it is written here")
        }
        pending = Pending(header: header)
        return header
    }

    private func isNext(_ folder: MemberName.Folder) throws(PackError) -> Bool {
        MemberName.set(&name, folder, entries[position].index)
        guard let header = try peek() else { return false }
        return header.name.utf8.elementsEqual(name)
    }

    /// The next header, which must be that of the current record.
    private func header(of folder: MemberName.Folder) throws(PackError) -> TarHeader {
        MemberName.set(&name, folder, entries[position].index)
        return try header(named: String(decoding: name, as: UTF8.self))
    }

    private func header(named name: String) throws(PackError) -> TarHeader {
        guard let header = try peek(), header.name.utf8.elementsEqual(name.utf8) else {
            throw .damaged(detail: "\(name) is not where it should be")
        }
        pending = nil
        return header
    }

    private func content(
        of header: TarHeader,
        limitBytes: UInt64
    ) throws(PackError) -> [UInt8] {
        guard header.sizeBytes <= limitBytes else {
            throw .damaged(detail: "\(header.name) has \(header.sizeBytes) bytes")
        }
        var bytes: [UInt8] = []
        try stream.read(count: Int(header.sizeBytes), into: &bytes)
        try skipPadding(after: header.sizeBytes)
        return bytes
    }

    private func skipPadding(after sizeBytes: UInt64) throws(PackError) {
        try stream.read(count: TarHeader.paddingBytes(sizeBytes: sizeBytes), into: &buffer)
        guard buffer.allSatisfy({ $0 == 0 }) else {
            throw .damaged(detail: "data between two members")
        }
    }
}

extension SealedOpening {
    /// Reads what `packForm` wrote, and nothing else.
    fileprivate init?(packForm bytes: [UInt8]) {
        guard let object = (try? JSONValue(parsing: bytes.span, form: .canonical))?.members,
            let description = object["description"]?.text,
            let salt = object["salt"]?.text.flatMap({ Base64.decode($0) }),
            let opening = try? SealedOpening(salt: salt, description: Array(description.utf8)),
            opening.packForm == bytes
        else { return nil }
        self = opening
    }
}
