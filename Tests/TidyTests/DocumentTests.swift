import Foundation
import Testing

/// Pages for people that must agree with the code.
@Suite struct DocumentTests {
    /// The first group of each match.
    private func captures(of pattern: String, in text: String) throws -> Set<String> {
        let expression = try Regex(pattern).anchorsMatchLineEndings()
        return Set(
            text.matches(of: expression).compactMap { $0.output[1].substring.map(String.init) }
        )
    }

    @Test func everyProblemIsDocumentedAndTheReverse() throws {
        let page = try #require(SourceTree.all.file("Schemas/problems.md"))
        let documented = try captures(of: "^## ([a-z][a-z-]*)$", in: page.text)
        let source = try #require(SourceTree.all.file("Sources/HTTPAPI/Problem.swift"))
        let used = try captures(of: "case \\w+ = \"([a-z-]+)\"", in: source.text)
        #expect(!used.isEmpty)
        #expect(documented == used)
    }

    @Test func linksBetweenPagesLeadSomewhere() throws {
        for page in SourceTree.all.files where page.path.hasSuffix(".md") {
            let folder = page.path.split(separator: "/").dropLast().joined(separator: "/")
            for link in try captures(of: "\\]\\(([^)#: ]+)(?:#[^)]*)?\\)", in: page.text) {
                let path = folder.isEmpty ? link : folder + "/" + link
                let url = SourceTree.root.appending(path: path).standardizedFileURL
                let exists = FileManager.default.fileExists(atPath: url.path)
                #expect(exists, "\(page.path) links to \(link), which is not there")
            }
        }
    }

    @Test func everyDecisionIsInTheIndex() throws {
        let index = try #require(SourceTree.all.file("ops/adr/README.md"))
        for file in SourceTree.all.files where file.path.hasPrefix("ops/adr/") {
            let name = String(file.path.dropFirst("ops/adr/".count))
            #expect(name == "README.md" || index.text.contains(name), "\(name) is not listed")
        }
    }

    @Test func everySubcommandIsInTheChangelog() throws {
        let page = try #require(SourceTree.all.file("CHANGELOG.md"))
        for file in SourceTree.all.swift(below: "Sources/strongroom/Commands") {
            for name in try captures(
                of: "CommandSpecification\\(\\s*name: \"([a-z]+)\"",
                in: file.text
            ) {
                #expect(page.text.contains("`\(name)`"), "\(name) is not in CHANGELOG.md")
            }
        }
    }
}
