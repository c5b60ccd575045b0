import Cryptography
import CurlClient
import Platform
import Replication

/// Reads the part of a file that is sent.
///
/// Belongs to one request at a time.
final class FileBody {
    private let file: File
    private var offset: UInt64
    private var leftBytes: UInt64

    init(path: String, offset: UInt64, sizeBytes: UInt64) throws(SystemError) {
        file = try File(path, .read)
        self.offset = offset
        leftBytes = sizeBytes
    }

    /// Fills the buffer as far as there is something; 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(StoreFailure) -> Int {
        let wanted = Int(min(UInt64(buffer.count), leftBytes))
        guard wanted > 0 else { return 0 }
        let count: Int
        do {
            count = unsafe try file.read(
                into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]),
                at: offset
            )
        } catch {
            throw .local(detail: "\(error)")
        }
        guard count == wanted else {
            throw .local(detail: "\(file.path) is shorter than what is to be sent of it")
        }
        offset += UInt64(count)
        leftBytes -= UInt64(count)
        return count
    }
}

extension ObjectBody {
    /// What libcurl sends.
    func clientBody(isAbsent: Bool = false) throws(StoreFailure) -> ClientRequest.Body {
        switch self {
        case .bytes(let bytes): return isAbsent ? .none : .bytes(bytes)
        case .file(let path, let offset, let sizeBytes):
            let body = try open(path, offset, sizeBytes)
            return unsafe .stream(lengthBytes: sizeBytes) { buffer in
                unsafe try body.read(into: buffer)
            }
        }
    }

    /// The MD5 digest of the bytes; `nil` where there is no MD5.
    func md5() throws(StoreFailure) -> [UInt8]? {
        switch self {
        case .bytes(let bytes): return MD5Hasher.hash(bytes.span)
        case .file(let path, let offset, let sizeBytes):
            guard let hasher = MD5Hasher() else { return nil }
            let body = try open(path, offset, sizeBytes)
            var buffer = [UInt8](repeating: 0, count: 1 << 18)
            while true {
                var count = 0
                var failure: StoreFailure?
                unsafe buffer.withUnsafeMutableBytes { space in
                    do throws(StoreFailure) {
                        count = unsafe try body.read(into: space)
                    } catch {
                        failure = error
                    }
                }
                if let failure { throw failure }
                guard count > 0 else { return hasher.finalize() }
                hasher.update(buffer.span.extracting(0..<count))
            }
        }
    }

    private func open(
        _ path: String,
        _ offset: UInt64,
        _ sizeBytes: UInt64
    ) throws(StoreFailure) -> FileBody {
        do {
            return try FileBody(path: path, offset: offset, sizeBytes: sizeBytes)
        } catch {
            throw .local(detail: "\(error)")
        }
    }
}
