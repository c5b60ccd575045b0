internal import EvidenceModel
internal import Platform

/// One thing to push.
struct PutItem: Sendable {
    enum Source: Sendable {
        case file(path: String)
        case standardInput
    }

    let source: Source
    let name: EvidenceName
}

/// Finds the files that `put` pushes, and gives each its name.
///
/// A file is named by the last part of its path, a file in a directory by its path below that
/// directory; `--name` names a single file or standard input, and goes in front of the names of a
/// directory's files. Directories are walked in byte order. A symbolic link that was named itself
/// is followed, for that was meant; one that is found in a directory is not: what it points to may
/// lie outside of what was meant to be kept.
struct FileWalk {
    /// What is to be pushed, in order.
    private(set) var items: [PutItem] = []
    /// What is left out: path and reason.
    private(set) var skipped: [(path: String, reason: String)] = []
    /// What cannot be pushed though it was asked for.
    private(set) var failures: [CommandFailure] = []

    /// The files' sizes when they were found; nil if one thing has no size yet.
    private(set) var totalBytes: UInt64? = 0

    private let givenName: String?

    /// Walks the paths.
    ///
    /// - Throws: exit code `usage` where paths and `--name` do not go together, or two files would
    ///   get the same name.
    init(paths: [String], name: String?) throws(CommandFailure) {
        givenName = name
        guard paths.count == 1 || name == nil else {
            throw .usage("--name names one file or one directory, and \(paths.count) are given")
        }
        for path in paths {
            if path == "-" {
                try takeStandardInput()
            } else {
                takeArgument(path)
            }
        }
        try refuseDuplicates()
    }

    private mutating func takeStandardInput() throws(CommandFailure) {
        guard let givenName else {
            throw .usage("standard input needs a name", advice: "add --name NAME")
        }
        totalBytes = nil
        do throws(LimitViolation) {
            items.append(PutItem(source: .standardInput, name: try EvidenceName(givenName)))
        } catch {
            throw .usage("--name: \(error)")
        }
    }

    private mutating func takeArgument(_ path: String) {
        do throws(SystemError) {
            guard let found = try FileSystem.information(following: path) else {
                failures.append(CommandFailure(.notFound, "\(path) does not exist"))
                return
            }
            switch found.kind {
            case .file:
                take(path, found.sizeBytes, as: givenName ?? Self.lastPart(of: path))
            case .directory:
                try walk(path, prefix: givenName.map { $0 + "/" } ?? "")
            case .symbolicLink, .other:
                failures.append(
                    CommandFailure(
                        .refused,
                        "\(path) is neither a file nor a directory",
                        advice: "pipe it into 'strongroom put - --name NAME'"
                    )
                )
            }
        } catch {
            failures.append(CommandFailure(error))
        }
    }

    private mutating func walk(_ directory: String, prefix: String) throws(SystemError) {
        let base = directory.hasSuffix("/") ? directory : directory + "/"
        for entry in try FileSystem.list(directory) {
            let path = base + entry
            do throws(SystemError) {
                let found = try FileSystem.information(path)
                switch found?.kind {
                case .file: take(path, found?.sizeBytes ?? 0, as: prefix + entry)
                case .directory: try walk(path, prefix: prefix + entry + "/")
                case .symbolicLink: skipped.append((path, "a symbolic link"))
                case .other: skipped.append((path, "not a regular file"))
                case nil: skipped.append((path, "gone, or its name is not UTF-8"))
                }
            } catch {
                failures.append(CommandFailure(error))
            }
        }
    }

    private mutating func take(_ path: String, _ sizeBytes: UInt64, as name: String) {
        do throws(LimitViolation) {
            items.append(PutItem(source: .file(path: path), name: try EvidenceName(name)))
            totalBytes = totalBytes.map { $0 + sizeBytes }
        } catch {
            failures.append(
                CommandFailure(
                    .refused,
                    "\(path) cannot be kept under its name: \(error)",
                    advice: "choose another with --name"
                )
            )
        }
    }

    private func refuseDuplicates() throws(CommandFailure) {
        var seen: Set<EvidenceName> = []
        for item in items where !seen.insert(item.name).inserted {
            throw .usage(
                "two files would be kept under the name \(item.name)",
                advice: "push them one at a time with --name, or the directory that holds both"
            )
        }
    }

    private static func lastPart(of path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }
}
