internal import EvidenceModel
internal import Platform

/// Receipts on disk.
enum ReceiptFile {
    private static let limitBytes = 2 << 20

    /// Reads a receipt in either form.
    ///
    /// - Throws: `notFound` and the like where the file cannot be read, `verificationFailed` where
    ///   it is no receipt.
    static func read(_ path: String) throws(CommandFailure) -> Receipt {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try FileSystem.contents(path, limitBytes: limitBytes)
        } catch {
            throw CommandFailure(error)
        }
        do throws(ReceiptTextError) {
            return try ReceiptText.parse(bytes)
        } catch {
            throw CommandFailure(
                .verificationFailed,
                "\(path) is not a receipt that can be relied on: \(error.detail)"
            )
        }
    }
}

/// Finds the receipts that a person means: files, and those in directories.
///
/// In a directory what ends in `.json` or `.tlog-proof` is taken for a receipt, at any depth;
/// symbolic links and names that begin with a dot are not followed.
struct ReceiptWalk {
    private(set) var paths: [String] = []
    /// What is in a directory and does not look like a receipt.
    private(set) var skippedCount = 0

    init(_ operands: [String]) throws(CommandFailure) {
        for path in operands {
            do throws(SystemError) {
                guard let found = try FileSystem.information(following: path) else {
                    throw SystemError(operation: "read", path: path, errno: .notFound)
                }
                if found.kind == .directory { try walk(path) } else { paths.append(path) }
            } catch {
                throw CommandFailure(error)
            }
        }
    }

    private mutating func walk(_ directory: String) throws(SystemError) {
        let base = directory.hasSuffix("/") ? directory : directory + "/"
        for name in try FileSystem.list(directory) {
            let path = base + name
            switch try FileSystem.information(path)?.kind {
            case .directory where !name.hasPrefix("."): try walk(path)
            case .file where Self.isReceiptName(name): paths.append(path)
            default: skippedCount += 1
            }
        }
    }

    private static func isReceiptName(_ name: String) -> Bool {
        !name.hasPrefix(".") && (name.hasSuffix(".json") || name.hasSuffix(".tlog-proof"))
    }
}
