internal import CurlClient

/// Writes the path and query of a request: what is not unreserved is percent-encoded.
///
/// Reference: RFC 3986, section 2.
struct RequestPath: Equatable, Sendable {
    private(set) var text: String
    private var hasQuery = false

    /// - Parameter path: Segments and slashes that need no encoding, such as `/v1/search`.
    init(_ path: String) {
        text = path
    }

    /// Adds a segment to the path, before any parameter; a slash in it is encoded.
    mutating func addSegment(_ segment: String) {
        precondition(!hasQuery, "segments come before parameters")
        text += "/" + percentEncode(pathSegment: segment)
    }

    /// Adds a parameter.
    mutating func add(_ name: String, _ value: String) {
        text += hasQuery ? "&" : "?"
        hasQuery = true
        text += percentEncode(queryValue: name) + "=" + percentEncode(queryValue: value)
    }

    /// Adds a parameter that has a value.
    mutating func add(_ name: String, _ value: String?) {
        if let value { add(name, value) }
    }
}
