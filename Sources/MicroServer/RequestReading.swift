internal import CMicroHTTPD
internal import HTTPMessage

// The library is lenient with lines: it joins continuation lines, cuts lines at a zero byte, skips
// blanks and takes a name with blanks after it. It leaves each line in place in its buffer, though,
// so whoever walks their parts sees whether they follow each other without a gap; those that do not
// are refused.

/// The request line's method and version as the library found them in its buffer.
@unsafe struct RequestLineText {
    let method: UnsafePointer<CChar>
    let version: UnsafePointer<CChar>

    /// Whether method, target and version stand one byte apart, the target at these addresses.
    func isGapless(around target: Range<UInt>) -> Bool {
        unsafe UInt(bitPattern: method) + UInt(strlen(method)) + 1 == target.lowerBound
            && target.upperBound + 1 == UInt(bitPattern: version)
    }
}

/// Where a target stands up to its zero byte.
///
/// Only to be compared with the addresses of its neighbours; what stood there changes.
@unsafe func addresses(of target: UnsafePointer<CChar>) -> Range<UInt> {
    let start = UInt(bitPattern: target)
    return unsafe start..<(start + UInt(strlen(target)))
}

/// Parses a target that ends with a zero byte.
@unsafe func parseTarget(
    _ target: UnsafePointer<CChar>,
    configuration: ServerConfiguration
) -> Result<RequestTarget, ProtocolViolation> {
    let count = unsafe strlen(target)
    guard count <= configuration.maximumTargetBytes else {
        return .failure(.targetTooLong(limitBytes: configuration.maximumTargetBytes))
    }
    let bytes = unsafe UnsafeBufferPointer(
        start: UnsafeRawPointer(target).assumingMemoryBound(to: UInt8.self),
        count: Int(count)
    )
    do {
        return .success(try unsafe RequestTarget(parsing: bytes.span))
    } catch {
        return .failure(.target(error))
    }
}

/// Reads a complete head, strictly.
///
/// - Throws: `ProtocolViolation`, to be answered by closing the connection.
@unsafe func readHead(
    of handle: OpaquePointer,
    line: RequestLineText,
    target: Result<RequestTarget, ProtocolViolation>,
    targetAddresses: Range<UInt>,
    remoteAddress: String,
    maximumBytes: Int
) throws(ProtocolViolation) -> RequestHead {
    let headBytes = unsafe mhd_request_header_size(handle)
    let target = try target.get()
    guard headBytes <= maximumBytes else { throw .headTooLarge(limitBytes: maximumBytes) }
    guard unsafe line.isGapless(around: targetAddresses) else { throw .requestLine }
    let collector = unsafe FieldCollector(after: line.version + Int(strlen(line.version)))
    collector.fields.reserveCapacity(fieldCount: 12, byteCount: headBytes)
    unsafe MHD_get_connection_values_n(
        handle,
        .HEADER_KIND,
        collectField,
        Unmanaged.passUnretained(collector).toOpaque()
    )
    let end = unsafe line.method + headBytes
    // Two line ends, each of one byte or two, close the head.
    guard collector.isWellFormed, unsafe (2...4).contains(end - collector.end) else { throw .field }

    let name = unsafe String(cString: line.method)
    guard HTTPMethod.isToken(name) else { throw .method }
    let fields = collector.fields
    let isOldVersion = unsafe line.version[7] == 0x30
    let hosts = fields.count(of: "host")
    guard hosts == 1 || hosts == 0 && isOldVersion else { throw .missingHost }
    if let expectation = fields.first("expect"), expectation.lowercased() != "100-continue" {
        throw .expectation
    }
    let length = try bodyLength(fields, collector: collector, isOldVersion: isOldVersion)
    return RequestHead(
        method: HTTPMethod(name),
        target: target,
        fields: fields,
        contentLength: length.declared,
        isChunked: length.isChunked,
        remoteAddress: remoteAddress
    )
}

/// How the body's end is found (RFC 9112 section 6).
private func bodyLength(
    _ fields: HTTPFields,
    collector: FieldCollector,
    isOldVersion: Bool
) throws(ProtocolViolation) -> (declared: UInt64?, isChunked: Bool) {
    let lengths = fields.count(of: "content-length")
    let codings = fields.count(of: "transfer-encoding")
    guard lengths + codings <= 1 else { throw .conflictingLengths }
    if codings == 1 {
        // The library compares the whole value, blanks included: anything else it reads to the end.
        guard collector.sawPlainChunked, !isOldVersion else { throw .transferCoding }
        return (nil, true)
    }
    guard let text = fields.first("content-length") else { return (nil, false) }
    guard let length = UInt64(text), text.utf8.first != UInt8(ascii: "+") else {
        throw .contentLength
    }
    return (length, false)
}

/// Collects the fields that the library enumerates, as long as they follow each other in its
/// buffer.
@safe final class FieldCollector {
    var fields = HTTPFields()
    private(set) var isWellFormed = true
    /// Whether `Transfer-Encoding` is `chunked` without blanks around it.
    private(set) var sawPlainChunked = false
    /// The end of the last value.
    private(set) var end: UnsafePointer<CChar>

    init(after end: UnsafePointer<CChar>) {
        unsafe self.end = unsafe end
    }

    func add(
        name: UnsafePointer<CChar>,
        nameCount: Int,
        value: UnsafePointer<CChar>,
        valueCount: Int
    ) -> Bool {
        let gap = unsafe name - end
        guard gap == 1 || gap == 2, unsafe value - name > nameCount else {
            isWellFormed = false
            return false
        }
        let nameBytes = unsafe UnsafeBufferPointer(
            start: UnsafeRawPointer(name).assumingMemoryBound(to: UInt8.self),
            count: nameCount
        )
        let valueBytes = unsafe UnsafeBufferPointer(
            start: UnsafeRawPointer(value).assumingMemoryBound(to: UInt8.self),
            count: valueCount
        )
        guard unsafe fields.append(name: nameBytes.span, value: valueBytes.span) else {
            isWellFormed = false
            return false
        }
        if nameCount == 17, unsafe strcasecmp(name, "Transfer-Encoding") == 0 {
            sawPlainChunked = unsafe valueCount == 7 && strcasecmp(value, "chunked") == 0
        }
        unsafe end = unsafe value + valueCount
        return true
    }
}

private func collectField(
    context: UnsafeMutableRawPointer?,
    kind: MHD_ValueKind,
    name: UnsafePointer<CChar>?,
    nameCount: Int,
    value: UnsafePointer<CChar>?,
    valueCount: Int
) -> MHD_Result {
    guard let context = unsafe context, let name = unsafe name else { return .NO }
    let collector = unsafe Unmanaged<FieldCollector>.fromOpaque(context).takeUnretainedValue()
    guard let value = unsafe value else { return .NO }
    let goesOn = unsafe collector.add(
        name: name,
        nameCount: nameCount,
        value: value,
        valueCount: valueCount
    )
    return goesOn ? .YES : .NO
}
