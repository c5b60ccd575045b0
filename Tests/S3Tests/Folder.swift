import Platform

/// A directory that is gone when the value is.
final class Folder {
    let path: String

    init() throws {
        let name = Random.bytes(count: 8).map { String($0) }.joined(separator: "-")
        path = "\(Environment.temporaryDirectory())/s3tests-\(name)"
        try FileSystem.makeDirectory(path)
    }

    deinit { try? FileSystem.removeTree(path) }

    /// Puts a file there; its path.
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let file = "\(path)/\(name)"
        try FileSystem.writeDurably(bytes.span, to: file, permissions: 0o600)
        return file
    }

    func write(_ name: String, _ text: String) throws -> String {
        try write(name, Array(text.utf8))
    }
}

extension Folder {
    func makeFolder(_ name: String) throws {
        try FileSystem.makeDirectory("\(path)/\(name)")
    }
}
