import EvidenceStore
import HTTPMessage
import Observability

/// A payload, or a part of it, as the body of a reply.
///
/// `@unchecked Sendable`: one thread reads.
final class PayloadBody: BodyReader, @unchecked Sendable {
    private let reader: PayloadReader
    private var offset: UInt64
    private let end: UInt64
    private let log: EventLog

    init(_ reader: PayloadReader, _ range: Range<UInt64>, _ log: EventLog) {
        self.reader = reader
        offset = range.lowerBound
        end = range.upperBound
        self.log = log
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(BodyInterrupted) -> Int {
        let limit = Int(min(UInt64(buffer.count), end - offset))
        do throws(StoreError) {
            let piece = try reader.read(at: offset, limit: limit)
            unsafe buffer.copyBytes(from: piece)
            offset += UInt64(piece.count)
            return piece.count
        } catch {
            log.record(.error, "payload.damaged", [.text("detail", "\(error)")])
            throw BodyInterrupted("\(error)")
        }
    }
}
