internal import CYAML

/// What libyaml saw, and where.
struct Event {
    enum Kind: Equatable {
        case scalar(text: String, isQuoted: Bool)
        case sequenceStart, sequenceEnd
        case mappingStart, mappingEnd
        case documentStart, streamEnd
        /// Start of the stream, end of the document.
        case other
    }

    let kind: Kind
    let position: YAMLPosition
}

/// libyaml's parser over bytes that outlive it.
///
/// Reference: `yaml_parser_parse`.
@safe final class EventParser {
    /// At a fixed address: libyaml keeps a pointer to it inside itself.
    private let parser: UnsafeMutablePointer<yaml_parser_t>

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        unsafe parser = .allocate(capacity: 1)
        guard unsafe yaml_parser_initialize(parser) == 1 else {
            preconditionFailure("out of memory for libyaml")
        }
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        unsafe yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
    }

    deinit {
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
    }

    /// The next event; anchors, aliases and tags are errors.
    func next() throws(YAMLError) -> Event {
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw failure() }
        defer { unsafe yaml_event_delete(&event) }
        let position = unsafe YAMLPosition(event.start_mark)
        var anchor: UnsafeMutablePointer<yaml_char_t>?
        var tag: UnsafeMutablePointer<yaml_char_t>?
        let kind: Event.Kind
        switch unsafe event.type {
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            unsafe (anchor, tag) = unsafe (scalar.anchor, scalar.tag)
            let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            kind = unsafe .scalar(
                text: String(decoding: bytes, as: UTF8.self),
                isQuoted: scalar.style != YAML_PLAIN_SCALAR_STYLE
            )
        case YAML_SEQUENCE_START_EVENT:
            unsafe (anchor, tag) = unsafe (
                event.data.sequence_start.anchor, event.data.sequence_start.tag
            )
            kind = .sequenceStart
        case YAML_MAPPING_START_EVENT:
            unsafe (anchor, tag) = unsafe (
                event.data.mapping_start.anchor, event.data.mapping_start.tag
            )
            kind = .mappingStart
        case YAML_ALIAS_EVENT: throw YAMLError(position, "an alias (*) is not allowed")
        case YAML_SEQUENCE_END_EVENT: kind = .sequenceEnd
        case YAML_MAPPING_END_EVENT: kind = .mappingEnd
        case YAML_STREAM_END_EVENT: kind = .streamEnd
        case YAML_DOCUMENT_START_EVENT:
            let tags = unsafe event.data.document_start.tag_directives
            guard unsafe tags.start == tags.end else {
                throw YAMLError(position, "a %TAG directive is not allowed")
            }
            kind = .documentStart
        default: kind = .other
        }
        guard unsafe anchor == nil else {
            throw YAMLError(position, "an anchor (&) is not allowed")
        }
        guard unsafe tag == nil else { throw YAMLError(position, "a tag (!) is not allowed") }
        return Event(kind: kind, position: position)
    }

    private func failure() -> YAMLError {
        guard let problem = unsafe parser.pointee.problem else {
            return YAMLError(YAMLPosition(line: 1, column: 1), "out of memory")
        }
        let text = unsafe String(cString: problem)
        if unsafe parser.pointee.error == YAML_READER_ERROR {
            // The reader is ahead of the scanner: only the byte's offset is exact.
            let offset = unsafe parser.pointee.problem_offset
            return YAMLError(
                unsafe YAMLPosition(parser.pointee.mark),
                "\(text) (byte \(offset))"
            )
        }
        return YAMLError(unsafe YAMLPosition(parser.pointee.problem_mark), text)
    }
}

extension YAMLPosition {
    /// Reference: `yaml_mark_t`, which counts from 0.
    fileprivate init(_ mark: yaml_mark_t) {
        self.init(line: mark.line + 1, column: mark.column + 1)
    }
}
