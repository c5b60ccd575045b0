internal import Cryptography
internal import EvidenceModel
internal import TransparencyLog

extension PackIndex {
    /// Reads an index; only the exact bytes that `encoded` gives are accepted.
    ///
    /// - Throws: `damaged`.
    package init(parsing bytes: Span<UInt8>) throws(PackError) {
        guard bytes.count <= Self.maximumSizeBytes else {
            throw .damaged(detail: "an index of \(bytes.count) bytes")
        }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes, form: .canonical)
        } catch { throw .damaged(detail: "its index: \(error)") }
        guard let object = value.members, let index = Self(object) else {
            throw .damaged(detail: "its index is not that of a pack or journal object")
        }
        if let fault = index.fault { throw .damaged(detail: "an index of \(fault)") }
        // So that members which are not looked at, and other spellings, are refused as well.
        let encoded = index.encoded.span
        guard encoded.count == bytes.count else {
            throw .damaged(detail: "its index has other members than it should have")
        }
        for position in encoded.indices where encoded[position] != bytes[position] {
            throw .damaged(detail: "its index is not as it is written here")
        }
        self = index
    }

    private init?(_ object: JSONObject) {
        guard let origin = object["origin"]?.text, case .array(let values)? = object["records"],
            values.count <= Self.maximumEntryCount
        else { return nil }
        var entries: [PackEntry] = []
        entries.reserveCapacity(values.count)
        for value in values {
            guard let entry = value.members.flatMap(PackEntry.init) else { return nil }
            entries.append(entry)
        }
        switch object["type"]?.text {
        case Self.packType?:
            guard let home = PackHome(object) else { return nil }
            self = .pack(origin: origin, home, entries)
        case Self.journalType?:
            guard let first = object["first"]?.unsigned else { return nil }
            self = .journal(origin: origin, first: RecordIndex(first), entries)
        default: return nil
        }
    }
}

extension PackHome {
    fileprivate init?(_ object: JSONObject) {
        guard let text = object["collection"]?.text, let collection = try? CollectionName(text),
            let lock = object["lock"]?.members.flatMap(Lock.init(packForm:))
        else { return nil }
        switch object["home"]?.text {
        case "original"?: self.init(collection: collection, lock: lock, kind: .original)
        case "extended"?: self.init(collection: collection, lock: lock, kind: .extended)
        case "held"?:
            guard let text = object["held"]?.text, let matter = try? Matter(text) else {
                return nil
            }
            self.init(collection: collection, lock: lock, kind: .held(matter))
        default: return nil
        }
    }
}

extension PackEntry {
    fileprivate init?(_ object: JSONObject) {
        guard let index = object["index"]?.unsigned else { return nil }
        let content: Content
        if let payload = object["payload"]?.members {
            guard let digest = payload["sha256"]?.text.flatMap({ SHA256Digest(hex: $0) }),
                let size = payload["size"]?.unsigned
            else { return nil }
            let payload = Payload(digest: digest, sizeBytes: size)
            if let object = object["object"] {
                guard let key = object.text.flatMap(ObjectKey.init) else { return nil }
                content = .object(payload, key)
            } else {
                content = .payload(payload)
            }
        } else {
            content = object["erased"] == nil ? .none : .erased
        }
        self.init(index: RecordIndex(index), content: content)
    }
}

extension Lock {
    fileprivate init?(packForm object: JSONObject) {
        guard let mode = object["mode"]?.text.flatMap(RetentionMode.init(rawValue:)) else {
            return nil
        }
        if let until = object["until"]?.text {
            guard let until = Timestamp(rfc3339Seconds: until) else { return nil }
            self.init(mode: mode, until: until)
            return
        }
        guard let event = object["awaiting"]?.text, let name = try? EventName(event),
            let text = object["then"]?.text, let duration = try? RetentionDuration(parsing: text)
        else { return nil }
        self.init(mode: mode, awaiting: name, then: duration)
    }
}

extension JSONValue {
    var members: JSONObject? {
        if case .object(let object) = self { object } else { nil }
    }

    var text: String? {
        if case .string(let text) = self { text } else { nil }
    }

    var unsigned: UInt64? {
        if case .integer(let integer) = self { UInt64(exactly: integer) } else { nil }
    }
}
