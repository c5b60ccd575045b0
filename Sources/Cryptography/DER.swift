/// Why bytes are not the DER that was expected.
package struct DERError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// One element of DER: its tag, its content, and all of it.
package struct DERElement: Sendable {
    package let tag: UInt8
    package let content: ArraySlice<UInt8>
    /// Tag, length and content.
    package let encoded: ArraySlice<UInt8>

    /// Reads what is inside.
    package var reader: DERReader { DERReader(content) }
}

/// Reads one element after the other.
///
/// Accepts only definite lengths in their shortest form and tags of one byte; never reads beyond
/// its bytes, and goes only as deep as its caller asks.
///
/// Reference: X.690 section 10.
package struct DERReader: Sendable {
    private var rest: ArraySlice<UInt8>

    package init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    package var isAtEnd: Bool { rest.isEmpty }

    /// The next element, whatever it is.
    package mutating func next() throws(DERError) -> DERElement {
        let whole = rest
        guard let tag = rest.popFirst(), let first = rest.popFirst() else {
            throw DERError("it ends too early")
        }
        guard tag & 0x1f != 0x1f else { throw DERError("a tag has more than one byte") }
        var count = Int(first)
        if first >= 0x80 {
            let lengthBytes = Int(first & 0x7f)
            guard (1...4).contains(lengthBytes), rest.count >= lengthBytes else {
                throw DERError("a length is indefinite, too large, or cut off")
            }
            count = rest.prefix(lengthBytes).reduce(0) { $0 << 8 | Int($1) }
            guard count >= 0x80, rest.first != 0 else {
                throw DERError("a length is not in its shortest form")
            }
            rest = rest.dropFirst(lengthBytes)
        }
        guard count <= rest.count else { throw DERError("it ends too early") }
        let content = rest.prefix(count)
        rest = rest.dropFirst(count)
        return DERElement(
            tag: tag,
            content: content,
            encoded: whole.prefix(whole.count - rest.count)
        )
    }

    /// The next element, which must have this tag.
    package mutating func next(_ tag: UInt8) throws(DERError) -> DERElement {
        let element = try next()
        guard element.tag == tag else {
            throw DERError("a tag is \(element.tag), not \(tag)")
        }
        return element
    }

    /// The next element if it has this tag.
    package mutating func optional(_ tag: UInt8) throws(DERError) -> DERElement? {
        rest.first == tag ? try next() : nil
    }

    /// - Throws: Where something is left.
    package func finish() throws(DERError) {
        guard rest.isEmpty else { throw DERError("something follows its end") }
    }
}

/// Puts DER together.
package enum DER {
    package static let boolean: UInt8 = 0x01
    package static let integer: UInt8 = 0x02
    package static let bitString: UInt8 = 0x03
    package static let octetString: UInt8 = 0x04
    package static let null: UInt8 = 0x05
    package static let objectIdentifier: UInt8 = 0x06
    package static let utf8String: UInt8 = 0x0c
    package static let generalizedTime: UInt8 = 0x18
    package static let sequence: UInt8 = 0x30
    package static let set: UInt8 = 0x31

    /// The tag of a context-specific element that holds others.
    package static func context(_ number: UInt8) -> UInt8 { 0xa0 | number }

    /// An element of its parts.
    package static func element(_ tag: UInt8, _ parts: [UInt8]...) -> [UInt8] {
        element(tag, parts)
    }

    /// An element of its parts.
    package static func element(_ tag: UInt8, _ parts: [[UInt8]]) -> [UInt8] {
        let count = parts.reduce(0) { $0 + $1.count }
        var bytes = [tag]
        if count < 0x80 {
            bytes.append(UInt8(count))
        } else {
            var length: [UInt8] = []
            var left = count
            while left > 0 {
                length.insert(UInt8(truncatingIfNeeded: left), at: 0)
                left >>= 8
            }
            bytes.append(0x80 | UInt8(length.count))
            bytes += length
        }
        for part in parts { bytes += part }
        return bytes
    }

    /// A number that is not negative.
    package static func integer(_ value: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        var left = value
        repeat {
            bytes.insert(UInt8(truncatingIfNeeded: left), at: 0)
            left >>= 8
        } while left > 0
        if bytes[0] >= 0x80 { bytes.insert(0, at: 0) }
        return element(integer, bytes)
    }
}

/// An object identifier, as its content bytes.
package struct OID: Hashable, Sendable, CustomStringConvertible {
    package let content: [UInt8]

    package init(content: [UInt8]) { self.content = content }

    /// Takes an element's content.
    ///
    /// - Throws: ``DERError`` for what is no identifier.
    package init(_ element: DERElement) throws(DERError) {
        content = Array(element.content)
        guard element.tag == DER.objectIdentifier, !content.isEmpty, content.count <= 64,
            content[content.count - 1] < 0x80
        else { throw DERError("an object identifier is malformed") }
        var isFirst = true
        for byte in content {
            guard !isFirst || byte != 0x80 else {
                throw DERError("an object identifier is malformed")
            }
            isFirst = byte < 0x80
        }
    }

    package var encoded: [UInt8] { DER.element(DER.objectIdentifier, content) }

    /// Dotted: `2.16.840.1.101.3.4.2.1`; parts beyond 64 bits are shown by a question mark.
    package var description: String {
        var parts: [String] = []
        var value: UInt64? = 0
        for byte in content {
            value = value.flatMap { $0 >> 57 == 0 ? $0 << 7 | UInt64(byte & 0x7f) : nil }
            guard byte < 0x80 else { continue }
            if parts.isEmpty, let first = value {
                let root = min(first / 40, 2)
                parts = ["\(root)", "\(first - root * 40)"]
            } else {
                parts.append(value.map { "\($0)" } ?? "?")
            }
            value = 0
        }
        return parts.joined(separator: ".")
    }
}
