/// Just enough of Swift's grammar to tell code from comments and string literals.
enum SwiftCode {
    private enum State: Equatable {
        case code
        case lineComment
        case blockComment(depth: Int)
        case string(multiline: Bool, pounds: Int)
    }

    /// The lines of a source text with comments and the contents of literals blanked out.
    static func lines(of text: String) -> [String] {
        var scanner = Scanner(Array(text))
        return scanner.strip().split(separator: "\n", omittingEmptySubsequences: false)
            .map(String.init)
    }

    private struct Scanner {
        let input: [Character]
        var position = 0
        var state = State.code
        var output = ""

        init(_ input: [Character]) { self.input = input }

        mutating func strip() -> String {
            while position < input.count {
                step()
            }
            return output
        }

        private mutating func step() {
            let character = input[position]
            if character == "\n" {
                output.append(character)
                position += 1
                if state == .lineComment { state = .code }
                return
            }
            switch state {
            case .code: stepInCode(character)
            case .lineComment: position += 1
            case .blockComment(let depth): stepInComment(depth)
            case .string(let multiline, let pounds): stepInString(character, multiline, pounds)
            }
        }

        private mutating func stepInCode(_ character: Character) {
            if starts(with: "//") {
                state = .lineComment
            } else if starts(with: "/*") {
                state = .blockComment(depth: 1)
                position += 1
            } else if character == "\"" || character == "#" {
                beginString()
                return
            } else {
                output.append(character)
            }
            position += 1
        }

        private mutating func stepInComment(_ depth: Int) {
            if starts(with: "*/") {
                state = depth == 1 ? .code : .blockComment(depth: depth - 1)
                position += 2
            } else if starts(with: "/*") {
                state = .blockComment(depth: depth + 1)
                position += 2
            } else {
                position += 1
            }
        }

        private mutating func beginString() {
            var pounds = 0
            while position + pounds < input.count, input[position + pounds] == "#" { pounds += 1 }
            guard position + pounds < input.count, input[position + pounds] == "\"" else {
                output.append(input[position])
                position += 1
                return
            }
            position += pounds
            let multiline = starts(with: "\"\"\"")
            position += multiline ? 3 : 1
            output.append("\"")
            state = .string(multiline: multiline, pounds: pounds)
        }

        private mutating func stepInString(
            _ character: Character,
            _ multiline: Bool,
            _ pounds: Int
        ) {
            let end =
                String(repeating: "\"", count: multiline ? 3 : 1)
                + String(repeating: "#", count: pounds)
            if starts(with: end) {
                output.append("\"")
                position += end.count
                state = .code
            } else {
                position += character == "\\" && pounds == 0 ? 2 : 1
            }
        }

        private func starts(with text: String) -> Bool {
            input[position...].starts(with: text)
        }
    }
}
