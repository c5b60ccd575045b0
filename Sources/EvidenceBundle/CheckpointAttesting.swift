import EvidenceModel
package import TransparencyLog

/// Who confirms a bundle's checkpoint from outside while the bundle is put together: witnesses,
/// time-stamping authorities.
///
/// Whoever is silent must not stop an export. So nothing is thrown and the wait is bounded; what
/// is missing is told in ``CheckpointAttestation/findings``, and README.html shows it.
package protocol CheckpointAttesting: Sendable {
    /// Adds what those who were asked have said by the deadline, and one finding for each of them.
    ///
    /// Witnesses, which never cosign a tree smaller than one before, may put a checkpoint of a
    /// larger tree in the place of the one that is there; they are asked first.
    ///
    /// `deadlineNanoseconds`: on the monotonic clock. Any thread; may wait until then.
    func attest(_ attestation: inout CheckpointAttestation, deadlineNanoseconds: UInt64)
}

/// A bundle's checkpoint with all that was said of it so far.
package struct CheckpointAttestation: Equatable, Sendable {
    /// What somebody who was asked has said, in words for README.html.
    package struct Finding: Equatable, Sendable {
        /// `witness Bergen`.
        package let who: String
        /// `cosigned at 2026-11-22T01:02:03.000Z`; or why there is nothing.
        package let what: String

        package init(who: String, what: String) {
            self.who = who
            self.what = what
        }
    }

    /// The tree of the checkpoint; it holds the record of the export.
    package private(set) var size: TreeSize

    /// The signed note as it will stand in `checkpoint`: the log's signature, and cosignatures.
    package private(set) var note: String

    /// In the order in which they were asked.
    package var findings: [Finding] = []

    /// Time-stamp tokens over the text of ``note``, DER, by the names of their authorities.
    package private(set) var tokens: [String: [UInt8]] = [:]

    package init(size: TreeSize, note: String) {
        self.size = size
        self.note = note
    }

    /// Takes another note in the place of the one that is there.
    ///
    /// - Precondition: it is a checkpoint of the same log, signed by it, of a tree of `size`, which
    ///   is not below ``size``.
    /// Tokens, which are over the text that was there, go.
    package mutating func replace(note: String, size: TreeSize) {
        precondition(size >= self.size, "the checkpoint of a bundle covers its export")
        if size != self.size { tokens = [:] }
        self.note = note
        self.size = size
    }

    /// Adds an authority's token, which was verified, over the text of ``note``.
    ///
    /// `authority`: a name that can be one of a file, as a collection's.
    package mutating func add(token: [UInt8], of authority: String) {
        precondition((try? CollectionName(authority)) != nil, "an authority without a name")
        tokens[authority] = token
    }
}
