import Cryptography
import EvidenceModel
import Glibc
import Platform
import Testing
import TransparencyLog

@testable import EvidenceStore

/// A log with evidence of every kind, and what each piece must give back until it is erased.
///
/// Names, labels and payloads hold tokens that stand nowhere else, so that a search through the
/// bytes of all files shows what is left.
final class ErasureLog {
    struct Piece {
        let index: RecordIndex
        let payload: [UInt8]
        let isSealed: Bool
        /// In its name, its label and its payload.
        let token: String
    }

    let fixture: Fixture
    private(set) var pieces: [Piece] = []

    static let nameMarker = "nm7:"
    static let labelMarker = "lb7:"
    static let payloadMarker = "pl7:"
    static let largePayloadBytes = 1_200_000

    private let locks: [LockRequest]

    /// `count` pieces, every second one sealed, with locks of three lengths unless one is given;
    /// `large`: how many more have payload files.
    init(
        _ count: Int,
        large: Int = 0,
        lock: LockRequest? = nil,
        configuration: StoreConfiguration = StoreConfiguration()
    ) throws {
        fixture = try Fixture(configuration: configuration)
        locks = try [7, 1, 20].map { years in
            try lock ?? LockRequest(retention: .duration(RetentionDuration(years, .years)))
        }
        try append(count, payloadBytes: 600)
        try append(large, payloadBytes: Self.largePayloadBytes)
    }

    var paths: StorePaths { StorePaths(fixture.path) }

    func append(_ count: Int, payloadBytes: Int) throws {
        var (submissions, fresh): ([Submission], [(token: String, payload: [UInt8])]) = ([], [])
        for number in 0..<count {
            let token = Hex.encode(Random.bytes(count: 8).span)
            let payload =
                Array((Self.payloadMarker + token).utf8) + Random.bytes(count: payloadBytes)
            fresh.append((token, payload))
            submissions.append(
                try fixture.submission(
                    payload,
                    name: "dir/\(Self.nameMarker)\(token)",
                    key: number % 5 == 0 ? "key-\(token)" : nil,
                    labels: [(key: "owner", value: Self.labelMarker + token)],
                    lock: locks[number % 3],
                    isSealed: number % 2 == 1
                )
            )
        }
        guard !submissions.isEmpty else { return }
        for (outcome, (number, piece)) in zip(
            try fixture.append(submissions),
            fresh.enumerated()
        ) {
            pieces.append(
                Piece(
                    index: outcome.index,
                    payload: piece.payload,
                    isSealed: number % 2 == 1,
                    token: piece.token
                )
            )
        }
    }

    /// Waits until a segment is sealed, and its open form gone.
    func waitForSeal(of number: SegmentNumber) {
        fixture.waitForSeals()
        let lock = UnsealedSegment.lockPath(of: paths.active(number))
        while (try? FileSystem.exists(lock)) ?? true {
            Clock.sleep(milliseconds: 2)
        }
    }

    /// The records of the pieces that a condition holds for.
    func records(where isChosen: (Piece) -> Bool) -> IndexRanges {
        IndexRanges(pieces.filter(isChosen).map(\.index))
    }

    /// Reads everything back: what stands is equal and proves, what is erased proves.
    func expectStanding(without erased: IndexRanges, in store: EvidenceStore? = nil) throws {
        let store = store ?? fixture.store
        for piece in pieces {
            let receipt = try store.receipt(for: piece.index)
            #expect(try store.record(at: piece.index).bytes == receipt.record)
            if erased.contains(piece.index) {
                #expect(throws: StoreError.self) { try store.payload(at: piece.index) }
            } else {
                #expect(try Fixture.payload(piece.index, of: store) == piece.payload)
                let name = try store.record(at: piece.index).description?.name.text
                #expect(name == "dir/\(Self.nameMarker)\(piece.token)")
            }
        }
    }

    /// Searches the bytes of every file: what stands is found, what is erased is not; the name and
    /// the label of an open record stand in its leaf for ever.
    func expectTokens(without erased: IndexRanges, in root: String? = nil) throws {
        let found = try Self.tokens(in: root ?? fixture.path)
        for piece in pieces {
            let isErased = erased.contains(piece.index)
            #expect(found.payloads.contains(piece.token) == !isErased, "\(piece.index)")
            #expect(found.names.contains(piece.token) == !(isErased && piece.isSealed))
            #expect(found.labels.contains(piece.token) == !(isErased && piece.isSealed))
        }
    }

    struct Tokens {
        var names: Set<String> = []
        var labels: Set<String> = []
        var payloads: Set<String> = []
    }

    static func tokens(in root: String) throws -> Tokens {
        var found = Tokens()
        for name in try FileSystem.list(root) {
            let path = "\(root)/\(name)"
            if try FileSystem.information(path)?.kind == .directory {
                let below = try tokens(in: path)
                found.names.formUnion(below.names)
                found.labels.formUnion(below.labels)
                found.payloads.formUnion(below.payloads)
            } else {
                collect(from: try FileSystem.contents(path, limitBytes: 1 << 30), into: &found)
            }
        }
        return found
    }

    /// Takes in the token behind each marker; all of these end with a colon.
    private static func collect(from bytes: [UInt8], into found: inout Tokens) {
        let markers = [nameMarker, labelMarker, payloadMarker].map { Array($0.utf8) }
        let (colon, length) = (Int32(UInt8(ascii: ":")), markers[0].count)
        unsafe bytes.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            let end = bytes.count - 16
            var place = length - 1
            while place < end, let next = unsafe memchr(base + place, colon, end - place) {
                place = unsafe UnsafeRawPointer(next) - UnsafeRawPointer(base)
                defer { place += 1 }
                let marker = unsafe bytes[place + 1 - length...place]
                guard
                    let kind = markers.firstIndex(where: { unsafe marker.elementsEqual($0) })
                else { continue }
                let token = unsafe String(decoding: bytes[place + 1...place + 16], as: UTF8.self)
                switch kind {
                case 0: found.names.insert(token)
                case 1: found.labels.insert(token)
                default: found.payloads.insert(token)
                }
            }
        }
    }

    /// Bytes on disk of a directory's files.
    static func allocatedBytes(_ directory: String) throws -> UInt64 {
        try FileSystem.list(directory).reduce(0) {
            $0 + (try FileSystem.allocatedBytes("\(directory)/\($1)"))
        }
    }
}

extension Fixture {
    var eraser: SegmentEraser { Self.eraser(of: store) }

    static func eraser(of store: EvidenceStore) -> SegmentEraser {
        SegmentEraser(
            paths: store.view.paths,
            geometry: store.view.geometry,
            sealed: store.view.sealed,
            uploads: store.uploads
        )
    }
}

/// Full check of a log that nobody has open, with erasures that its records do not tell of.
func fsck(
    _ path: String,
    erased: IndexRanges,
    purged: IndexRanges = .none
) throws -> FsckReport {
    var fsck = try Fsck(path: path)
    fsck.erasures = SegmentCheck.Erasures(erased: erased, purged: purged)
    return try fsck.run()
}

/// The files of this process that are mapped although they have no name any more.
func deletedMappings(below path: String) throws -> [String] {
    let bytes = try FileSystem.contents("/proc/self/maps", limitBytes: 1 << 26)
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        .filter { $0.contains(path) && $0.hasSuffix("(deleted)") }.map { String($0) }
}

/// Expects that a full check finds nothing at all.
func expectSound(
    _ path: String,
    erased: IndexRanges,
    purged: IndexRanges = .none,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let findings = try fsck(path, erased: erased, purged: purged).findings
    #expect(findings == [], sourceLocation: sourceLocation)
}
