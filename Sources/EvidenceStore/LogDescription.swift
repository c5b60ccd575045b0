internal import Cryptography
internal import EvidenceModel
internal import Platform
package import TransparencyLog

/// What `log.json` says of a log: public, written once when the log is made.
package struct LogDescription: Equatable, Sendable {
    package static let formatVersion: UInt64 = 1

    /// The checkpoints' origin, also the first key's name.
    package let origin: String
    package let geometry: SegmentGeometry
    /// The key that signed the first checkpoint.
    package let verifierKey: VerifierKey

    package init(origin: String, geometry: SegmentGeometry, verifierKey: VerifierKey) {
        self.origin = origin
        self.geometry = geometry
        self.verifierKey = verifierKey
    }

    /// Canonical JSON and a line feed.
    var encoded: [UInt8] {
        let object: JSONObject = [
            "formatVersion": .integer(Int64(Self.formatVersion)),
            "origin": .string(origin),
            "segmentHeight": .integer(Int64(geometry.height)),
            "verifierKey": .string(verifierKey.description),
        ]
        return CanonicalJSON.encode(.object(object)) + [UInt8(ascii: "\n")]
    }

    /// Writes `log.json`, durably: with it the directory is a log.
    func write(_ paths: StorePaths) throws(StoreError) {
        let bytes = encoded
        try onDisk { () throws(SystemError) in
            try FileSystem.writeDurably(bytes.span, to: paths.description, permissions: 0o444)
            try FileSystem.syncDirectory(FileSystem.parent(of: paths.root))
        }
    }

    /// Reads a log's `log.json`.
    ///
    /// - Throws: `notALog` if there is none, `newerFormat`, `damaged`, or `system`.
    package static func read(_ paths: StorePaths) throws(StoreError) -> LogDescription {
        let path = paths.description
        let isThere = try onDisk { () throws(SystemError) in try FileSystem.exists(path) }
        guard isThere else { throw .notALog(path: paths.root) }
        let bytes = try onDisk { () throws(SystemError) in
            try FileSystem.contents(path, limitBytes: 1 << 16)
        }
        guard let object = try? JSONValue(parsing: bytes.span, form: .any).object,
            let version = object["formatVersion"]?.unsigned
        else { throw .damaged(path: path, detail: "it is not the JSON object that init wrote") }
        guard version == formatVersion else { throw .newerFormat(path: path, version: version) }
        guard object.members.count == 4, let origin = object["origin"]?.string,
            let height = object["segmentHeight"]?.unsigned,
            let geometry = SegmentGeometry(height: UInt8(clamping: height)),
            let text = object["verifierKey"]?.string, let key = try? VerifierKey(parsing: text),
            key.name == origin
        else { throw .damaged(path: path, detail: "a member is missing or has a wrong value") }
        let description = LogDescription(origin: origin, geometry: geometry, verifierKey: key)
        guard description.encoded == bytes else {
            throw .damaged(path: path, detail: "it is not byte for byte what init wrote")
        }
        return description
    }
}
