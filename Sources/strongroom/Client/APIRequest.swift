internal import Platform

/// A request to a Strongroom server.
struct APIRequest: Sendable {
    enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case delete = "DELETE"
    }

    /// What is sent along.
    enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// The first `sizeBytes` of a file.
        case file(PayloadFile, sizeBytes: UInt64)
    }

    var method = Method.get
    let path: RequestPath
    var fields: [(name: String, value: String)] = []
    var body = Body.none
}

/// An open file that a request may be sent from more than once, and from any thread.
final class PayloadFile: Sendable {
    private let file: File

    init(_ file: consuming File) {
        self.file = file
    }

    var path: String { file.path }

    /// Reads up to the buffer's size at an offset; fewer bytes only at the end of the file.
    func read(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: UInt64
    ) throws(SystemError) -> Int {
        unsafe try file.read(into: buffer, at: offset)
    }
}

/// What a server answered; the body is empty where a sink took it.
struct APIReply: Sendable {
    let status: Int
    let fields: [(name: String, value: String)]
    let body: [UInt8]

    /// The first field of that name, in any case.
    func field(_ name: String) -> String? {
        let wanted = name.lowercased()
        return fields.first { $0.name.lowercased() == wanted }?.value
    }

    var isSuccess: Bool { (200...299).contains(status) }

    var retryAfterSeconds: Int? { field("Retry-After").flatMap { Int($0) } }
}

/// Why no answer came.
enum TransportFailure: Error, Equatable, Sendable {
    /// The server cannot be reached and has seen nothing of the request: trying again may help.
    case unreachable(String)
    /// The connection broke before the answer: the server may or may not have acted.
    case lost(String)
    /// This side gave up: the file could not be read, the output not be written.
    case abandoned(CommandFailure)
}
