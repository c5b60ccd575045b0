/// A place in a YAML text; both numbers count from 1.
package struct YAMLPosition: Hashable, Sendable, CustomStringConvertible {
    package let line: Int
    /// In characters.
    package let column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    package var description: String { "line \(line), column \(column)" }
}

/// What is wrong with a YAML text, and where; for the person who wrote it.
package struct YAMLError: Error, Equatable, Sendable, CustomStringConvertible {
    package let position: YAMLPosition
    package let message: String

    package init(_ position: YAMLPosition, _ message: String) {
        self.position = position
        self.message = message
    }

    package var line: Int { position.line }
    package var column: Int { position.column }
    package var description: String { "\(position): \(message)" }
}
