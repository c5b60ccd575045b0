package import EvidenceModel

/// Where each thing of a log is on disk.
///
/// ARCHITECTURE.md has the trust table.
package struct StorePaths: Hashable, Sendable {
    /// The log's directory.
    package let root: String

    package init(_ root: String) {
        self.root = root.count > 1 && root.hasSuffix("/") ? String(root.dropLast()) : root
    }

    package var lock: String { root + "/LOCK" }
    package var description: String { root + "/log.json" }
    package var signingKey: String { root + "/log.key" }
    package var segments: String { root + "/segments" }
    package var payloads: String { root + "/payloads" }
    /// Uploads that no record names yet, or whose record was only just written.
    package var incoming: String { root + "/payloads/incoming" }
    package var catalog: String { root + "/catalog" }
    package var catalogFile: String { root + "/catalog/catalog.mdb" }
    /// Indexes over many sealed segments.
    package var runs: String { root + "/catalog/runs" }
    package var state: String { root + "/state" }
    package var stateFile: String { root + "/state/state.mdb" }
    package var credentialsFile: String { root + "/state/credentials.mdb" }
    package var cosignaturesFile: String { root + "/state/cosignatures.mdb" }
    package var timestampsFile: String { root + "/state/timestamps.mdb" }
    /// What a log that was restored keeps about that.
    package var restoreMark: String { root + "/state/restored.json" }
    package var access: String { root + "/state/access" }
    /// The log that this one goes on for, if it was restored together with it; a log of its own.
    package var predecessor: String { root + "/predecessor" }
    /// Bundles that were asked for; safe to delete.
    package var exports: String { root + "/exports" }

    package func segment(_ number: SegmentNumber) -> String {
        let digits = String(number.value)
        return segments + "/" + String(repeating: "0", count: max(0, 10 - digits.count)) + digits
    }

    package func active(_ number: SegmentNumber) -> String { segment(number) + "/active.mdb" }
    /// The copy of `active.mdb` without what was erased, until it takes its place.
    package func rewritten(_ number: SegmentNumber) -> String {
        active(number) + SegmentRewrite.suffix
    }
    package func log(_ number: SegmentNumber) -> String { segment(number) + "/log.mdb" }

    /// The digests of a sealed segment's files.
    package func digests(_ number: SegmentNumber) -> String {
        segment(number) + "/" + SegmentDigests.fileName
    }

    /// A sealed segment's payloads of one expiry month and mode: `payloads-2033-11-C.mdb`.
    package func payloads(_ number: SegmentNumber, _ group: PayloadGroup) -> String {
        segment(number) + "/" + group.fileName
    }

    /// Any generation of such a file.
    func payloads(_ number: SegmentNumber, _ name: PayloadFileName) -> String {
        segment(number) + "/" + name.text
    }

    package func incoming(_ id: UploadID) -> String { "\(incoming)/\(id).zst" }

    package func payloadFile(_ id: UploadID) -> String {
        let name = id.description
        return "\(payloads)/\(name.prefix(2))/\(name).zst"
    }

    /// What stands there instead of a payload file that was evicted.
    func evictionMark(_ id: UploadID) -> String {
        payloadFile(id).dropLast(".zst".count) + Self.evictionSuffix
    }

    static let evictionSuffix = ".evicted"

    /// Where the bytes of an evicted payload file arrive; a start removes what is left there.
    func fetched(_ id: UploadID) -> String { "\(incoming)/\(id).fetched" }

    /// The segment that a directory's name stands for, or nil if it is none.
    package static func segmentNumber(directory name: String) -> SegmentNumber? {
        guard name.utf8.count >= 10, name.utf8.allSatisfy({ 48...57 ~= $0 }),
            let value = UInt64(name), value < 1 << 45
        else { return nil }
        let number = SegmentNumber(value)
        return StorePaths("").segment(number) == "/segments/" + name ? number : nil
    }
}

/// The payloads of a sealed segment that can be erased together: one expiry month, one mode.
package struct PayloadGroup: Hashable, Comparable, Sendable {
    /// Year and month of the retain-until date: `2033-11`.
    package let month: String
    package let mode: RetentionMode

    /// The group of a record with this lock.
    package init(_ lock: Lock) {
        month = String(lock.until.rfc3339Seconds.prefix(7))
        mode = lock.mode
    }

    /// Reads back what `fileName` gives.
    package init?(fileName: String) {
        let parts = fileName.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "payloads", parts[1].utf8.count == 4,
            parts[2].utf8.count == 2, (parts[1] + parts[2]).utf8.allSatisfy({ 48...57 ~= $0 })
        else { return nil }
        month = parts[1] + "-" + parts[2]
        switch parts[3] {
        case "C.mdb": mode = .compliance
        case "G.mdb": mode = .governance
        default: return nil
        }
    }

    package var fileName: String { "payloads-\(month)-\(mode == .compliance ? "C" : "G").mdb" }

    package static func < (left: PayloadGroup, right: PayloadGroup) -> Bool {
        left.fileName < right.fileName
    }
}
