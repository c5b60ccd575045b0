internal import CExpat

/// expat's parser and the elements that it has seen.
///
/// Reads one document. expat gets the object's address, not an ownership: it calls back only while
/// `parse` runs.
///
/// Reference: `XML_Parse`.
@safe final class DocumentParser {
    private struct OpenElement {
        let name: String
        var text: [UInt8] = []
        var children: [XMLElement] = []
    }

    private let parser: XML_Parser
    private var open: [OpenElement] = []
    private var count = 0
    private var root: XMLElement?
    private var refusal: XMLError.Reason?

    /// Stands between a namespace and a name; no URI holds it.
    private static let separator = XML_Char(0x0a)

    init() {
        guard let parser = unsafe XML_ParserCreateNS("UTF-8", Self.separator) else {
            preconditionFailure("out of memory for expat")
        }
        unsafe self.parser = parser
        unsafe XML_SetUserData(parser, Unmanaged.passUnretained(self).toOpaque())
        unsafe XML_SetElementHandler(parser, Self.startHandler, Self.endHandler)
        unsafe XML_SetCharacterDataHandler(parser, Self.textHandler)
        unsafe XML_SetStartDoctypeDeclHandler(parser, Self.documentTypeHandler)
    }

    deinit { unsafe XML_ParserFree(parser) }

    func parse(_ bytes: Span<UInt8>) throws(XMLError) -> XMLElement {
        let isRead = unsafe bytes.withUnsafeBytes { raw in
            // A null start is an error for expat even of nothing.
            let empty: StaticString = ""
            let start = unsafe raw.baseAddress ?? UnsafeRawPointer(empty.utf8Start)
            return unsafe XML_Parse(
                parser,
                start.assumingMemoryBound(to: CChar.self),
                Int32(clamping: raw.count),
                1
            ) == XML_STATUS_OK
        }
        if isRead, let root { return root }
        let line = unsafe Int(XML_GetCurrentLineNumber(parser))
        if let refusal { throw XMLError(reason: refusal, line: line) }
        let text = unsafe XML_ErrorString(XML_GetErrorCode(parser))
        throw XMLError(
            reason: .malformed(unsafe text.map { unsafe String(cString: $0) } ?? "no document"),
            line: line
        )
    }

    private func start(_ name: String) {
        count += 1
        if open.count == XMLElement.maximumDepth { return refuse(.tooDeep) }
        if count > XMLElement.maximumCount { return refuse(.tooManyElements) }
        open.append(OpenElement(name: name))
    }

    private func end() {
        guard let closed = open.popLast() else { return }
        let element = XMLElement(
            name: closed.name,
            text: String(decoding: closed.text, as: UTF8.self),
            children: closed.children
        )
        if open.isEmpty {
            root = element
        } else {
            open[open.count - 1].children.append(element)
        }
    }

    private func append(_ text: UnsafeRawBufferPointer) {
        guard !open.isEmpty else { return }
        unsafe open[open.count - 1].text.append(contentsOf: text)
    }

    private func refuse(_ reason: XMLError.Reason) {
        refusal = reason
        unsafe _ = XML_StopParser(parser, XML_Bool(0))
    }
}

// The handlers: expat passes back the address that it was given.
extension DocumentParser {
    private static func at(_ address: UnsafeMutableRawPointer?) -> DocumentParser? {
        unsafe address.map {
            unsafe Unmanaged<DocumentParser>.fromOpaque($0).takeUnretainedValue()
        }
    }

    private static let startHandler: XML_StartElementHandler = { address, name, _ in
        guard let name = unsafe name else { return }
        let full = unsafe String(cString: name)
        unsafe at(address)?.start(full.split(separator: "\n").last.map(String.init) ?? full)
    }

    private static let endHandler: XML_EndElementHandler = { address, _ in
        unsafe at(address)?.end()
    }

    private static let textHandler: XML_CharacterDataHandler = { address, text, count in
        unsafe at(address)?.append(UnsafeRawBufferPointer(start: text, count: Int(count)))
    }

    private static let documentTypeHandler: XML_StartDoctypeDeclHandler = { address, _, _, _, _ in
        unsafe at(address)?.refuse(.documentType)
    }
}
