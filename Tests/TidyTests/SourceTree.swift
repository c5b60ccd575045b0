import Foundation

/// The files of the source tree, read once, with their paths relative to its root.
struct SourceTree {
    struct File {
        /// Relative to the root, with `/`.
        let path: String
        let text: String
        let lines: [Substring]
        /// A Swift file's lines without comments and without what stands in string literals.
        let codeLines: [Substring]

        init(path: String, text: String) {
            self.path = path
            self.text = text
            lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            let code = path.hasSuffix(".swift") ? SwiftCode.strip(text) : ""
            codeLines = code.split(separator: "\n", omittingEmptySubsequences: false)
        }

        /// The first folder below `Sources` or `Tests`: the target that the file belongs to.
        var target: String {
            let parts = path.split(separator: "/")
            return parts.count > 2 ? String(parts[1]) : ""
        }
    }

    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// What the tools leave behind, and what is not ours to judge.
    private static let ignored: Set<String> = [".git", ".build", ".cache", "__pycache__"]

    static let all = SourceTree(below: root)

    let files: [File]

    private init(below root: URL) {
        var found: [File] = []
        Self.collect(at: root, path: "", into: &found)
        files = found.sorted { $0.path < $1.path }
    }

    private static func collect(at folder: URL, path: String, into found: inout [File]) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        for name in names where !ignored.contains(name) {
            let url = folder.appending(path: name)
            let childPath = path.isEmpty ? name : path + "/" + name
            let attributes = try? FileManager.default.attributesOfItem(atPath: url.path)
            if attributes?[.type] as? FileAttributeType == .typeDirectory {
                collect(at: url, path: childPath, into: &found)
            } else if let text = try? String(contentsOf: url, encoding: .utf8) {
                found.append(File(path: childPath, text: text))
            }
        }
    }

    /// Swift files below a folder such as `Sources`.
    func swift(below folder: String) -> [File] {
        files.filter { $0.path.hasPrefix(folder + "/") && $0.path.hasSuffix(".swift") }
    }

    func file(_ path: String) -> File? { files.first { $0.path == path } }

    /// Names of the folders directly below `Sources` or `Tests`.
    func folders(below folder: String) -> Set<String> {
        Set(files.filter { $0.path.hasPrefix(folder + "/") }.map(\.target)).subtracting([""])
    }
}
