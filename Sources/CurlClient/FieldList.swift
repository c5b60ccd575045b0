internal import CCurl

/// The fields of a request as libcurl wants them; freed with the value.
@safe final class FieldList {
    private(set) var list: UnsafeMutablePointer<curl_slist>?

    /// - Throws: `invalidRequest` for a method or field that would not be one line of its own.
    init(_ request: ClientRequest) throws(CurlError) {
        guard Self.isToken(request.method) else {
            throw .invalidRequest(detail: "the method is not a token")
        }
        var hasContentType = false
        for (name, value) in request.fields {
            guard Self.isToken(name) else {
                throw .invalidRequest(detail: "a field's name is not a token")
            }
            guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }) else {
                throw .invalidRequest(detail: "the field \(name) has a control character")
            }
            if name.lowercased() == "content-type" { hasContentType = true }
            // An empty value needs a semicolon; with a colon libcurl would drop the field.
            append(value.isEmpty ? "\(name);" : "\(name): \(value)")
        }
        // Or libcurl says that the body is a form.
        if !hasContentType { append("Content-Type:") }
    }

    deinit { unsafe curl_slist_free_all(list) }

    private func append(_ line: String) {
        guard let longer = unsafe curl_slist_append(list, line) else {
            preconditionFailure("out of memory for libcurl")
        }
        unsafe list = longer
    }

    /// Reference: RFC 9110 section 5.6.2.
    private static func isToken(_ text: String) -> Bool {
        let separators = Array("\"(),/:;<=>?@[\\]{}".utf8)
        return !text.isEmpty
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !separators.contains($0) }
    }
}

/// What the client must know of a URL.
struct URLParts {
    let isLoopback: Bool

    /// `nil` for what is not an absolute URL of HTTP.
    init?(_ url: String) {
        let parser = unsafe curl_url()
        defer { unsafe curl_url_cleanup(parser) }
        func part(_ part: CURLUPart) -> String? {
            var text: UnsafeMutablePointer<CChar>?
            guard unsafe curl_url_get(parser, part, &text, 0) == CURLUE_OK,
                let found = unsafe text
            else { return nil }
            defer { unsafe curl_free(found) }
            return unsafe String(cString: found)
        }
        guard
            unsafe curl_url_set(parser, CURLUPART_URL, url, UInt32(CURLU_PATH_AS_IS)) == CURLUE_OK,
            let scheme = part(CURLUPART_SCHEME), scheme == "http" || scheme == "https",
            let host = part(CURLUPART_HOST)?.lowercased()
        else { return nil }
        isLoopback =
            host == "localhost" || host.hasSuffix(".localhost") || host == "[::1]"
            || host.hasPrefix("127.")
    }
}
