/// Just enough of Swift's grammar to tell code from comments and string literals.
enum SwiftCode {
    /// The source text with comments and the contents of literals left out; lines stay lines.
    static func strip(_ text: String) -> String {
        var scanner = Scanner(Array(text.utf8))
        return scanner.strip()
    }

    private enum State: Equatable {
        case code
        case lineComment
        case blockComment(depth: Int)
        case string(quotes: Int, pounds: Int)
    }

    private struct Scanner {
        private let input: [UInt8]
        private var position = 0
        private var state = State.code
        private var output: [UInt8] = []

        init(_ input: [UInt8]) {
            self.input = input
            output.reserveCapacity(input.count)
        }

        mutating func strip() -> String {
            while position < input.count {
                step()
            }
            return String(decoding: output, as: UTF8.self)
        }

        private mutating func step() {
            let byte = input[position]
            if byte == UInt8(ascii: "\n") {
                output.append(byte)
                position += 1
                if state == .lineComment { state = .code }
                return
            }
            switch state {
            case .code: stepInCode(byte)
            case .lineComment: position += 1
            case .blockComment(let depth): stepInComment(depth)
            case .string(let quotes, let pounds): stepInString(byte, quotes, pounds)
            }
        }

        private mutating func stepInCode(_ byte: UInt8) {
            if count(of: "/") > 1 {
                state = .lineComment
                position += 2
            } else if byte == UInt8(ascii: "/"), byteAhead(1) == UInt8(ascii: "*") {
                state = .blockComment(depth: 1)
                position += 2
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "#") {
                beginString(byte)
            } else {
                output.append(byte)
                position += 1
            }
        }

        private mutating func stepInComment(_ depth: Int) {
            let byte = input[position]
            if byte == UInt8(ascii: "*"), byteAhead(1) == UInt8(ascii: "/") {
                state = depth == 1 ? .code : .blockComment(depth: depth - 1)
                position += 2
            } else if byte == UInt8(ascii: "/"), byteAhead(1) == UInt8(ascii: "*") {
                state = .blockComment(depth: depth + 1)
                position += 2
            } else {
                position += 1
            }
        }

        private mutating func beginString(_ byte: UInt8) {
            let pounds = count(of: "#")
            guard byteAhead(pounds) == UInt8(ascii: "\"") else {
                output.append(byte)
                position += 1
                return
            }
            position += pounds
            let quotes = count(of: "\"") >= 3 ? 3 : 1
            position += quotes
            output.append(UInt8(ascii: "\""))
            state = .string(quotes: quotes, pounds: pounds)
        }

        private mutating func stepInString(_ byte: UInt8, _ quotes: Int, _ pounds: Int) {
            if byte == UInt8(ascii: "\""), endsString(quotes, pounds) {
                output.append(byte)
                position += quotes + pounds
                state = .code
            } else {
                position += byte == UInt8(ascii: "\\") && pounds == 0 ? 2 : 1
            }
        }

        private func endsString(_ quotes: Int, _ pounds: Int) -> Bool {
            (0..<quotes).allSatisfy { byteAhead($0) == UInt8(ascii: "\"") }
                && (0..<pounds).allSatisfy { byteAhead(quotes + $0) == UInt8(ascii: "#") }
        }

        private func byteAhead(_ distance: Int) -> UInt8? {
            position + distance < input.count ? input[position + distance] : nil
        }

        /// How often `character` stands here, one after the other.
        private func count(of character: Unicode.Scalar) -> Int {
            var count = 0
            while byteAhead(count) == UInt8(ascii: character) { count += 1 }
            return count
        }
    }
}
