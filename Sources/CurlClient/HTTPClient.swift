internal import CCurl

/// An HTTP/1.1 client that waits for its answer and keeps its connection for the next request.
///
/// Belongs to one thread at a time. Never follows a redirect. Takes proxies from the environment
/// (`https_proxy` …) except for loopback addresses. libcurl repeats a request by itself once if a
/// kept connection turns out to be closed before anything came back.
///
/// Reference: RFC 9112; libcurl's easy interface.
@safe package final class HTTPClient {
    /// How the client behaves; the same for all its requests.
    package struct Options: Sendable {
        package var connectTimeoutMilliseconds = 10_000
        /// For a request as a whole; `nil` sets no limit.
        package var requestTimeoutMilliseconds: Int?
        /// Slower than this for so long is a time-out; `nil` sets no limit.
        package var lowSpeed: LowSpeed? = LowSpeed(bytesPerSecond: 1, seconds: 60)
        /// Certificates to trust instead of the system's, a PEM file.
        package var authorityFile: String?
        package var proxies = Proxies.environment
        package var userAgent: String
        /// For bodies that are collected, not received by a closure.
        package var maximumBodyBytes = 16 << 20

        package init(userAgent: String) {
            self.userAgent = userAgent
        }
    }

    /// Where the way to a server may lead through.
    package enum Proxies: Sendable {
        /// What `https_proxy` and its like say, except for loopback addresses.
        case environment
        /// Straight to the server.
        case none
    }

    /// The rate below which a transfer counts as stuck.
    package struct LowSpeed: Sendable {
        package let bytesPerSecond: Int
        package let seconds: Int

        package init(bytesPerSecond: Int, seconds: Int) {
            self.bytesPerSecond = bytesPerSecond
            self.seconds = seconds
        }
    }

    /// What a closure of the last request threw, when that request ended with `aborted`.
    package private(set) var callbackError: (any Error)?

    private let baseURL: String
    private let options: Options
    private let handle: UnsafeMutableRawPointer
    /// Where libcurl writes what went wrong; `CURL_ERROR_SIZE` bytes.
    private let message: UnsafeMutablePointer<CChar>

    private static let isInitialized = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// A client without a connection yet.
    ///
    /// `baseURL` goes before the URL of every request; a slash at its end is left out.
    package init(baseURL: String = "", options: Options) {
        precondition(Self.isInitialized, "libcurl could not be initialized")
        guard let handle = unsafe curl_easy_init() else {
            preconditionFailure("out of memory for libcurl")
        }
        unsafe self.handle = handle
        unsafe message = .allocate(capacity: Int(CURL_ERROR_SIZE))
        self.baseURL = baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL
        self.options = options
    }

    deinit {
        unsafe curl_easy_cleanup(handle)
        unsafe message.deallocate()
    }

    /// Sends a request and waits for the whole response, whatever its status.
    ///
    /// With `receive` the body of a response of status 2xx goes there piece by piece, and nowhere
    /// else; the body of any other is collected. A throw of `receive` ends the transfer.
    ///
    /// - Throws: See `CurlError`.
    ///
    /// Reference: `curl_easy_perform`.
    package func perform(
        _ request: ClientRequest,
        receive: ((Span<UInt8>) throws -> Void)? = nil
    ) throws(CurlError) -> ClientResponse {
        callbackError = nil
        let transfer = Transfer(
            request,
            receive: receive,
            limitBytes: options.maximumBodyBytes
        )
        let fields = try FieldList(request)
        unsafe message[0] = 0
        unsafe curl_easy_reset(handle)
        try setOptions()
        try setTarget(baseURL + request.url)
        if let milliseconds = request.timeoutMilliseconds {
            try set(CURLOPT_TIMEOUT_MS, milliseconds)
        }
        unsafe try set(CURLOPT_HTTPHEADER, pointer: fields.list)
        unsafe try set(CURLOPT_HEADERDATA, pointer: transfer.address)
        unsafe try set(CURLOPT_WRITEDATA, pointer: transfer.address)
        unsafe try set(CURLOPT_READDATA, pointer: transfer.address)
        unsafe try set(CURLOPT_PREREQDATA, pointer: transfer.address)
        try checkOption(
            unsafe shim_curl_easy_setopt_prereq(handle, Transfer.prereqCallback)
        )
        if request.silenceMilliseconds != nil {
            try set(CURLOPT_NOPROGRESS, 0)
            unsafe try set(CURLOPT_XFERINFODATA, pointer: transfer.address)
            try checkOption(
                unsafe shim_curl_easy_setopt_progress(handle, Transfer.progressCallback)
            )
        }
        unsafe try set(CURLOPT_HEADERFUNCTION, callback: Transfer.headerCallback)
        unsafe try set(CURLOPT_WRITEFUNCTION, callback: Transfer.writeCallback)
        unsafe try set(CURLOPT_READFUNCTION, callback: Transfer.readCallback)
        let code = try send(request)
        withExtendedLifetime((transfer, fields)) {}
        try check(code, transfer)
        return transfer.response
    }

    private func send(_ request: ClientRequest) throws(CurlError) -> CURLcode {
        switch (request.body, request.method) {
        case (.none, "GET"): try set(CURLOPT_HTTPGET, 1)
        case (.none, "HEAD"): try set(CURLOPT_NOBODY, 1)
        case (.none, "POST"), (.none, "PUT"):
            // These announce their empty body with a Content-Length of 0.
            return try send([], method: request.method)
        case (.none, let method): try set(CURLOPT_CUSTOMREQUEST, method)
        case (.bytes(let bytes), let method): return try send(bytes, method: method)
        case (.stream(let lengthBytes, _), let method):
            try set(CURLOPT_UPLOAD, 1)
            try set(CURLOPT_CUSTOMREQUEST, method)
            if let lengthBytes {
                try set(CURLOPT_INFILESIZE_LARGE, offset: Int64(clamping: lengthBytes))
            }
        }
        return unsafe curl_easy_perform(handle)
    }

    private func send(_ bytes: [UInt8], method: String) throws(CurlError) -> CURLcode {
        try set(CURLOPT_POST, 1)
        try set(CURLOPT_CUSTOMREQUEST, method)
        try set(CURLOPT_POSTFIELDSIZE_LARGE, offset: Int64(bytes.count))
        // Not CURLOPT_COPYPOSTFIELDS: the bytes stay where they are while libcurl works.
        return unsafe try bytes.span.withUnsafeBytes { (body) throws(CurlError) in
            let empty: StaticString = ""
            let start = unsafe body.baseAddress ?? UnsafeRawPointer(empty.utf8Start)
            unsafe try set(CURLOPT_POSTFIELDS, pointer: start)
            return unsafe curl_easy_perform(handle)
        }
    }

    private func setOptions() throws(CurlError) {
        unsafe try set(CURLOPT_ERRORBUFFER, pointer: message)
        try set(CURLOPT_NOSIGNAL, 1)
        try set(CURLOPT_TCP_NODELAY, 1)
        try set(CURLOPT_TCP_KEEPALIVE, 1)
        try set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        try set(CURLOPT_FOLLOWLOCATION, 0)
        try set(CURLOPT_PROTOCOLS_STR, "http,https")
        // `.` and `..` in a path are names like others; a server must see what was asked for.
        try set(CURLOPT_PATH_AS_IS, 1)
        try set(CURLOPT_USERAGENT, options.userAgent)
        try set(CURLOPT_CONNECTTIMEOUT_MS, options.connectTimeoutMilliseconds)
        if let milliseconds = options.requestTimeoutMilliseconds {
            try set(CURLOPT_TIMEOUT_MS, milliseconds)
        }
        if let lowSpeed = options.lowSpeed {
            try set(CURLOPT_LOW_SPEED_LIMIT, lowSpeed.bytesPerSecond)
            try set(CURLOPT_LOW_SPEED_TIME, lowSpeed.seconds)
        }
        if let file = options.authorityFile { try set(CURLOPT_CAINFO, file) }
    }

    private func setTarget(_ url: String) throws(CurlError) {
        guard let parsed = URLParts(url) else {
            throw .invalidRequest(detail: "\(url) is not an HTTP URL")
        }
        try set(CURLOPT_URL, url)
        if parsed.isLoopback || options.proxies == .none { try set(CURLOPT_PROXY, "") }
    }

    private func check(_ code: CURLcode, _ transfer: Transfer) throws(CurlError) {
        guard code != CURLE_OK else { return }
        // A server that refuses while the body is still on its way answers and closes: the answer
        // counts, not the broken connection.
        let isBroken = code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR
        if isBroken, transfer.status >= 400, transfer.isWhole { return }
        guard !transfer.isTooLarge else {
            throw .responseTooLarge(limitBytes: options.maximumBodyBytes)
        }
        callbackError = transfer.callbackError
        guard !transfer.isRepetitionRefused else {
            throw .connectionLost(
                detail: "a kept connection was closed, after the request was sent"
            )
        }
        guard !transfer.silence.isOver else { throw .timedOut(detail: "no byte came or went") }
        var connectedMicroseconds: curl_off_t = 0
        unsafe shim_curl_easy_getinfo_offset(
            handle,
            CURLINFO_PRETRANSFER_TIME_T,
            &connectedMicroseconds
        )
        let text = unsafe String(cString: message)
        throw CurlError(
            code: code,
            detail: text.isEmpty ? unsafe String(cString: curl_easy_strerror(code)) : text,
            wasConnected: connectedMicroseconds > 0
        )
    }
}

// `curl_easy_setopt` for each kind of value.
extension HTTPClient {
    private func set(_ option: CURLoption, _ value: Int) throws(CurlError) {
        try checkOption(unsafe shim_curl_easy_setopt_long(handle, option, value))
    }

    private func set(_ option: CURLoption, _ value: String) throws(CurlError) {
        guard !value.utf8.contains(0) else { throw .invalidRequest(detail: "a zero byte") }
        try checkOption(unsafe shim_curl_easy_setopt_string(handle, option, value))
    }

    private func set(_ option: CURLoption, offset: Int64) throws(CurlError) {
        try checkOption(unsafe shim_curl_easy_setopt_offset(handle, option, curl_off_t(offset)))
    }

    private func set(_ option: CURLoption, pointer: UnsafeRawPointer?) throws(CurlError) {
        try checkOption(unsafe shim_curl_easy_setopt_pointer(handle, option, pointer))
    }

    private func set(
        _ option: CURLoption,
        callback: shim_curl_callback
    ) throws(CurlError) {
        try checkOption(unsafe shim_curl_easy_setopt_callback(handle, option, callback))
    }

    private func checkOption(_ code: CURLcode) throws(CurlError) {
        guard code == CURLE_OK else {
            throw CurlError(
                code: code,
                detail: unsafe String(cString: curl_easy_strerror(code)),
                wasConnected: false
            )
        }
    }
}
