/// Why bytes are not the XML that is read here.
package struct XMLError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Reason: Equatable, Sendable {
        /// What expat says of it.
        case malformed(String)
        /// A document type declaration: the way to entities, so none is read.
        case documentType
        case tooDeep
        case tooManyElements
    }

    package let reason: Reason
    /// From 1.
    package let line: Int

    package var description: String {
        let problem =
            switch reason {
            case .malformed(let detail): detail
            case .documentType: "a document type declaration is not read"
            case .tooDeep: "elements are nested too deep"
            case .tooManyElements: "there are too many elements"
            }
        return "line \(line): \(problem)"
    }
}

/// An element with all that is in it.
///
/// Names are without their namespace; attributes, comments and processing instructions are left
/// out.
package struct XMLElement: Equatable, Sendable {
    package let name: String
    /// The character data directly in the element, in one piece.
    package let text: String
    package let children: [XMLElement]

    /// The first child of that name.
    package subscript(_ name: String) -> XMLElement? { children.first { $0.name == name } }

    /// All children of that name, in order.
    package func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }

    /// The text of the first child of that name.
    package func text(_ name: String) -> String? { self[name]?.text }

    package static let maximumDepth = 16
    package static let maximumCount = 100_000

    /// Reads a document in UTF-8, whatever encoding it declares; its root.
    package init(parsing bytes: Span<UInt8>) throws(XMLError) {
        self = try DocumentParser().parse(bytes)
    }

    init(name: String, text: String, children: [XMLElement]) {
        self.name = name
        self.text = text
        self.children = children
    }
}
