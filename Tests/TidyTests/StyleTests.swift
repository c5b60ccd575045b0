import Foundation
import Testing

/// Rules of style that a machine can check, over every file of the tree.
@Suite struct StyleTests {
    /// File endings of what people wrote here, as opposed to data and what tools wrote.
    private static let written = [".swift", ".py", ".sh", ".h"]

    private var written: [SourceTree.File] {
        SourceTree.all.files.filter { file in Self.written.contains { file.path.hasSuffix($0) } }
    }

    @Test func sourcesAreFound() {
        #expect(SourceTree.all.swift(below: "Sources").count > 10)
        #expect(SourceTree.all.file("Package.swift") != nil)
    }

    /// Lies in every bundle, and must be one file there that an expert reads from top to bottom.
    private static let oneFileByContract: Set = ["Sources/EvidenceBundle/verify.py"]

    @Test func filesAreShort() {
        let long = written.filter {
            $0.lines.count > 401 && !Self.oneFileByContract.contains($0.path)
        }.map { "\($0.path): \($0.lines.count)" }
        #expect(long.isEmpty, "files over 400 lines: \(long)")
    }

    @Test func linesFitIntoAHundredColumns() {
        let found = places(in: written) { $0.count > 100 }
        #expect(found.isEmpty, "lines over 100 columns: \(found)")
    }

    @Test func linesHaveNoTabsAndNoSpaceAtTheirEnd() {
        let found = places(in: written) { $0.last?.isWhitespace == true || $0.contains("\t") }
        #expect(found.isEmpty, "tabs, or space at the end: \(found)")
    }

    @Test func filesEndWithOneNewline() {
        let found = written.filter {
            !$0.text.isEmpty && (!$0.text.hasSuffix("\n") || $0.text.hasSuffix("\n\n"))
        }.map(\.path)
        #expect(found.isEmpty)
    }

    @Test func nothingIsLeftToDo() {
        // Put together here, so that this file does not find itself.
        let pattern = "\\b(TO" + "DO|FIX" + "ME|XX" + "X)\\b"
        let found = places(in: written) { line in
            line.range(of: pattern, options: .regularExpression) != nil
        }
        #expect(found.isEmpty, "\(found)")
    }

    /// A path of the machine that somebody worked on is of no use on another.
    @Test func noPathsOfOneMachine() {
        let paths = ["opt/swift", "root/", "home/", "work/"].map { "/" + $0 }
        let before = "[\\s\"'`(=:]"
        let pattern = "(^|\(before))(" + paths.joined(separator: "|") + ")"
        let files = SourceTree.all.files.filter { file in paths.contains { file.text.contains($0) }
        }
        let found = places(in: files) { line in
            line.range(of: pattern, options: .regularExpression) != nil
        }
        #expect(found.isEmpty, "\(found)")
    }

    @Test(arguments: BannedCall.all) func isNotUsedInSources(_ banned: BannedCall) {
        var found: [String] = []
        for file in SourceTree.all.swift(below: "Sources") where file.target != banned.home {
            for (number, line) in file.codeLines.enumerated() where banned.isIn(line) {
                found.append("\(file.path):\(number + 1)")
            }
        }
        #expect(found.isEmpty, "\(banned) stands in \(found); \(banned.reason)")
    }

    private func places(
        in files: [SourceTree.File],
        where matches: (Substring) -> Bool
    ) -> [String] {
        files.flatMap { file in
            file.lines.enumerated().filter { matches($0.element) }
                .map { "\(file.path):\($0.offset + 1)" }
        }
    }
}

/// A call that product code does not make, and why.
struct BannedCall: Sendable, CustomStringConvertible {
    let description: String
    let pattern: String
    let reason: String
    /// The target that wraps the thing, and alone may call it.
    let home: String?

    init(
        _ description: String,
        _ pattern: String,
        because reason: String,
        exceptIn home: String? = nil
    ) {
        self.description = description
        self.pattern = pattern
        self.reason = reason
        self.home = home
    }

    private static let trap = "bad data must not trap"
    private static let console = "what a person reads goes through the command line's console"
    private static let clock = "time comes from Platform.Clock, handed in"
    private static let programmer = "a programmer's error is a precondition with a message"
    private static let size = "the binary is small and fast without it"
    private static let chance = "randomness comes from Platform.Random, handed in"

    static let all = [
        BannedCall("try!", #"\btry!"#, because: trap),
        BannedCall("as!", #"\bas!"#, because: trap),
        BannedCall("print", #"(?<![\w.])(debugPrint|print|dump)\("#, because: console),
        BannedCall("Date()", #"\b(Date|ContinuousClock|SuspendingClock)\(\)"#, because: clock),
        BannedCall("fatalError", #"\b(fatalError|assertionFailure)\("#, because: programmer),
        BannedCall("Foundation", #"\bimport (Foundation|Dispatch)\b"#, because: size),
        BannedCall(
            "Generator",
            #"\bSystemRandomNumberGenerator\b"#,
            because: chance,
            exceptIn: "Platform"
        ),
        BannedCall(
            "random",
            #"\.(random|randomElement|shuffled?)\("#,
            because: chance,
            exceptIn: "Platform"
        ),
    ]

    func isIn(_ line: Substring) -> Bool {
        line.range(of: pattern, options: .regularExpression) != nil
    }
}
