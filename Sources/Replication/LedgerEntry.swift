package import Cryptography
package import EvidenceModel
import EvidenceStore
import TransparencyLog

/// An object of a target that holds records, as this node knows it.
package struct LedgerEntry: Hashable, Sendable {
    package enum Kind: String, Sendable { case journal, pack, payload }

    package enum State: String, Sendable {
        /// It may be there: its upload was about to begin.
        case planned
        /// It was read back: lock, hold, checksum and version are as they must be.
        case stored
        /// This version was deleted.
        case deleted
    }

    package let key: ObjectKey
    package let kind: Kind
    package let records: IndexRanges
    /// Those of which no payload stands there, since it had been erased before.
    package let bare: IndexRanges
    /// Why the records are there together; `nil` for journal objects.
    package let home: PackHome?
    package let digest: SHA256Digest
    package let sizeBytes: UInt64
    package var lock: ObjectLock
    package var hold: LegalHold
    package var state: State
    package var version: ObjectVersion?

    package init(
        key: ObjectKey,
        kind: Kind,
        records: IndexRanges,
        bare: IndexRanges = .none,
        home: PackHome?,
        digest: SHA256Digest,
        sizeBytes: UInt64,
        lock: ObjectLock,
        hold: LegalHold,
        state: State,
        version: ObjectVersion?
    ) {
        self.key = key
        self.kind = kind
        self.records = records
        self.bare = bare
        self.home = home
        self.digest = digest
        self.sizeBytes = sizeBytes
        self.lock = lock
        self.hold = hold
        self.state = state
        self.version = version
    }

    /// The records of which a payload may stand there.
    package var payloads: IndexRanges { records.subtracting(bare) }

    /// Whether the object keeps a record as firmly as `home` demands.
    package func keeps(as wanted: PackHome) -> Bool {
        guard state == .stored, let home, home.lock.keeps(wanted.lock) else { return false }
        return hold == .on || !wanted.needsHold
    }
}

extension PackHome {
    /// Whether the store must refuse to delete it whatever its date.
    package var needsHold: Bool {
        if case .held = kind { return true }
        if case .awaiting = lock.end { return true }
        return false
    }

    /// The retention that the store is asked for.
    ///
    /// `received`: of the newest record. What awaits an event is kept by the legal hold.
    package func objectLock(received: Timestamp) -> ObjectLock? {
        switch lock.end {
        case .until(let until): return ObjectLock(mode: lock.mode, until: until)
        case .awaiting:
            let day: Int64 = 86_400_000
            return received.adding(milliseconds: day)?.roundedUpToMidnight()
                .flatMap { ObjectLock(mode: lock.mode, until: $0) }
        }
    }
}

// MARK: - The stored form

extension LedgerEntry {
    /// Canonical JSON, without the key.
    var encoded: [UInt8] {
        var object: JSONObject = [
            "hold": .bool(hold == .on),
            "kind": .string(kind.rawValue),
            "lockMode": .string(lock.mode.rawValue),
            "lockUntil": .string(lock.until.rfc3339Seconds),
            "records": records.ledgerForm,
            "sha256": .string(digest.hex),
            "size": .integer(Int64(sizeBytes)),
            "state": .string(state.rawValue),
        ]
        if !bare.isEmpty { object["bare"] = bare.ledgerForm }
        object["version"] = version.map { .string($0.text) }
        object["home"] = home.map { .object($0.json) }
        return CanonicalJSON.encode(.object(object))
    }

    /// Reads what `encoded` gives; `nil` for anything else.
    init?(key: ObjectKey, parsing bytes: Span<UInt8>) {
        guard let object = try? JSONValue(parsing: bytes, form: .canonical).object,
            case .bool(let isHeld)? = object["hold"],
            let kind = object["kind"]?.string.flatMap(Kind.init(rawValue:)),
            let mode = object["lockMode"]?.string.flatMap(RetentionMode.init(rawValue:)),
            let until = object["lockUntil"]?.string.flatMap(Timestamp.init(rfc3339Seconds:)),
            let lock = ObjectLock(mode: mode, until: until),
            let records = object["records"].flatMap({ IndexRanges(ledgerForm: $0) }),
            let bare = object["bare"].map({ IndexRanges(ledgerForm: $0) }) ?? .some(.none),
            let digest = object["sha256"]?.string.flatMap({ SHA256Digest(hex: $0) }),
            let size = object["size"]?.unsigned,
            let state = object["state"]?.string.flatMap(State.init(rawValue:))
        else { return nil }
        var home: PackHome?
        if let value = object["home"] {
            guard let members = value.object, let parsed = PackHome(json: members) else {
                return nil
            }
            home = parsed
        }
        self.init(
            key: key,
            kind: kind,
            records: records,
            bare: bare,
            home: home,
            digest: digest,
            sizeBytes: size,
            lock: lock,
            hold: isHeld ? .on : .off,
            state: state,
            version: object["version"]?.string.flatMap { ObjectVersion($0) }
        )
    }
}

extension IndexRanges {
    fileprivate var ledgerForm: JSONValue {
        .array(
            ranges.map { .array([.integer(Int64($0.lowerBound)), .integer(Int64($0.upperBound))]) }
        )
    }

    fileprivate init?(ledgerForm value: JSONValue) {
        guard case .array(let pairs) = value else { return nil }
        var ranges: [ClosedRange<UInt64>] = []
        for pair in pairs {
            guard case .array(let ends) = pair, ends.count == 2, let first = ends[0].unsigned,
                let last = ends[1].unsigned, first <= last
            else { return nil }
            ranges.append(first...last)
        }
        self.init(ranges: ranges)
    }
}

extension PackHome {
    fileprivate var json: JSONObject {
        var object: JSONObject = [
            "collection": .string(collection.text), "mode": .string(lock.mode.rawValue),
        ]
        switch lock.end {
        case .until(let until): object["until"] = .string(until.rfc3339Seconds)
        case .awaiting(let event, let duration):
            object["event"] = .string(event.text)
            object["then"] = .string("\(duration)")
        }
        switch kind {
        case .original: object["kind"] = "original"
        case .extended: object["kind"] = "extended"
        case .held(let matter): object["matter"] = .string(matter.text)
        }
        return object
    }

    fileprivate init?(json: JSONObject) {
        guard let collection = json["collection"]?.string.flatMap({ try? CollectionName($0) }),
            let mode = json["mode"]?.string.flatMap(RetentionMode.init(rawValue:))
        else { return nil }
        let lock: Lock
        if let until = json["until"]?.string.flatMap(Timestamp.init(rfc3339Seconds:)) {
            guard let dated = Lock(mode: mode, until: until) else { return nil }
            lock = dated
        } else {
            guard let event = json["event"]?.string.flatMap({ try? EventName($0) }),
                let then = json["then"]?.string.flatMap({ try? RetentionDuration(parsing: $0) })
            else { return nil }
            lock = Lock(mode: mode, awaiting: event, then: then)
        }
        let kind: Kind
        switch (json["kind"]?.string, json["matter"]?.string) {
        case ("original"?, nil): kind = .original
        case ("extended"?, nil): kind = .extended
        case (nil, let text?):
            guard let matter = try? Matter(text) else { return nil }
            kind = .held(matter)
        default: return nil
        }
        self.init(collection: collection, lock: lock, kind: kind)
    }
}
