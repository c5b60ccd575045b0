import EvidenceModel
import Platform

/// Compares the files of a sealed segment's directory, byte by byte, with `SHA256SUMS`.
struct SegmentFilesCheck {
    let number: SegmentNumber
    let paths: StorePaths
    /// The groups that the segment's leaves give.
    let groups: Set<PayloadGroup>
    /// Those of which something must be there.
    let standing: Set<PayloadGroup>

    func run(_ report: inout FsckReport) throws(StoreError) {
        let digests = try report.check { _ throws(StoreError) in
            try SegmentDigests(of: number, paths)
        }
        guard let digests else { return }
        let directory = paths.segment(number)
        let names = try onDisk { () throws(SystemError) in try FileSystem.list(directory) }
        for (name, digest) in digests.digests.sorted(by: { $0.key < $1.key }) {
            let path = "\(directory)/\(name)"
            guard names.contains(name) else {
                report.damage(path, "it is missing, or its name in SHA256SUMS was changed")
                continue
            }
            if try SegmentDigests.digest(ofFileAt: path) != digest {
                report.damage(
                    path,
                    "it does not have the digest that SHA256SUMS has: one of the two was changed"
                )
            }
            if let group = PayloadFileName(name)?.group, !groups.contains(group) {
                report.damage(path, "no record of the segment belongs into it")
            }
        }
        for name in names where digests.digests[name] == nil && name != SegmentDigests.fileName {
            check(name, "\(directory)/\(name)", digests.files, &report)
        }
    }

    /// Tells of what an interrupted seal or rewrite left of a segment that is not sealed.
    static func noteLeftovers(
        in directory: String,
        _ report: inout FsckReport
    ) throws(StoreError) {
        let names = try onDisk { () throws(SystemError) in try FileSystem.list(directory) }
        for name in names where SegmentSealer.isTemporary(name) {
            report.note("\(directory)/\(name)", "what an interrupted run left")
        }
    }

    /// A file that the list does not name.
    private func check(
        _ name: String,
        _ path: String,
        _ files: [PayloadGroup: PayloadFileName],
        _ report: inout FsckReport
    ) {
        let active = FileSystem.name(of: paths.active(number))
        if SegmentSealer.isTemporary(name) || name == active
            || name == UnsealedSegment.lockPath(of: active)
        {
            return report.note(path, "what an interrupted run left")
        }
        guard let group = PayloadFileName(name)?.group else {
            return report.note(path, "it does not belong here")
        }
        if files[group] == nil && standing.contains(group) {
            report.damage(path, "\(SegmentDigests.fileName) does not name it")
        } else {
            report.note(path, "what an interrupted erasure left")
        }
    }
}
