/// The name of an object in a target, below the target's prefix.
package struct ObjectKey: Hashable, Sendable, CustomStringConvertible {
    package static let maximumBytes = 1_024

    package let text: String

    /// `nil` unless 1 to 1,024 bytes.
    package init?(_ text: String) {
        guard (1...Self.maximumBytes).contains(text.utf8.count) else { return nil }
        self.text = text
    }

    package var description: String { text }

    /// Byte by byte: canonically equivalent texts are different objects.
    package static func == (left: ObjectKey, right: ObjectKey) -> Bool {
        left.text.utf8.elementsEqual(right.text.utf8)
    }
}

extension ObjectKey: Comparable {
    /// In the order in which stores list them.
    package static func < (left: ObjectKey, right: ObjectKey) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }
}

/// The id that a store gave one version of an object.
package struct ObjectVersion: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    /// `nil` unless 1 to 1,024 characters of printable ASCII without blanks.
    package init?(_ text: String) {
        guard isVisible(text) else { return nil }
        self.text = text
    }

    package var description: String { text }
}

/// What a store calls the content of an object, with its quotation marks.
///
/// Only good for being handed back, and for comparison where it is known to be a hash.
package struct ObjectTag: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    /// `nil` unless 1 to 1,024 characters of printable ASCII without blanks.
    package init?(_ text: String) {
        guard isVisible(text) else { return nil }
        self.text = text
    }

    package var description: String { text }

    /// Without the quotation marks.
    package var opaque: Substring {
        let isQuoted = text.utf8.count >= 2 && text.hasPrefix("\"") && text.hasSuffix("\"")
        return isQuoted ? text.dropFirst().dropLast() : text[...]
    }
}

/// One version of one object.
package struct VersionedKey: Hashable, Sendable, CustomStringConvertible {
    package let key: ObjectKey
    package let version: ObjectVersion

    package init(_ key: ObjectKey, _ version: ObjectVersion) {
        self.key = key
        self.version = version
    }

    package var description: String { "\(key) version \(version)" }
}

private func isVisible(_ text: String) -> Bool {
    (1...1_024).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
}
