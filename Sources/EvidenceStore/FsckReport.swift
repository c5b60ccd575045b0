package import EvidenceModel

/// What `fsck` looked at and what it found.
package struct FsckReport: Sendable {
    /// Something that is not as it should be.
    package struct Finding: Hashable, Sendable, CustomStringConvertible {
        package enum Severity: String, Sendable {
            /// Evidence, a proof or an index is missing or wrong.
            case damage
            /// Harmless: what an interrupted run left, or a right that is wider than it should be.
            case note
        }

        package let severity: Severity
        package let path: String
        package let detail: String

        package init(severity: Severity, path: String, detail: String) {
            self.severity = severity
            self.path = path
            self.detail = detail
        }

        package var description: String { "\(severity.rawValue): \(path): \(detail)" }
    }

    package var findings: [Finding] = []
    package internal(set) var segments: UInt64 = 0
    package internal(set) var sealedSegments: UInt64 = 0
    package internal(set) var records: UInt64 = 0
    package internal(set) var payloads: UInt64 = 0
    package internal(set) var payloadBytes: UInt64 = 0
    /// Records whose payloads were lawfully erased.
    package internal(set) var erasedPayloads: UInt64 = 0
    /// Payloads that stand in a target only, and are not read.
    package internal(set) var evictedPayloads: UInt64 = 0
    package internal(set) var tiles: UInt64 = 0
    package internal(set) var indexEntries: UInt64 = 0
    /// Indexes over many segments.
    package internal(set) var indexRuns: UInt64 = 0
    package internal(set) var signatures: UInt64 = 0
    /// Time-stamps of checkpoints, and checkpoints that witnesses have cosigned.
    package var timestamps: UInt64 = 0
    package var cosignedCheckpoints: UInt64 = 0
    /// Records that are no evidence.
    package internal(set) var acts: UInt64 = 0
    /// SHA-256 of what they amount to, in its exported form; in hexadecimal.
    package internal(set) var stateDigest = ""
    /// The root of the tree over all records, in hexadecimal.
    package internal(set) var root = ""
    /// The log that this one goes on for, as record 0 names it.
    package internal(set) var predecessor: Predecessor?

    /// Nothing is missing or wrong; there may be notes.
    package var isClean: Bool { !findings.contains { $0.severity == .damage } }

    mutating func damage(_ path: String, _ detail: String) {
        findings.append(Finding(severity: .damage, path: path, detail: detail))
    }

    mutating func note(_ path: String, _ detail: String) {
        findings.append(Finding(severity: .note, path: path, detail: detail))
    }

    /// Runs a check; what it finds damaged is a finding, and the next check goes on.
    ///
    /// - Throws: What is no finding about the log: a system call that failed.
    mutating func check<Result>(
        _ body: (inout FsckReport) throws(StoreError) -> Result
    ) throws(StoreError) -> Result? {
        do throws(StoreError) {
            return try body(&self)
        } catch {
            guard case .damaged(let path, let detail) = error else { throw error }
            damage(path, detail)
            return nil
        }
    }
}
