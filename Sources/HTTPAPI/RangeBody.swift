import EvidenceStore
import HTTPMessage
import Observability

/// A payload or a bundle, or a part of it, as the body of a reply.
///
/// `@unchecked Sendable`: one thread reads.
final class RangeBody: BodyReader, @unchecked Sendable {
    typealias Read = (_ offset: UInt64, _ limit: Int) throws(StoreError) -> ArraySlice<UInt8>

    private let read: Read
    private var offset: UInt64
    private let end: UInt64
    private let log: EventLog

    init(_ range: Range<UInt64>, _ log: EventLog, read: @escaping Read) {
        self.read = read
        offset = range.lowerBound
        end = range.upperBound
        self.log = log
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(BodyInterrupted) -> Int {
        let limit = Int(min(UInt64(buffer.count), end - offset))
        do throws(StoreError) {
            let piece = try read(offset, limit)
            unsafe buffer.copyBytes(from: piece)
            offset += UInt64(piece.count)
            return piece.count
        } catch {
            log.record(.error, "body.interrupted", [.text("detail", "\(error)")])
            throw BodyInterrupted("\(error)")
        }
    }
}
