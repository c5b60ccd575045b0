import EvidenceModel
import Platform

/// Which segments a log's directory holds, and in which form.
struct SegmentSurvey: Sendable {
    /// Segments 0 ..< sealedCount are sealed.
    private(set) var sealedCount: UInt64 = 0
    /// The others, ascending, without gaps.
    private(set) var unsealed: [SegmentNumber] = []

    /// - Throws: `damaged` if a segment is missing between two others.
    init(_ paths: StorePaths) throws(StoreError) {
        let names = try onDisk { () throws(SystemError) in try FileSystem.list(paths.segments) }
        for name in names {
            guard let number = StorePaths.segmentNumber(directory: name) else {
                throw .damaged(
                    path: paths.segments + "/" + name,
                    detail: "it does not belong here"
                )
            }
            let expected = sealedCount + UInt64(unsealed.count)
            guard number.value == expected else {
                throw .damaged(
                    path: paths.segment(SegmentNumber(expected)),
                    detail: "the segment is missing"
                )
            }
            let isSealed = try onDisk { () throws(SystemError) in
                try FileSystem.exists(paths.log(number))
            }
            if !isSealed {
                if let last = unsealed.last { try Self.checkOpen(last, paths) }
                unsealed.append(number)
            } else if unsealed.isEmpty {
                sealedCount += 1
            } else {
                throw .damaged(
                    path: paths.log(unsealed[0]),
                    detail: "the file is missing, while later segments are sealed"
                )
            }
        }
    }

    /// Only the last segment may be without its file: a crash came before that was made.
    private static func checkOpen(
        _ number: SegmentNumber,
        _ paths: StorePaths
    ) throws(StoreError) {
        let isThere = try onDisk { () throws(SystemError) in
            try FileSystem.exists(paths.active(number))
        }
        guard isThere else {
            throw .damaged(
                path: paths.log(number),
                detail: "the file is missing, and there is no active.mdb in its place"
            )
        }
    }

    /// The segments where an interrupted seal may have left something: the last sealed ones, as
    /// many as wait for a seal at most, and the unsealed.
    var toTidy: [SegmentNumber] {
        let first = sealedCount - min(sealedCount, UInt64(Self.tidiedSegments))
        return (first..<sealedCount).map { SegmentNumber($0) } + unsealed
    }

    private static let tidiedSegments = 64
}
