internal import CCurl
import Platform

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
    /// libcurl wanted to send the request once more, and must not.
    private(set) var isRepetitionRefused = false
    private(set) var silence: SilenceWatch
    private let repetition: ClientRequest.Repetition
    private var isBegun = false

    init(
        _ request: ClientRequest,
        receive: ((Span<UInt8>) throws -> Void)?,
        limitBytes: Int
    ) {
        body = request.body
        repetition = request.repetition
        silence = SilenceWatch(limitMilliseconds: request.silenceMilliseconds)
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
    /// `CURLOPT_PREREQFUNCTION`: called each time a request is about to be sent.
    private func begin() -> Bool {
        isRepetitionRefused = isBegun && repetition == .refused
        isBegun = true
        return !isRepetitionRefused
    }

    static let prereqCallback: shim_curl_prereq = { context, _, _, _, _ in
        guard let transfer = unsafe Transfer.at(context) else { return CURL_PREREQFUNC_ABORT }
        return transfer.begin() ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
    }

    /// `CURLOPT_XFERINFOFUNCTION`: anything but 0 ends the transfer.
    static let progressCallback: shim_curl_progress = { context, _, downloaded, _, uploaded in
        guard let transfer = unsafe Transfer.at(context) else { return 1 }
        // Before the request is on its way the time to connect has a limit of its own.
        let nanoseconds = Clock.monotonicNanoseconds()
        guard transfer.isBegun else {
            transfer.silence.start(at: nanoseconds)
            return 0
        }
        return transfer.silence.goesOn(byteCount: downloaded + uploaded, at: nanoseconds) ? 0 : 1
    }

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
