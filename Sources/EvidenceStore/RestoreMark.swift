internal import Cryptography
internal import EvidenceModel
internal import Platform
package import TransparencyLog

/// What a log that was restored from a copy keeps about that (`state/restored.json`).
///
/// A log with such a mark can be opened without its key: it shows the checkpoint that it was
/// restored with, and takes nothing. With `readOnly` it is not opened otherwise: something may have
/// been signed that the copy did not have, and the same log must not go on in two ways. May be
/// lost only if it has no `readOnly`.
package struct RestoreMark: Equatable, Sendable {
    /// The records that were restored.
    package let size: TreeSize
    /// Why the log must not sign; `nil`: it may.
    package var readOnly: String?
    /// Where the access log goes on: its lines before were not in the copy.
    package var access: AccessLog.Position?

    package init(size: TreeSize, readOnly: String?, access: AccessLog.Position?) {
        self.size = size
        self.readOnly = readOnly
        self.access = access
    }

    private static let type = "strongroom-restored-v1"

    var encoded: [UInt8] {
        var object: JSONObject = [
            "size": .integer(Int64(size.value)), "type": .string(Self.type),
        ]
        object["readOnly"] = readOnly.map { .string($0) }
        object["access"] = access.map { position in
            ["count": .integer(Int64(position.count)), "head": .string(position.head.hex)]
        }
        return CanonicalJSON.encode(.object(object)) + [UInt8(ascii: "\n")]
    }

    /// Reads the mark of a log; `nil` if it was not restored.
    ///
    /// - Throws: `damaged`, `system`.
    package static func read(_ paths: StorePaths) throws(StoreError) -> RestoreMark? {
        let path = paths.restoreMark
        let bytes = try onDisk { () throws(SystemError) in
            try FileSystem.exists(path)
                ? try FileSystem.contents(path, limitBytes: 1 << 16) : nil
        }
        guard let bytes else { return nil }
        guard let object = try? JSONValue(parsing: bytes.span, form: .any).object,
            object["type"]?.string == type, let size = object["size"]?.unsigned
        else { throw .damaged(path: path, detail: "it is not what restore wrote") }
        var access: AccessLog.Position?
        if let position = object["access"]?.object, let count = position["count"]?.unsigned,
            let head = position["head"]?.string.flatMap({ SHA256Digest(hex: $0) })
        {
            access = AccessLog.Position(count: count, head: head)
        }
        let mark = RestoreMark(
            size: TreeSize(size),
            readOnly: object["readOnly"]?.string,
            access: access
        )
        guard mark.encoded == bytes else {
            throw .damaged(path: path, detail: "it is not byte for byte what restore wrote")
        }
        return mark
    }

    func write(_ paths: StorePaths) throws(StoreError) {
        let bytes = encoded
        try onDisk { () throws(SystemError) in
            try FileSystem.writeDurably(bytes.span, to: paths.restoreMark, permissions: 0o440)
        }
    }
}
