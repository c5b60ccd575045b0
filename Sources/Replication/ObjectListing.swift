package import EvidenceModel

/// One line of a listing of versions.
package struct VersionEntry: Hashable, Sendable {
    package enum Content: Hashable, Sendable {
        case object(sizeBytes: UInt64, tag: ObjectTag?)
        /// Hides the versions below it.
        case deleteMarker

        /// `nil` of a marker.
        package var sizeBytes: UInt64? {
            if case .object(let sizeBytes, _) = self { sizeBytes } else { nil }
        }
    }

    package let name: VersionedKey
    package let content: Content
    package let isLatest: Bool
    package let modified: Timestamp?

    package init(
        name: VersionedKey,
        content: Content,
        isLatest: Bool,
        modified: Timestamp?
    ) {
        self.name = name
        self.content = content
        self.isLatest = isLatest
        self.modified = modified
    }
}

/// Where the next page of a listing begins.
package struct ListCursor: Hashable, Sendable {
    package let key: String
    /// The version id, or the upload id; `nil` goes on behind all of the key's.
    package let detail: String?

    package init(key: String, detail: String?) {
        self.key = key
        self.detail = detail
    }
}

/// How far down a listing goes.
package enum ListDepth: Hashable, Sendable {
    case all
    /// To the next slash behind the prefix.
    ///
    /// Stores that keep keys in directories list these in another order than keys, and lose some
    /// between two pages: who must not miss any walks down level by level.
    case level
}

/// A part of a listing of versions: of each key the newest first.
package struct VersionPage: Hashable, Sendable {
    package let entries: [VersionEntry]
    /// What goes on below this level, each with its slash at the end; of a listing by level.
    package let folders: [String]
    /// `nil` at the end.
    package let next: ListCursor?

    package init(entries: [VersionEntry], folders: [String], next: ListCursor?) {
        self.entries = entries
        self.folders = folders
        self.next = next
    }
}

/// How the deletion of one of several versions ended.
package struct DeleteOutcome: Equatable, Sendable {
    package let name: VersionedKey
    /// `nil`: it is gone.
    package let failure: StoreFailure?

    package init(name: VersionedKey, failure: StoreFailure?) {
        self.name = name
        self.failure = failure
    }
}

/// An upload in parts that was begun.
package struct MultipartUpload: Hashable, Sendable {
    package let key: ObjectKey
    package let identifier: String

    package init(key: ObjectKey, identifier: String) {
        self.key = key
        self.identifier = identifier
    }
}

/// Uploads that were begun and neither completed nor aborted.
package struct UploadPage: Hashable, Sendable {
    package let uploads: [MultipartUpload]
    /// `nil` at the end.
    package let next: ListCursor?

    package init(uploads: [MultipartUpload], next: ListCursor?) {
        self.uploads = uploads
        self.next = next
    }
}

/// What a bucket is set up to do.
package struct BucketFacts: Hashable, Sendable {
    package enum Versioning: Hashable, Sendable { case enabled, suspended, never }

    /// `nil`: the bucket was made without Object Lock.
    package struct ObjectLocking: Hashable, Sendable {
        /// What versions get that come without a lock, as the store puts it; `nil` is nothing.
        package let defaultRetention: String?

        package init(defaultRetention: String?) {
            self.defaultRetention = defaultRetention
        }
    }

    package let versioning: Versioning
    package let objectLocking: ObjectLocking?
    /// Where the store says that the bucket is; `nil` if it says nothing.
    package let region: String?

    package init(versioning: Versioning, objectLocking: ObjectLocking?, region: String?) {
        self.versioning = versioning
        self.objectLocking = objectLocking
        self.region = region
    }
}
