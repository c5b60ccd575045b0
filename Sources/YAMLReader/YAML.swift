internal import CYAML

/// Reads the part of YAML that means the same to everybody.
///
/// Refused: anchors and aliases, tags, several documents, keys that are not scalars or occur twice,
/// and what is too deep or too large to be a configuration.
///
/// Reference: YAML 1.1; libyaml's event parser.
package enum YAML {
    package static let maximumSizeBytes = 1 << 20
    package static let maximumDepth = 32

    /// The one document of a text in UTF-8; a null scalar if there is none.
    package static func parse(_ text: Span<UInt8>) throws(YAMLError) -> YAMLNode {
        guard text.count <= maximumSizeBytes else {
            throw YAMLError(
                YAMLPosition(line: 1, column: 1),
                "the text is larger than \(maximumSizeBytes) bytes"
            )
        }
        return unsafe try text.withUnsafeBufferPointer { (bytes) throws(YAMLError) in
            var reader = DocumentReader(events: unsafe EventParser(bytes))
            return try reader.document()
        }
    }
}

/// Builds the tree from the events.
private struct DocumentReader {
    private let events: EventParser

    init(events: EventParser) {
        self.events = events
    }

    mutating func document() throws(YAMLError) -> YAMLNode {
        var root: YAMLNode?
        while true {
            let event = try events.next()
            switch event.kind {
            case .documentStart:
                guard root == nil else {
                    throw YAMLError(event.position, "a second document is not allowed")
                }
                root = try node(try events.next(), level: 1)
            case .streamEnd:
                return root
                    ?? YAMLNode(
                        position: YAMLPosition(line: 1, column: 1),
                        content: .scalar(text: "", isQuoted: false)
                    )
            default: continue
            }
        }
    }

    /// Lists and mappings are at a level; the root at level 1.
    private func node(_ event: Event, level: Int) throws(YAMLError) -> YAMLNode {
        let isCollection = event.kind == .sequenceStart || event.kind == .mappingStart
        guard !isCollection || level <= YAML.maximumDepth else {
            throw YAMLError(event.position, "nested deeper than \(YAML.maximumDepth) levels")
        }
        let content: YAMLNode.Content =
            switch event.kind {
            case .scalar(let text, let isQuoted): .scalar(text: text, isQuoted: isQuoted)
            case .sequenceStart: .sequence(try elements(level: level + 1))
            case .mappingStart: .mapping(try pairs(level: level + 1))
            default: throw YAMLError(event.position, "a value is expected here")
            }
        return YAMLNode(position: event.position, content: content)
    }

    private func elements(level: Int) throws(YAMLError) -> [YAMLNode] {
        var elements: [YAMLNode] = []
        while true {
            let event = try events.next()
            if event.kind == .sequenceEnd { return elements }
            elements.append(try node(event, level: level))
        }
    }

    private func pairs(level: Int) throws(YAMLError) -> [YAMLNode.Pair] {
        var pairs: [YAMLNode.Pair] = []
        var keys: Set<String> = []
        while true {
            let event = try events.next()
            if event.kind == .mappingEnd { return pairs }
            guard case .scalar(let key, _) = event.kind else {
                throw YAMLError(event.position, "a key must be a single value")
            }
            guard keys.insert(key).inserted else {
                throw YAMLError(event.position, "the key \"\(key)\" occurs a second time")
            }
            let value = try node(try events.next(), level: level)
            pairs.append(
                YAMLNode.Pair(key: key, keyPosition: event.position, value: value)
            )
        }
    }
}
