internal import CCurl

/// One request on its way: what libcurl's callbacks read and write.
///
/// Owned by `HTTPClient.perform`, which keeps it alive while libcurl has its address.
final class Transfer {
    private let body: ClientRequest.Body
    private let receive: ((Span<UInt8>) throws -> Void)?
    private let limitBytes: Int

    private(set) var status = 0
    private(set) var fields = ResponseFields()
    private(set) var received: [UInt8] = []
    private(set) var isTooLarge = false
    private(set) var callbackError: (any Error)?

    init(
        body: ClientRequest.Body,
        receive: ((Span<UInt8>) throws -> Void)?,
        limitBytes: Int
    ) {
        self.body = body
        self.receive = receive
        self.limitBytes = limitBytes
    }

    var response: ClientResponse {
        ClientResponse(status: status, fields: fields, body: received)
    }

    /// Whether the response is whole, as far as its length tells.
    var isWhole: Bool {
        status >= 200 && fields["content-length"] == String(received.count)
    }

    /// `CURLOPT_HEADERFUNCTION`: one line.
    func receive(header line: UnsafeRawBufferPointer) {
        var text = Substring(unsafe String(decoding: line, as: UTF8.self))
        while let last = text.unicodeScalars.last, last == "\r" || last == "\n" {
            text.unicodeScalars.removeLast()
        }
        if text.hasPrefix("HTTP/") {
            // Also after a 100 (Continue): only the last response counts.
            let parts = text.split(separator: " ", maxSplits: 2)
            status = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
            fields = ResponseFields()
        } else {
            fields.append(line: text)
        }
    }

    /// `CURLOPT_WRITEFUNCTION`: false ends the transfer.
    func receive(body bytes: UnsafeRawBufferPointer) -> Bool {
        if let receive, (200..<300).contains(status) {
            do {
                try receive(unsafe Span(_unsafeBytes: bytes))
                return true
            } catch {
                callbackError = error
                return false
            }
        }
        guard bytes.count <= limitBytes - received.count else {
            isTooLarge = true
            return false
        }
        unsafe received.append(contentsOf: bytes)
        return true
    }

    /// `CURLOPT_READFUNCTION`: how many bytes were put into the buffer; `nil` ends the transfer.
    func send(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
        guard case .stream(_, let read) = body else { return 0 }
        do {
            return unsafe try read(buffer)
        } catch {
            callbackError = error
            return nil
        }
    }
}

extension Transfer {
    static let headerCallback: shim_curl_callback = { bytes, _, count, context in
        guard let transfer = unsafe Transfer.at(context) else { return 0 }
        unsafe transfer.receive(header: UnsafeRawBufferPointer(start: bytes, count: count))
        return count
    }

    static let writeCallback: shim_curl_callback = { bytes, _, count, context in
        guard let transfer = unsafe Transfer.at(context) else { return 0 }
        let bytes = unsafe UnsafeRawBufferPointer(start: bytes, count: count)
        // Any other number than `count` is an error; 0 would be right for no bytes.
        return unsafe transfer.receive(body: bytes) ? count : count &+ 1
    }

    static let readCallback: shim_curl_callback = { bytes, size, count, context in
        guard let transfer = unsafe Transfer.at(context) else { return Int(CURL_READFUNC_ABORT) }
        let buffer = unsafe UnsafeMutableRawBufferPointer(start: bytes, count: size * count)
        return unsafe transfer.send(into: buffer) ?? Int(CURL_READFUNC_ABORT)
    }

    /// The address that the callbacks get back; not an ownership.
    var address: UnsafeMutableRawPointer { unsafe Unmanaged.passUnretained(self).toOpaque() }

    private static func at(_ address: UnsafeMutableRawPointer?) -> Transfer? {
        unsafe address.map { unsafe Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
    }
}
