import Foundation
import Testing

/// The layers: who may import what, and that no target is empty or untested.
@Suite struct LayerTests {
    /// Pure targets see no clock, no randomness, no file and no socket; atomics are none of these.
    private static let pure = ["HTTPMessage", "TransparencyLog", "EvidenceModel", "SigV4"]
    private static let allowedInPure: Set<String> = [
        "Cryptography", "TransparencyLog", "Synchronization",
    ]

    /// Targets that only the end-to-end suites can test: they need a process of their own.
    private static let testedFromOutside: Set<String> = ["strongroom"]

    private var sources: [SourceTree.File] { SourceTree.all.swift(below: "Sources") }

    /// Modules of the C libraries: the folders that hold a module map.
    private var cModules: Set<String> {
        Set(SourceTree.all.files.filter { $0.path.hasSuffix("/module.modulemap") }.map(\.target))
    }

    /// The modules that a file imports.
    private func imports(of file: SourceTree.File) -> [String] {
        file.codeLines.compactMap { line in
            let words = line.split(separator: " ").filter { !$0.hasPrefix("@") }
            guard let position = words.firstIndex(of: "import"), position <= 1 else { return nil }
            return words.last.map { String($0.prefix { $0 != "." }) }
        }
    }

    private func importers(of module: String) -> Set<String> {
        Set(sources.filter { imports(of: $0).contains(module) }.map(\.target))
    }

    @Test func eachCModuleHasOneImporter() {
        for module in cModules.sorted() {
            let found = importers(of: module)
            #expect(found.count == 1, "\(module) is imported by \(found.sorted())")
        }
    }

    @Test func onlyPlatformImportsTheSystemLibrary() {
        for module in ["Glibc", "Musl", "Darwin"] {
            let found = importers(of: module).subtracting(["Platform"])
            #expect(found.isEmpty, "\(module) is imported by \(found.sorted())")
        }
    }

    @Test func onlyMicroServerKnowsTheHTTPLibrary() {
        #expect(importers(of: "CMicroHTTPD") == ["MicroServer"])
        #expect(importers(of: "MicroServer") == ["strongroom"])
    }

    @Test(arguments: pure) func pureTargetsImportOnlyPureOnes(_ target: String) {
        for file in sources where file.target == target {
            let found = Set(imports(of: file)).subtracting(Self.allowedInPure)
            #expect(found.isEmpty, "\(file.path) imports \(found.sorted())")
        }
    }

    /// The quoted name after each call of one of `functions` in Package.swift.
    private func names(after functions: String, in package: SourceTree.File) throws -> Set<String> {
        let pattern = try Regex("\\b(?:\(functions))\\(\\s*(?:name: )?\"(\\w+)\"")
        let matches = package.text.matches(of: pattern)
        return Set(matches.compactMap { $0.output[1].substring.map(String.init) })
    }

    @Test func targetsOfThePackageHaveFilesAndTheReverse() throws {
        let package = try #require(SourceTree.all.file("Package.swift"))
        let sources = try names(after: "library|executableTarget|systemLibrary", in: package)
        #expect(sources == SourceTree.all.folders(below: "Sources"))
        let helped = try names(after: "tests", in: package).map { $0 + "Tests" }
        let tests = try names(after: "testTarget|double", in: package).union(helped)
        #expect(tests == Set(SourceTree.all.swift(below: "Tests").map(\.target)))
    }

    @Test func everyTargetHasTests() {
        for target in Set(sources.map(\.target)).subtracting(Self.testedFromOutside) {
            let tests = SourceTree.all.swift(below: "Tests").filter {
                $0.target == target + "Tests"
            }
            let count = tests.map { $0.codeLines.count { $0.contains("@Test") } }.reduce(0, +)
            #expect(count > 0, "Tests/\(target)Tests holds no test")
        }
    }

    @Test func noPlaceholdersAreLeft() {
        let found = SourceTree.all.files.map(\.path).filter { $0.hasSuffix("/Placeholder.swift") }
        #expect(found.isEmpty)
    }
}
