import Cryptography
import EvidenceModel

/// What a sealed segment says of itself in its manifest, and the catalog repeats.
struct SegmentSummary: Equatable, Sendable {
    /// A collection's part in the segment.
    struct CollectionPart: Equatable, Sendable {
        var count: UInt64
        var lastSequence: UInt64
        var lastIndex: UInt64
    }

    /// A file of payloads in the segment.
    struct PayloadPart: Equatable, Sendable {
        /// Payloads in the file's table.
        var payloads: UInt64
        /// Openings of sealed records in it.
        var openings: UInt64
    }

    let segment: SegmentNumber
    let recordCount: UInt64
    let root: SHA256Digest
    let firstReceived: Timestamp
    let lastReceived: Timestamp
    let collections: [String: CollectionPart]
    let payloadFiles: [String: PayloadPart]

    private static let version: Int64 = 1

    /// Canonical JSON.
    var encoded: [UInt8] {
        let object: JSONObject = [
            "collections": Self.object(collections) { part in
                [
                    "count": .integer(Int64(part.count)),
                    "lastIndex": .integer(Int64(part.lastIndex)),
                    "lastSequence": .integer(Int64(part.lastSequence)),
                ]
            },
            "firstReceived": .string(firstReceived.rfc3339),
            "lastReceived": .string(lastReceived.rfc3339),
            "payloadFiles": Self.object(payloadFiles) { part in
                [
                    "openings": .integer(Int64(part.openings)),
                    "payloads": .integer(Int64(part.payloads)),
                ]
            },
            "recordCount": .integer(Int64(recordCount)),
            "root": .string(root.hex),
            "segment": .integer(Int64(segment.value)),
            "version": .integer(Self.version),
        ]
        return CanonicalJSON.encode(.object(object))
    }

    private static func object<Part>(
        _ parts: [String: Part],
        _ members: (Part) -> JSONObject
    ) -> JSONValue {
        var object = JSONObject()
        for (name, part) in parts { object[name] = .object(members(part)) }
        return .object(object)
    }

    /// Reads what `encoded` gives; nil for anything else.
    init?(parsing bytes: Span<UInt8>) {
        guard let object = try? JSONValue(parsing: bytes, form: .canonical).object,
            object.members.count == 8,
            object["version"] == .integer(Self.version),
            let segment = object["segment"]?.unsigned,
            let recordCount = object["recordCount"]?.unsigned,
            let root = object["root"]?.string.flatMap({ SHA256Digest(hex: $0) }),
            let first = object["firstReceived"]?.string.flatMap({ Timestamp(rfc3339: $0) }),
            let last = object["lastReceived"]?.string.flatMap({ Timestamp(rfc3339: $0) }),
            let collections = object["collections"]?.object,
            let payloadFiles = object["payloadFiles"]?.object
        else { return nil }
        var collectionParts: [String: CollectionPart] = [:]
        for (name, value) in collections.members {
            guard let part = value.object, part.members.count == 3,
                let count = part["count"]?.unsigned,
                let index = part["lastIndex"]?.unsigned,
                let sequence = part["lastSequence"]?.unsigned
            else { return nil }
            collectionParts[name] = CollectionPart(
                count: count,
                lastSequence: sequence,
                lastIndex: index
            )
        }
        var payloadParts: [String: PayloadPart] = [:]
        for (name, value) in payloadFiles.members {
            guard let part = value.object, part.members.count == 2,
                let openings = part["openings"]?.unsigned,
                let payloads = part["payloads"]?.unsigned
            else { return nil }
            payloadParts[name] = PayloadPart(payloads: payloads, openings: openings)
        }
        self.init(
            segment: SegmentNumber(segment),
            recordCount: recordCount,
            root: root,
            firstReceived: first,
            lastReceived: last,
            collections: collectionParts,
            payloadFiles: payloadParts
        )
    }

    init(
        segment: SegmentNumber,
        recordCount: UInt64,
        root: SHA256Digest,
        firstReceived: Timestamp,
        lastReceived: Timestamp,
        collections: [String: CollectionPart],
        payloadFiles: [String: PayloadPart]
    ) {
        self.segment = segment
        self.recordCount = recordCount
        self.root = root
        self.firstReceived = firstReceived
        self.lastReceived = lastReceived
        self.collections = collections
        self.payloadFiles = payloadFiles
    }
}
