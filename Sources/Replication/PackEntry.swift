package import Cryptography
package import EvidenceModel

/// What the index of a pack or journal object says of one record.
package struct PackEntry: Hashable, Sendable {
    /// Digest and size of a payload, as the record or its opening has them.
    package struct Payload: Hashable, Sendable {
        package let digest: SHA256Digest
        package let sizeBytes: UInt64

        package init(digest: SHA256Digest, sizeBytes: UInt64) {
            self.digest = digest
            self.sizeBytes = sizeBytes
        }
    }

    /// Where the payload is.
    package enum Content: Hashable, Sendable {
        /// The record is no evidence.
        case none
        /// In this object.
        case payload(Payload)
        /// In an object of its own.
        case object(Payload, ObjectKey)
        /// Erased; neither digest nor opening are kept here. In journal objects only.
        case erased
    }

    package let index: RecordIndex
    package let content: Content

    package init(index: RecordIndex, content: Content) {
        self.index = index
        self.content = content
    }

    /// `nil` also of what was erased.
    package var payload: Payload? {
        switch content {
        case .payload(let payload), .object(let payload, _): payload
        case .none, .erased: nil
        }
    }

    package var object: ObjectKey? {
        if case .object(_, let key) = content { key } else { nil }
    }

    package var isErased: Bool { content == .erased }

    /// How many bytes of payload stand in this object; `nil` if there is no member for them.
    package var memberSizeBytes: UInt64? {
        if case .payload(let payload) = content { payload.sizeBytes } else { nil }
    }
}
