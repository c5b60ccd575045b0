import EvidenceModel
import Glibc
import Replication
import StoreDouble
import Testing

/// The failure that `body` ends with; `nil` if it ends well.
func failure<Value>(_ body: () throws(StoreFailure) -> Value) -> StoreFailure? {
    do throws(StoreFailure) {
        _ = try body()
        return nil
    } catch {
        return error
    }
}

func key(_ text: String) throws -> ObjectKey { try #require(ObjectKey(text)) }

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func time(_ text: String) throws -> Timestamp { try #require(Timestamp(rfc3339Seconds: text)) }

func lock(
    _ mode: RetentionMode = .compliance,
    until text: String
) throws -> ObjectLock {
    try #require(ObjectLock(mode: mode, until: try time(text)))
}

extension StoreFailure {
    var isLocked: Bool {
        guard case .locked = self else { return false }
        return true
    }

    var isDenied: Bool {
        guard case .accessDenied = self else { return false }
        return true
    }
}

/// Where some bytes stand first in others; quick without optimisation, too.
func place(of needle: [UInt8], in bytes: [UInt8]) -> Int? {
    unsafe bytes.withUnsafeBufferPointer { bytes in
        guard let base = bytes.baseAddress, let first = needle.first else { return nil }
        let end = bytes.count - needle.count + 1
        var place = 0
        while place < end, let next = unsafe memchr(base + place, Int32(first), end - place) {
            place = unsafe UnsafeRawPointer(next) - UnsafeRawPointer(base)
            if unsafe bytes[place..<place + needle.count].elementsEqual(needle) { return place }
            place += 1
        }
        return nil
    }
}
