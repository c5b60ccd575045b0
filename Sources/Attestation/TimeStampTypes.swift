package import Cryptography
import EvidenceModel
package import EvidenceStore
package import TransparencyLog

/// A time-stamping authority that the server asks.
package struct TimeStampAuthority: Sendable {
    /// Names its tokens, their files in bundles, and its metrics.
    package let name: String
    package let url: String
    /// What its certificates must lead to.
    package let anchors: TimeStampAnchors

    /// `name`: as ``isName(_:)`` wants it.
    package init(name: String, url: String, anchors: TimeStampAnchors) {
        precondition(Self.isName(name), "a name that no authority can have")
        self.name = name
        self.url = url
        self.anchors = anchors
    }

    /// Whether a text can name an authority: `[a-z0-9][a-z0-9._-]{0,62}`, as for a collection.
    package static func isName(_ text: String) -> Bool { (try? CollectionName(text)) != nil }
}

/// Which authorities are asked, and when.
package struct TimeStampConfiguration: Sendable {
    package var authorities: [TimeStampAuthority] = []
    /// How much time lies between two tokens of an authority, if the log grows.
    package var everySeconds: UInt64 = 86_400
    /// How long before the end of its certificates a token is renewed.
    package var renewBeforeDays: Int64 = 90
    /// How long an authority has to answer.
    package var requestMilliseconds = 10_000

    package init() {}
}

/// Which time-stamp is meant: of which tree, by which authority at first.
package struct TimeStampKey: Hashable, Comparable, Sendable {
    package let size: TreeSize
    package let authority: String

    package init(size: TreeSize, authority: String) {
        self.size = size
        self.authority = authority
    }

    package static func < (left: TimeStampKey, right: TimeStampKey) -> Bool {
        (left.size, left.authority) < (right.size, right.authority)
    }
}

/// A time-stamp as it is kept: what it stamps, and everything that renewed it.
package struct TimeStampEntry: Equatable, Sendable {
    package let key: TimeStampKey
    /// The signed note whose text is stamped.
    package let note: String
    package var record: TimeStampRecord
    /// When the first certificate of the newest token's chain ends, in milliseconds since 1970.
    package var ends: Int64
    /// Who signed the newest token.
    package var subject: String

    package init(
        key: TimeStampKey,
        note: String,
        record: TimeStampRecord,
        ends: Int64,
        subject: String
    ) {
        self.key = key
        self.note = note
        self.record = record
        self.ends = ends
        self.subject = subject
    }

    /// What is stamped: the note without its signatures.
    ///
    /// - Throws: ``NoteError`` for what is no note.
    package static func text(of note: String) throws(NoteError) -> [UInt8] {
        Array(try SignedNote(parsing: note).text.utf8)
    }

    package var facts: TimeStampFacts {
        let first = record.first.token
        return TimeStampFacts(
            key: key,
            milliseconds: first.milliseconds,
            accuracyMicroseconds: first.accuracyMicroseconds,
            serial: first.serial,
            policy: "\(first.policy)",
            digest: record.last.treeDigest,
            renewedMilliseconds: record.renewals > 0 ? record.last.token.milliseconds : nil,
            renewals: record.renewals,
            ends: ends,
            subject: subject
        )
    }
}

/// What a list of time-stamps says of one.
package struct TimeStampFacts: Equatable, Sendable {
    package let key: TimeStampKey
    /// When the checkpoint existed, as the authority says.
    package let milliseconds: Int64
    package let accuracyMicroseconds: UInt64?
    package let serial: String
    package let policy: String
    /// The digest algorithm of the newest chain.
    package let digest: TimeStampDigest
    /// When it was last renewed.
    package let renewedMilliseconds: Int64?
    package let renewals: Int
    /// When the first certificate of the newest token's chain ends.
    package let ends: Int64
    package let subject: String
}

/// Why an authority's answer did not become a time-stamp.
package enum TimeStampFailure: Error, Equatable, Sendable, CustomStringConvertible {
    case silent(String)
    /// An HTTP status other than 200.
    case status(Int)
    case invalid(TimeStampError)
    /// Its time is more than a day from this machine's, by so many seconds.
    case clocks(Int64)
    /// Its certificates end no later than those of what it should renew.
    case endsTooSoon
    /// What it gave does not renew, for its time is before that of what it should renew.
    case doesNotRenew(String)
    case store(StoreError)

    package var description: String {
        switch self {
        case .silent(let reason): reason
        case .status(let status): "it answered with status \(status)"
        case .invalid(let error): "\(error)"
        case .clocks(let seconds):
            "its time is \(seconds) s from this machine's clock, more than a day"
        case .endsTooSoon: "its certificates end no later than those of what it would renew"
        case .doesNotRenew(let reason): reason
        case .store(let error): "\(error)"
        }
    }

    /// One word, for a person who counts.
    package var word: String {
        switch self {
        case .silent: "silent"
        case .status: "status"
        case .invalid(let error): error.word
        case .clocks: "clocks"
        case .endsTooSoon: "ends"
        case .doesNotRenew: "order"
        case .store: "store"
        }
    }
}

/// What the server's log tells of time-stamps.
package enum TimeStampEvent: Equatable, Sendable {
    case stamped(TimeStampFacts)
    case failed(authority: String, TimeStampFailure)
    case renewed(authority: String, count: Int, digest: TimeStampDigest, ends: Int64)
    case renewalFailed(authority: String, count: Int, TimeStampFailure)
    case damaged(TimeStampKey, String)
}

/// How an authority stands.
package struct TimeStampStatus: Sendable {
    package let authority: String
    package let url: String
    /// Tokens that it gave and that were stored, since the start.
    package internal(set) var stamps: UInt64 = 0
    /// Answers and silences that gave none, since the start.
    package internal(set) var failures: UInt64 = 0
    /// Of the newest token in the store: size and time.
    package internal(set) var newest: (size: TreeSize, milliseconds: Int64)?
    /// Why the last request gave none; nil if it gave one.
    package internal(set) var failing: String?
}
