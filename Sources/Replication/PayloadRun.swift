internal import EvidenceModel
internal import EvidenceStore

/// Takes the payloads out of one pack or journal object that a log lacks.
final class PayloadRun {
    enum Failure: Error {
        case pack(PackError)
        case restoration(RestorationError)
    }

    private struct Current {
        let entry: PackEntry
        let record: [UInt8]
        var opening: SealedOpening?
    }

    private let log: LogImport
    private let source: RestorationSource
    private let walk: ObjectWalk

    private var current: Current?
    /// What was not as it should be.
    private(set) var refused: [String] = []
    private(set) var payloads: UInt64 = 0
    private(set) var payloadBytes: UInt64 = 0

    private static let maximumPayloadBytes: UInt64 = 1 << 20

    init(log: LogImport, source: RestorationSource, walk: ObjectWalk) {
        self.log = log
        self.source = source
        self.walk = walk
    }

    func take(_ index: PackIndex, _ reader: PackReader) throws(Failure) {
        var entries = index.entries[...]
        while let member = try pack({ () throws(PackError) in try reader.next() }) {
            switch member {
            case .record(_, let bytes):
                try placeObject()
                guard let entry = entries.popFirst() else { return }
                let isWanting = try logged { () throws(StoreError) in
                    try log.isWanting(entry.index)
                }
                current = isWanting ? Current(entry: entry, record: bytes) : nil
            case .opening(_, let opening): current?.opening = opening
            case .payload(_, let sizeBytes): try place(sizeBytes, reader)
            case .checkpoint: break
            }
        }
        try placeObject()
    }

    /// Places the payload that the reader is at.
    private func place(_ sizeBytes: UInt64, _ reader: PackReader) throws(Failure) {
        guard let current else { return }
        self.current = nil
        guard sizeBytes <= Self.maximumPayloadBytes else {
            return refuse(current, "a payload of \(sizeBytes) bytes should have its own object")
        }
        var (payload, piece): ([UInt8], [UInt8]) = ([], [])
        while try pack({ () throws(PackError) in try reader.nextPiece(into: &piece) }) {
            payload += piece
        }
        let placement = try logged { () throws(StoreError) in
            try log.place(
                current.entry.index,
                record: current.record,
                opening: current.opening,
                payload: payload
            )
        }
        count(placement, current, sizeBytes)
    }

    /// Places the current record's payload if that has an object of its own.
    private func placeObject() throws(Failure) {
        guard let current, let key = current.entry.object, let payload = current.entry.payload
        else { return }
        self.current = nil
        guard case .payload(_, current.entry.index) = ObjectLayout.meaning(of: key) else {
            return refuse(current, "its payload would be the object \(key)")
        }
        var found: ObjectWalk.Found?
        try restored { () throws(RestorationError) in
            try walk.each(below: key.text) { object in
                if object.key == key { found = object }
            }
        }
        guard let found else { return refuse(current, "its payload, \(key), is missing") }
        let file = try logged { () throws(StoreError) in try log.beginFile() }
        let pieces = source.pieces(found)
        do {
            while let piece = try pieces() { try file.write(piece.span) }
        } catch let error as StoreError {
            throw .restoration(.log(error))
        } catch let error as StoreFailure {
            throw .restoration(.store(error, while: "reading \(key)"))
        } catch {
            throw .restoration(.store(.local(detail: "\(error)"), while: "reading \(key)"))
        }
        let placement = try logged { () throws(StoreError) in
            try log.place(
                current.entry.index,
                record: current.record,
                opening: current.opening,
                file: file
            )
        }
        count(placement, current, payload.sizeBytes)
    }

    private func count(
        _ placement: LogImport.Placement,
        _ current: Current,
        _ sizeBytes: UInt64
    ) {
        switch placement {
        case .placed:
            payloads += 1
            payloadBytes += sizeBytes
        case .unwanted: break
        case .refused(let why): refuse(current, why)
        }
    }

    private func refuse(_ current: Current, _ why: String) {
        refused.append("record \(current.entry.index): \(why)")
    }

    private func pack<Value>(_ body: () throws(PackError) -> Value) throws(Failure) -> Value {
        do throws(PackError) { return try body() } catch { throw .pack(error) }
    }

    private func logged<Value>(
        _ body: () throws(StoreError) -> Value
    ) throws(Failure) -> Value {
        do throws(StoreError) { return try body() } catch { throw .restoration(.log(error)) }
    }

    private func restored<Value>(
        _ body: () throws(RestorationError) -> Value
    ) throws(Failure) -> Value {
        do throws(RestorationError) { return try body() } catch { throw .restoration(error) }
    }
}
