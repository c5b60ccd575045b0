package import Cryptography

/// Where the bytes of an upload are.
package enum ObjectBody: Sendable {
    case bytes([UInt8])
    /// A part of a file, which must not change meanwhile.
    case file(path: String, offset: UInt64, sizeBytes: UInt64)

    package var sizeBytes: UInt64 {
        switch self {
        case .bytes(let bytes): UInt64(bytes.count)
        case .file(_, _, let sizeBytes): sizeBytes
        }
    }
}

/// The SHA-256 checksum that a store keeps beside an object.
package enum ObjectChecksum: Hashable, Sendable {
    /// Of the object's bytes.
    case whole(SHA256Digest)
    /// Of the digests of the parts, one after the other.
    case composite(SHA256Digest, partCount: Int)

    /// What the store must come to for parts with these digests.
    package init(parts: [SHA256Digest]) {
        var digests: [UInt8] = []
        for part in parts { part.append(to: &digests) }
        self = .composite(SHA256.hash(digests.span), partCount: parts.count)
    }
}

/// One object to be stored.
package struct PutRequest: Sendable {
    /// What must hold in the store, or nothing is stored.
    package enum Condition: Hashable, Sendable {
        case none
        /// No object has this key.
        case absent
        /// The key's newest version has this tag.
        case matching(ObjectTag)
    }

    package let key: ObjectKey
    package let body: ObjectBody
    /// Of the body's bytes.
    package let checksum: SHA256Digest
    package var lock: ObjectLock?
    package var hold = LegalHold.off
    package var condition = Condition.none
    package var mediaType = "application/octet-stream"

    /// `checksum` must be that of the bytes: the store refuses others.
    package init(key: ObjectKey, body: ObjectBody, checksum: SHA256Digest) {
        self.key = key
        self.body = body
        self.checksum = checksum
    }

    package init(key: ObjectKey, bytes: [UInt8]) {
        self.init(key: key, body: .bytes(bytes), checksum: SHA256.hash(bytes.span))
    }
}

/// An object that was stored.
package struct PutResult: Hashable, Sendable {
    package enum Confirmation: Hashable, Sendable {
        /// The store said so in its reply.
        case reply
        /// The reply was lost; an object with the same bytes was found at the key. There may be a
        /// second version of it, if the store ignores conditions.
        case found
    }

    /// `nil` from a store without versions.
    package let version: ObjectVersion?
    package let tag: ObjectTag
    package let confirmation: Confirmation

    package init(version: ObjectVersion?, tag: ObjectTag, confirmation: Confirmation) {
        self.version = version
        self.tag = tag
        self.confirmation = confirmation
    }
}

/// What a store says of one version of an object; `nil` is what it did not say.
///
/// Whoever needs a lock takes its absence here for an error, never for "not locked".
package struct HeadResult: Hashable, Sendable {
    package let sizeBytes: UInt64
    package let tag: ObjectTag?
    package let version: ObjectVersion?
    package let lock: ObjectLock?
    package let hold: LegalHold?
    package let checksum: ObjectChecksum?

    package init(
        sizeBytes: UInt64,
        tag: ObjectTag?,
        version: ObjectVersion?,
        lock: ObjectLock?,
        hold: LegalHold?,
        checksum: ObjectChecksum?
    ) {
        self.sizeBytes = sizeBytes
        self.tag = tag
        self.version = version
        self.lock = lock
        self.hold = hold
        self.checksum = checksum
    }
}
